"""Values of a record as the rules read them: numbers, dates, presence."""

from datetime import date
from decimal import Decimal, InvalidOperation

from pydantic import JsonValue


def without_nulls(value: JsonValue) -> JsonValue:
    """The same without what was not found: nulls, empty lists, and objects that hold nothing else.
    Items of lists stay, so that paths stay right."""
    if isinstance(value, dict):
        kept = {name: without_nulls(each) for name, each in value.items()}
        return {name: each for name, each in kept.items() if each not in (None, {}, [])}
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    return value


def as_amount(value: JsonValue) -> Decimal | None:
    """A number of a record, which JSON has as a number or, so that no cent is lost, as text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def as_day(value: JsonValue) -> date | None:
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None
