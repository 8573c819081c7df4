"""Rules of the schema: required values, types, the user's own validators."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, JsonValue

from schemas.record import Finding
from schemas.record_path import walk
from tasks.record_schema.fields import fields_of
from tasks.record_schema.satisfied import place_of, refusal


def schema_findings(record: Mapping[str, JsonValue], schema: type[BaseModel]) -> Iterator[Finding]:
    """One finding for each value that is missing or refused; one alone, `nothing_found`, when the
    record has no value at all.

    What was not found is left out before, so that a default of the schema counts and a null is
    never a value. Raises StepError when a validator breaks.
    """
    if all(value is None for _, value in walk(record)):
        required = tuple(field.key for field in fields_of(schema) if field.required)
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
        path = place_of(problem, record, schema)
        finding = _finding(str(path), problem["msg"], missing=missing)
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
