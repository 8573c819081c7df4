"""Found values as JSON in the record: decimals as strings, dates as ISO 8601."""

from datetime import date
from decimal import Decimal

from pydantic import JsonValue

from tasks.record_schema.shape import Leaf


def json_value(leaf: Leaf, value: object) -> JsonValue:
    """`value` as the leaf's type wants it, or None when it cannot be that."""
    if isinstance(value, date):
        return _date(leaf, value)
    if isinstance(value, Decimal):
        return _number(leaf, value)
    if isinstance(value, str):
        text = " ".join(value.split())
        if leaf.type in ("decimal", "float", "int"):
            return int(text) if leaf.type == "int" and text.isdigit() else None
        return text if text and leaf.type in ("str", "choice") else None
    return None


def _date(leaf: Leaf, value: date) -> JsonValue:
    if leaf.type == "datetime":
        return f"{value.isoformat()}T00:00:00"
    return value.isoformat() if leaf.type in ("date", "str") else None


def _number(leaf: Leaf, value: Decimal) -> JsonValue:
    if leaf.type == "int":
        return int(value) if value == value.to_integral_value() else None
    if leaf.type == "float":
        return float(value)
    return format(value, "f") if leaf.type in ("decimal", "str") else None
