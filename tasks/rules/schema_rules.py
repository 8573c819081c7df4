"""Rules of the schema: required values, types, the user's own validators."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, JsonValue

from schemas.record import Finding
from tasks.record_schema.satisfied import refusal
from tasks.rules.values import leaves


def schema_findings(record: Mapping[str, JsonValue], schema: type[BaseModel]) -> Iterator[Finding]:
    """One finding for each value that is missing or refused; one alone, `nothing_found`, when the
    record has no value at all.

    What was not found is left out before, so that a default of the schema counts and a null is
    never a value. Raises StepError when a validator breaks.
    """
    if next(leaves(dict(record)), None) is None:
        required = tuple(name for name, field in schema.model_fields.items() if field.is_required())
        yield Finding(
            code="nothing_found",
            message="no value of the schema was found in this document",
            fields=required,
        )
        return
    refused = refusal(record, schema)
    seen: set[tuple[str, str]] = set()
    for problem in (
        refused.errors(include_url=False, include_input=False, include_context=False)
        if refused
        else ()
    ):
        missing = problem["type"] == "missing"
        finding = _finding(
            _path(record, problem["loc"], missing=missing), problem["msg"], missing=missing
        )
        key = (finding.code, finding.fields[0] if finding.fields else problem["msg"])
        if key not in seen:  # the branches of a union complain one by one
            seen.add(key)
            yield finding


def _finding(path: str, message: str, *, missing: bool) -> Finding:
    fields = (path,) if path else ()
    if missing:
        return Finding(
            code="value_missing", message=f"{path} is required and was not found", fields=fields
        )
    return Finding(
        code="value_invalid", message=f"{path}: {message}" if path else message, fields=fields
    )


def _path(record: Mapping[str, JsonValue], place: tuple[int | str, ...], *, missing: bool) -> str:
    """Dotted path of a validation error. Its place also names branches of unions, which are not in
    the record and are left out."""
    path = ""
    holder: JsonValue = dict(record)
    for index, step in enumerate(place):
        if isinstance(step, int):
            path += f"[{step}]"
            holder = holder[step] if isinstance(holder, list) and step < len(holder) else None
        elif (isinstance(holder, dict) and step in holder) or (missing and index == len(place) - 1):
            path += f".{step}" if path else step
            holder = holder.get(step) if isinstance(holder, dict) else None
    return path
