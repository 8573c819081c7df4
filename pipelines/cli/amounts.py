"""Amounts of money given on the command line."""

from decimal import Decimal, InvalidOperation

from schemas.errors import CallError


def dollars(text: str | None) -> Decimal | None:
    """The USD of `--max-cost`; None when it was not given. Raises CallError for anything but an
    amount above 0."""
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not (value.is_finite() and value > 0):
        raise CallError(
            f"--max-cost must be an amount in USD greater than 0, found {text!r}; nothing was run."
        )
    return value
