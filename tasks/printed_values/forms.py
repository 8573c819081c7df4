"""What a value of a record is when it is compared: a date, a number or a text."""

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache

_ISO_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?$")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?$")


@lru_cache(maxsize=1024)
def form_of(value: object) -> tuple[str, object]:
    """What a JSON value is: ("date", date), ("number", Decimal) or ("text", str)."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number", Decimal(str(value))
    text = str(value).strip()
    if match := _ISO_DATE.match(text):
        try:
            return "date", date.fromisoformat(match[1])
        except ValueError:
            return "text", text
    if _NUMBER.match(text):
        try:
            return "number", Decimal(text)
        except InvalidOperation:
            return "text", text
    return "text", text
