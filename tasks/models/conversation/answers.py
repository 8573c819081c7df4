"""Answers as records: reads JSON into the nullable model.

Names what does not fit, and saves the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, JsonValue, ValidationError

from tasks.models.http import wire
from tasks.record_schema.nullable import nullable, read_json

Record = dict[str, JsonValue]
_SAVING_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """`record` is what fits the schema; None when nothing does. `problems` are told to the model:
    place and reason, no values."""

    record: Record | None
    problems: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()  # dotted paths of what did not fit


def read_answer(text: str, schema: type[BaseModel]) -> ReadAnswer:
    """Never raises: an answer that is no JSON object is one with a problem."""
    try:
        data = read_json(wire.json_text(text))
    except (ValueError, RecursionError):
        return ReadAnswer(None, ("the answer is not valid JSON",))
    if not isinstance(data, dict):
        return ReadAnswer(None, ("the answer is not a JSON object",))
    model = nullable(schema)
    if data and not _known_names(model) & data.keys():
        return ReadAnswer(None, ("none of the schema's fields is in the answer",))
    problems: dict[str, str] = {}
    for _ in range(_SAVING_ROUNDS):
        try:
            record = model.model_validate(data)
        except ValidationError as error:
            for place, reason in _places(error, data):
                problems.setdefault(_dotted(place), f"{_dotted(place)}: {reason}")
                _set_null(data, place)
        else:
            dumped: Record = record.model_dump(mode="json", by_alias=True)
            found = not problems or _has_value(dumped)
            return ReadAnswer(dumped if found else None, tuple(problems.values()), tuple(problems))
    return ReadAnswer(None, tuple(problems.values()), tuple(problems))


def empty_record(schema: type[BaseModel]) -> Record:
    """The record of a document that says nothing."""
    record: Record = nullable(schema)().model_dump(mode="json", by_alias=True)
    return record


def merge(records: Sequence[Record]) -> tuple[Record, tuple[str, ...]]:
    """One record of the parts of a long document: lists one after the other, the first value that
    is there. Second: paths where parts disagree."""
    conflicts: list[str] = []
    merged: Record = {}
    for record in records:
        merged = _merged(merged, record, "", conflicts)
    return merged, tuple(dict.fromkeys(conflicts))


def _merged(first: Any, second: Any, place: str, conflicts: list[str]) -> Any:
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, dict) and isinstance(second, dict):
        inside = {name: f"{place}.{name}" if place else name for name in {**first, **second}}
        return {
            name: _merged(first.get(name), second.get(name), path, conflicts)
            for name, path in inside.items()
        }
    if isinstance(first, list) and isinstance(second, list):
        return [*first, *second]
    if first != second:
        conflicts.append(place)
    return first


def completed(exact: Record, found: Record) -> Record:
    """`found` with every value of `exact` in its place: a list of `exact` that has entries stands
    as a whole."""
    return {name: _completed(exact.get(name), found.get(name)) for name in {**exact, **found}}


def _completed(exact: Any, found: Any) -> Any:
    if isinstance(exact, dict) and isinstance(found, dict):
        return completed(exact, found)
    return found if exact in (None, [], {}) else exact


def is_open(exact: Record, field: str) -> bool:
    """Whether `exact` says nothing at the dotted path `field`, nor anything that holds it as a
    list."""
    node: Any = exact
    for name in field.replace("[", ".[").split("."):
        if isinstance(node, list):
            return not node
        node = node.get(name) if isinstance(node, dict) else node
        if node in (None, [], {}):
            return True
    return False


def _known_names(model: type[BaseModel]) -> set[str]:
    return {
        name
        for key, info in model.model_fields.items()
        for name in (key, info.validation_alias)
        if isinstance(name, str)
    }


def _places(error: ValidationError, data: Any) -> list[tuple[tuple[str | int, ...], str]]:
    """Where in `data` each problem is; what pydantic adds to a place (the member of a union) is
    left out."""
    found = []
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        place: list[str | int] = []
        node = data
        for step in problem["loc"]:
            inside = (isinstance(node, dict) and step in node) or (
                isinstance(node, list) and isinstance(step, int) and step < len(node)
            )
            if inside:
                node = node[step]
                place.append(step)
        found.append((tuple(place), problem["msg"]))
    return found


def _set_null(data: Any, place: tuple[str | int, ...]) -> None:
    for step in place[:-1]:
        data = data[step]
        if data is None:
            return
    if place:
        data[place[-1]] = None


def _dotted(place: tuple[str | int, ...]) -> str:
    return (
        "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")
        or "the answer"
    )


def _has_value(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_value(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_has_value(inner) for inner in value)
    return value is not None
