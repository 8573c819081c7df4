"""The rule about the direction of money: type code and sign of the total have to agree.

`schemas.invoice` promises that a credit note is known by its type code and has positive amounts.
Nothing is turned round here: which of two readings is right, only a person can say.
"""

from collections.abc import Iterator

from schemas.record import Finding
from tasks.rules.facts import Facts

CREDIT_NOTES = frozenset(
    ("81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532")
)
"""Codes of UNCL 1001 that EN 16931 treats as credit notes."""


def direction(facts: Facts) -> Iterator[Finding]:
    """A negative total, in a record whose schema says whether it is an invoice or a credit note."""
    total = facts.amount("total")
    if total is None or total >= 0 or not facts.has("type_code"):
        return
    code = facts.text("type_code")
    if code in CREDIT_NOTES:
        message = (
            f"a credit note (type {code}) with a negative total of {total} can be read in two "
            f"ways: {-total} goes to the buyer (the minus only repeats the title), or {-total} "
            "goes to the seller (the credit note takes back another one)"
        )
    else:
        kind = f"type {code}" if code else "no type code"
        message = (
            f"{kind}, but the total is {total}; it can be read in two ways: a credit note of "
            f"{-total}, or an invoice whose total is below zero"
        )
    yield Finding(
        code="direction_unclear", message=message, fields=facts.paths("type_code", "total")
    )
