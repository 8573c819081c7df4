"""Wording of mistakes in flows.yaml.

Turns pydantic's errors into problems with a line, what was expected and what was found.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pipelines.loading.yaml_source import YamlPath, YamlSource
from schemas.errors import Problem
from schemas.flow import ENVIRONMENT_PATTERN, NAME_PATTERN, URL_PATTERN, FlowFile
from schemas.flow.deployment import DEPLOYMENT_NAME_PATTERN

_SECRET_KEYS = {
    "state",
    "store",
    "base_url",
    "api_key_env",
    "passwords_env",
    "webhook_env",
    "api_key",
}  # what is found here is never repeated
_FOUND_WIDTH = 40

_PATTERNS = {
    NAME_PATTERN: "a name of letters, digits and `_` that starts with a letter",
    DEPLOYMENT_NAME_PATTERN: "a name of letters, digits, `_`, `-` and `.`",
    ENVIRONMENT_PATTERN: "the name of an environment variable in capitals, such as "
    "MISTRAL_API_KEY, never the "
    "secret itself",
    URL_PATTERN: "a URL such as https://api.mistral.ai/v1, without user or password",
}

_EXPECTED: dict[str, Callable[[dict[str, Any]], str]] = {
    "string_type": lambda _: "text",
    "int_type": lambda _: "a whole number",
    "int_from_float": lambda _: "a whole number",
    "float_type": lambda _: "a number",
    "float_parsing": lambda _: "a number",
    "finite_number": lambda _: "a finite number",
    "decimal_type": lambda _: "a number",
    "decimal_parsing": lambda _: "a number",
    "bool_type": lambda _: "true or false",
    "model_type": lambda _: "a mapping of keys to values",
    "dict_type": lambda _: "a mapping of keys to values",
    "tuple_type": lambda _: "a list",
    "list_type": lambda _: "a list",
    "literal_error": lambda context: str(context["expected"]),
    "enum": lambda context: str(context["expected"]),
    "greater_than": lambda context: f"greater than {context['gt']}",
    "greater_than_equal": lambda context: f"at least {context['ge']}",
    "less_than": lambda context: f"less than {context['lt']}",
    "less_than_equal": lambda context: f"at most {context['le']}",
    "string_pattern_mismatch": lambda context: _PATTERNS.get(
        context["pattern"], f"text that matches {context['pattern']}"
    ),
    "string_too_short": lambda context: f"text of at least {context['min_length']} characters",
    "string_too_long": lambda context: f"text of at most {context['max_length']} characters",
    "datetime_parsing": lambda _: "a date and time such as 2026-01-31T06:00:00",
    "datetime_from_date_parsing": lambda _: "a date and time such as 2026-01-31T06:00:00",
    "datetime_type": lambda _: "a date and time such as 2026-01-31T06:00:00",
}


def problems_of(error: ValidationError, source: YamlSource) -> list[Problem]:
    """One problem for each mistake; what several branches of a union say of one value is joined
    with `or`."""
    by_path: dict[YamlPath, list[ErrorDetails]] = defaultdict(list)
    for details in error.errors(include_url=False):
        if details["type"] == "too_short" and details["input"]:
            # pydantic counts the entries that are right; each wrong one is a problem of its own
            continue
        by_path[_yaml_path(details, source)].append(details)
    return [_problem(path, found, source) for path, found in by_path.items()]


def problem_at(source: YamlSource, path: YamlPath, message: str) -> Problem:
    line, column = source.position(path)
    return Problem(line, column, source.place(path), message)


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str = "known") -> str:
    """`did you mean ...?` with the nearest known name, or all known ones when none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only needed when something is wrong

    names = sorted(known)
    near = get_close_matches(name, names, n=1) or get_close_matches(name.lower(), names, n=1)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"{otherwise}: {', '.join(names)}" if names else f"{otherwise}: none"


def found(value: object) -> str:
    """A value in the words of YAML, short enough for one line."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case str():
            return repr(value if len(value) <= _FOUND_WIDTH else f"{value[:_FOUND_WIDTH]}...")
        case _:
            return str(value)[:_FOUND_WIDTH]


def _yaml_path(details: ErrorDetails, source: YamlSource) -> YamlPath:
    """Location without what YAML does not have: union tags, `[key]`. A missing key keeps its
    name."""
    path: YamlPath = ()
    for key in details["loc"]:
        if source.has((*path, key)):
            path = (*path, key)
    if details["type"] == "missing":
        path = (*path, details["loc"][-1])
    return path


def _problem(path: YamlPath, errors: Sequence[ErrorDetails], source: YamlSource) -> Problem:
    special = next(
        (message for details in errors if (message := _special_message(details, path))), None
    )
    return problem_at(source, path, special or _expectation(errors, path))


def _expectation(errors: Sequence[ErrorDetails], path: YamlPath) -> str:
    value = errors[0]["input"]
    if not all(details["type"] in _EXPECTED for details in errors):
        return "; ".join(details["msg"] for details in errors)
    expected = " or ".join(
        dict.fromkeys(_EXPECTED[details["type"]](details.get("ctx", {})) for details in errors)
    )
    message = f"must be {expected}"
    if path and path[-1] in _SECRET_KEYS:
        return message
    message += f", found {found(value)}"
    if any(details["type"] in ("literal_error", "enum") for details in errors) and isinstance(
        value, str
    ):
        choices = [choice.strip(" '") for choice in expected.replace(" or ", ",").split(",")]
        hint = did_you_mean(value, choices)
        return f"{message}; {hint}" if hint.startswith("did") else message
    if errors[0]["type"] == "string_type" and isinstance(value, int | float):
        return f"{message}; put it in quotes"
    if errors[0]["type"] in ("int_type", "float_type", "bool_type") and isinstance(value, str):
        return f"{message}, which YAML reads as text"
    return message


def _special_message(details: ErrorDetails, path: YamlPath) -> str | None:
    word = _SPECIAL.get(details["type"])
    return word(details, path) if word else None


def _step_names_message(context: dict[str, Any]) -> str:
    names, steps = context["names"], context["steps"]
    if not names:
        return "must be a step such as `- render: {}`, found an empty mapping"
    if len(steps) == 1:
        others = [f"`{name}`" for name in names if name != steps[0]]
        verb = "is" if len(others) == 1 else "are"
        return (
            f"{', '.join(others)} {verb} beside `{steps[0]}`; indent its settings under it "
            "(two more spaces)"
        )
    return "one entry holds one step; start each with its own `- `"


_SPECIAL: dict[str, Callable[[ErrorDetails, YamlPath], str]] = {
    "missing": lambda _, __: "is missing",
    "extra_forbidden": lambda _, path: (
        f"unknown key; {did_you_mean(str(path[-1]), _known_keys(path[:-1]))}"
    ),
    "too_short": lambda details, _: (
        f"must have {details['ctx']['min_length']} or more entries, found none"
    ),
    "value_error": lambda details, _: str(details["ctx"]["error"]),
    "unknown_step": lambda details, _: _unknown_step_message(details["ctx"]),
    "step_names": lambda details, _: _step_names_message(details["ctx"]),
    "step_form": lambda details, _: (
        f"must be a step such as `- render: {{}}`, found {found(details['input'])}"
    ),
}


def _unknown_step_message(context: dict[str, Any]) -> str:
    otherwise = "a step of your own is `path.py:function`; known"
    return f"unknown step; {did_you_mean(context['name'], context['known'], otherwise=otherwise)}"


def _known_keys(path: YamlPath) -> set[str]:
    """The keys that flows.yaml may have in the mapping at `path`, by the JSON Schema of the
    models."""
    root = FlowFile.model_json_schema()
    level = [root]
    for key in path:
        level = [_resolved(child, root) for schema in level for child in _children(schema, key)]
        level = [branch for schema in level for branch in _branches(schema, root)]
    return {name for schema in level for name in schema.get("properties", {})}


def _children(schema: dict[str, Any], key: str | int) -> list[dict[str, Any]]:
    if isinstance(key, int):
        return [schema["items"]] if "items" in schema else []
    if key in schema.get("properties", {}):
        return [schema["properties"][key]]
    patterned = list(schema.get("patternProperties", {}).values())
    extra = schema.get("additionalProperties")
    return [*patterned, extra] if isinstance(extra, dict) else patterned


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def _branches(schema: dict[str, Any], root: dict[str, Any]) -> list[dict[str, Any]]:
    inner = [
        _resolved(branch, root) for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ()))
    ]
    return [schema, *(leaf for branch in inner for leaf in _branches(branch, root))]
