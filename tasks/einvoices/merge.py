"""How do the exact values of a short e-invoice (MINIMUM, BASIC WL) and those read off its pages become one record?"""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from schemas.record import Evidence


def merge_exact(exact: Mapping[str, JsonValue], found: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Exact values win, field by field; what the e-invoice lacks (null, an empty list) is taken from `found`.

    A list comes whole from one of the two: items of two readings cannot be told to be the same.
    """
    merged: dict[str, JsonValue] = {**found}
    for name, value in exact.items():
        other = found.get(name)
        if isinstance(value, dict) and isinstance(other, dict):
            merged[name] = merge_exact(value, other)
        elif value not in (None, [], {}) or name not in found:
            merged[name] = value
    return merged


def merge_evidence(exact: Sequence[Evidence], found: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Evidence of the merged record: that of the e-invoice, and of the pages for fields that it does not fill."""
    known = {evidence.field for evidence in exact}
    lists = {field[: field.index("[")] for field in known if "[" in field}
    kept = [each for each in found if each.field not in known and not any(each.field.startswith(f"{name}[") for name in lists)]
    return (*exact, *kept)
