"""Values of a record as the rules read them: numbers, dates, presence."""

from datetime import date
from decimal import Decimal, InvalidOperation

from pydantic import JsonValue


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
