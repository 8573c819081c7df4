"""Generator of docs/flows.md from the models.

Run `python -m pipelines.describing.flow_reference > docs/flows.md`.
"""

import inspect
import json
import sys
from collections.abc import Iterator
from enum import Enum
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pipelines.describing.json_schema import flow_file_schema
from schemas.flow import (
    DOCUMENT_PATTERNS,
    STEP_SETTINGS,
    FieldSpec,
    FlowFile,
    FlowSpec,
    Spec,
    StepSpec,
)
from tasks.record_schema.fields import fields_of

_INTRODUCTION = """\
# flows.yaml: every key

This page is generated from the models in `schemas/flow/`. Do not edit it; run
`python -m pipelines.describing.flow_reference > docs/flows.md` and
`docmill schema > docs/flows.schema.json`.

- `docmill check` reports all mistakes in the file at once, each with line and column, and explains
  what each flow will do. It runs nothing.
- Your editor can complete the keys: the first line of the file names the JSON Schema
  (`# yaml-language-server: $schema=...`).
- Paths are relative to the folder of flows.yaml.
- Secrets are never written in the file. Name an environment variable, or add a line to `.env`
  beside the file.
- Scalars follow YAML 1.2: `on`, `yes`, `2024-01-01` and `0123` are text; `true`, `false` and `null`
  are not. Duplicate keys, tags and merge keys are rejected.
- A key that is not on this page is rejected: every accepted key has an effect.
"""

_STEPS = """\
## Steps

A flow is a list of steps. Each entry is `name: {settings}`; `- render` is short for `- render: {}`.
The order is `einvoice`, `render`, `extract`, `summarise`, `check`, `write`. A flow may leave steps
out, and may use each only once.

- `extract` needs `render`.
- `summarise` needs `extract` or `einvoice`.
- `check` needs `summarise` or `einvoice`.
- `write` needs `extract` or `einvoice`.

`write` runs when a document is finished. It may also be a key of the flow, `write: {...}`, instead
of the last step.

### Your own step

`- steps/enrich.py:add_cost_centre: {default: "4711"}` calls an async function in your file. It may
be anywhere after the first step:

```python
from docmill import Draft


async def add_cost_centre(draft: Draft, *, default: str) -> Draft:
    if draft.record is None:
        return draft
    return draft.model_copy(update={"record": {**draft.record, "cost_centre": default}})
```

Its settings are the function's arguments, checked by name and type when flows.yaml is loaded. Two
arguments are not settings; a function that has them receives them from the run: `models`, to ask a
model within the budget (None with the local engine), and `services`, what the run shares. An
example: [docmill from Python](python.md). The file may import its neighbours with
`from .neighbour import name`.
"""


def reference() -> str:
    """The page, in Markdown."""
    document = flow_file_schema()
    sections = [
        _INTRODUCTION,
        *_section("The file", FlowFile, document),
        *_section("A flow", FlowSpec, document, "flows.NAME"),
        _STEPS,
    ]
    for name, settings in STEP_SETTINGS.items():
        sections += _section(name, settings, document, level="###")
    shown = {FlowFile, FlowSpec, StepSpec, Spec, *STEP_SETTINGS.values()}
    sections.append("## Nested settings\n")
    for place, model in _nested(FlowFile, ""):
        if model not in shown:
            shown.add(model)
            sections += _section(place, model, document, level="###")
    return "\n".join(sections)


def _section(
    title: str, model: type[BaseModel], document: dict[str, Any], place: str = "", level: str = "##"
) -> Iterator[str]:
    yield f"{level} {title}{f' (`{place}`)' if place else ''}\n"
    about = inspect.cleandoc(model.__doc__ or "")
    if about:
        yield f"{about}\n"
    if not model.model_fields:
        yield "No settings.\n"
        return
    properties = model.model_json_schema(by_alias=True)
    known = properties.get("$defs", {}).get(model.__name__, properties)["properties"]
    yield "| key | type | default | meaning |\n|---|---|---|---|"
    for field in fields_of(model):
        cells = (
            f"`{field.key}`",
            _type(known[field.key], document),
            _default(field.info),
            field.description or "",
        )
        yield f"| {' | '.join(cells)} |".replace("  ", " ")
    yield ""


def _type(schema: dict[str, Any], document: dict[str, Any]) -> str:
    """A JSON Schema in a few words."""
    if "$ref" in schema:
        return _type_of_reference(schema["$ref"].rpartition("/")[2], document)
    if "anyOf" in schema or "oneOf" in schema:
        branches = schema.get("anyOf") or schema["oneOf"]
        return " or ".join(
            dict.fromkeys(_type(branch, document) for branch in _named_branches(branches))
        )
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum") or [schema["const"]])
    return _plain_type(schema, document)


def _plain_type(schema: dict[str, Any], document: dict[str, Any]) -> str:
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}), document)}"
    if kind == "object":
        value = schema.get("additionalProperties") or next(
            iter(schema.get("patternProperties", {}).values()), None
        )
        return (
            f"mapping of names to {_type(value, document)}"
            if isinstance(value, dict)
            else "mapping"
        )
    word = {"string": "text", "integer": "whole number", "boolean": "true, false"}.get(kind, kind)
    bounds = [f"{sign} {schema[key]}" for key, sign in _BOUNDS.items() if key in schema]
    return f"{word} {', '.join(bounds)}".strip()


_BOUNDS = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}


def _named_branches(branches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A decimal may be a text of digits too, says JSON Schema; a reader needs to know of the number
    only."""
    has_number = any(branch.get("type") == "number" for branch in branches)
    return [branch for branch in branches if not (has_number and branch.get("type") == "string")]


def _type_of_reference(name: str, document: dict[str, Any]) -> str:
    definition = document["$defs"].get(name, {})
    if "enum" in definition:
        return _type(definition, document)
    return {"StepSpec": "step", "FlowSpec": "flow"}.get(name, "mapping")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value == DOCUMENT_PATTERNS:
        return "documents of all kinds"
    if isinstance(value, BaseModel):
        return "as below"
    if isinstance(value, dict) and any(isinstance(item, BaseModel) for item in value.values()):
        return ", ".join(f"`{name}`" for name in value)
    if value is None or value in ("", {}, ()):
        return "none"
    return f"`{json.dumps(value.value if isinstance(value, Enum) else value)}`"


def _nested(model: type[BaseModel], place: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """Each model under `model` with the place of its first use, in the order of the file."""
    for field in fields_of(model):
        for inner in field.models:
            is_mapping = getattr(field.annotation, "__origin__", None) is dict
            where = f"{place}.{field.key}".lstrip(".") + (".NAME" if is_mapping else "")
            yield where, inner
            if inner is not model and inner is not FieldSpec:
                yield from _nested(inner, where)
    if model is StepSpec:
        for step, settings in STEP_SETTINGS.items():
            yield from _nested(settings, step)


if __name__ == "__main__":
    sys.stdout.write(reference())
