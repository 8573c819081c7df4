"""Answers as records: reads JSON into the nullable model.

Names what does not fit, and saves the rest.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, JsonValue, ValidationError

from schemas.record_path import RecordPath, walk
from tasks.models.http import wire
from tasks.record_schema.fields import fields_of
from tasks.record_schema.nullable import nullable, read_json

Record = dict[str, JsonValue]
_SAVING_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """`record` is what fits the schema; None when nothing does. `problems` are sent to the model:
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
    known = {name for field in fields_of(model) for name in field.names}
    if data and not known & data.keys():
        return ReadAnswer(None, ("none of the schema's fields is in the answer",))
    problems: dict[str, str] = {}
    for _ in range(_SAVING_ROUNDS):
        try:
            record = model.model_validate(data)
        except ValidationError as error:
            for place, reason in _leave_out(data, error):
                problems.setdefault(place, f"{place}: {reason}")
        else:
            dumped: Record = record.model_dump(mode="json", by_alias=True)
            found = not problems or any(value is not None for _, value in walk(dumped))
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
        merged = _merged(merged, record, RecordPath(), conflicts)
    return merged, tuple(dict.fromkeys(conflicts))


def _merged(first: Any, second: Any, place: RecordPath, conflicts: list[str]) -> Any:
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, dict) and isinstance(second, dict):
        return {
            name: _merged(first.get(name), second.get(name), place / name, conflicts)
            for name in {**first, **second}
        }
    if isinstance(first, list) and isinstance(second, list):
        return [*first, *second]
    if first != second:
        conflicts.append(str(place))
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
    """Whether `exact` says nothing at the path `field`, nor anything that holds it as a list."""
    node: JsonValue = exact
    for step in RecordPath.parse(field).steps:
        if isinstance(node, list):
            return not node
        node = RecordPath((step,)).get(node) if isinstance(node, dict) else node
        if node in (None, [], {}):
            return True
    return False


def _leave_out(data: Record, error: ValidationError) -> Iterator[tuple[str, str]]:
    """Sets each refused value to null; gives its place and the reason."""
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        path = RecordPath.located(data, problem["loc"])
        if path.steps:
            path.set(data, None)
        yield str(path) or "the answer", problem["msg"]
