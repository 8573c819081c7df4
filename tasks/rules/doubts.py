"""Findings about values that are not certain enough."""

from collections.abc import Iterator

from pydantic import BaseModel

from schemas.record import Draft, Evidence, Finding
from schemas.record_path import RecordPath
from tasks.printed_values.forms import form_of
from tasks.record_schema.fields import fields_of
from tasks.vocabulary.concepts import meaning_of


def doubts(draft: Draft, review_below: float, schema: type[BaseModel] | None) -> Iterator[Finding]:
    """Required values below the confidence that the flow asks for are for review; other unsure
    ones are notes. Values that no page shows are reported too.

    A schema that requires nothing has no value that matters less than another: all of them are for
    review.
    """
    required = required_fields(schema) if schema else frozenset()
    low = [evidence for evidence in draft.evidence if evidence.confidence < review_below]
    needed = [evidence for evidence in low if not required or evidence.field in required]
    others = [evidence for evidence in low if evidence not in needed]
    if needed:
        yield Finding(
            code="low_confidence", message=_unsure(needed, review_below), fields=_fields(needed)
        )
    if others:
        yield Finding(
            code="low_confidence",
            message=_unsure(others, review_below),
            fields=_fields(others),
            weight="note",
        )
    ungrounded = [evidence for evidence in draft.evidence if evidence.found_by == "ungrounded"]
    weighty = [evidence for evidence in ungrounded if _is_checkable(draft, evidence.field)]
    for group, weight in (
        (weighty, "review"),
        ([evidence for evidence in ungrounded if evidence not in weighty], "note"),
    ):
        if group:
            yield Finding(
                code="ungrounded",
                message=f"not found on any page: {_named(group)}",
                fields=_fields(group),
                weight=weight,
            )


def _is_checkable(draft: Draft, field: str) -> bool:
    """Money, numbers, dates, account and tax numbers: printed as they are, or made up."""
    path = RecordPath.parse(field)
    kind, _ = form_of(str(path.get(draft.record or {})))
    return kind != "text" or meaning_of(path.names, "str").kind in ("money", "date", "pattern")


def required_fields(schema: type[BaseModel], at: RecordPath | None = None) -> frozenset[str]:
    """Paths of the values that every record must have: required fields, and those of required
    parts."""
    found: set[str] = set()
    for field in fields_of(schema):
        if field.required:
            path = (at or RecordPath()) / field.key
            if field.group:
                found |= required_fields(field.group, path)
            else:
                found.add(str(path))
    return frozenset(found)


def _unsure(low: list[Evidence], review_below: float) -> str:
    named = ", ".join(
        f"{evidence.field} ({evidence.confidence:.2f})"
        for evidence in sorted(low, key=lambda evidence: evidence.confidence)[:3]
    )
    # three names fit a line
    more = f" and {len(low) - 3} more" if len(low) > 3 else ""  # noqa: PLR2004
    return f"confidence below {review_below:g}: {named}{more}"


def _named(group: list[Evidence]) -> str:
    named = ", ".join(evidence.field for evidence in group[:3])
    return named + (f" and {len(group) - 3} more" if len(group) > 3 else "")  # noqa: PLR2004  three names fit a line


def _fields(low: list[Evidence]) -> tuple[str, ...]:
    return tuple(evidence.field for evidence in low)
