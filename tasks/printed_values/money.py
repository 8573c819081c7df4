"""Amounts and numbers in a text, as exact decimals.

Separators of every locale, minus signs, currencies.
"""

import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple

from tasks.standards.currencies import (
    CURRENCY_SIGNS,
    CURRENCY_WORDS,
    PRINTED_CURRENCIES,
    minor_unit,
)
from tasks.text.plain_text import plain

_SIGN = "|".join(
    re.escape(s) for s in sorted((*CURRENCY_SIGNS, *PRINTED_CURRENCIES), key=len, reverse=True)
)
_NUMBER = (  # atomic: a number that does not fit as a whole is never read as a part of itself
    r"(?>"
    r"[1-9]\d{0,2}(?P<group>[.,' ·])\d{3}(?:(?P=group)\d{3})*(?:(?!(?P=group))[.,]\d{1,3})?(?!\d)"
    r"|\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d{1,2})?(?!\d)"  # 1,12,345.00
    r"|\d+[.,] \d{2}(?=\s*$)"  # OCR: "65. 20" at the end of a line
    r"|\d+(?:[.,]\d+)?|[.,]\d{2}"
    r")"
)
_LATIN = r"A-Za-z\u00c0-\u024f"  # letters that a number can be a part of; CJK is set without blanks
_AMOUNT = re.compile(
    rf"(?<![{_LATIN}\d_.,/#-])(?<!\d:)(?<!\d[',·])"
    rf"(?P<open>\()?(?P<minus>-\s?)?(?P<before>(?:{_SIGN})\.?)?\s?(?P<minus2>-\s?)?"
    rf"(?P<number>{_NUMBER})(?P<even>/[-=])?"  # 500/- in India, 500/= in East Africa
    rf"(?P<minus3>-(?![\w]))?\s?(?P<percent>%)?(?P<close>\))?"
    rf"(?:\s?(?P<after>{_SIGN})(?![A-Za-z]))?(?P<minus4>\s?-(?![\w]))?"
    rf"(?:\s?(?P<side>CR|Cr|DR|Dr)\b)?"
    rf"(?=$|[^{_LATIN}\d/]|[A-Za-z]{{1,2}}\b)(?![-/.,:'·]\d)"
)
_BEFORE = re.compile(  # "1^" or "1 . " before "200.00"
    r"(?<!\d)\d{1,3}(?:[^\w\s.,:()%/\u00d7*@+=-]|\s[.,'])\s?$"
)
_AFTER = re.compile(r"\s[.,']\d{3}(?!\d)")  # " .500" behind "12"
_THOUSANDS = re.compile(r"\d{3}(?!\d)")
_CODE = re.compile(r"(?<![A-Za-z])(" + "|".join(PRINTED_CURRENCIES) + r")(?![A-Za-z])")


THREE_DECIMALS = Decimal("0.001")  # the smallest unit of TND, KWD and their like


class FoundAmount(NamedTuple):
    """A number at `start`..`end` of a text. `decimals` counts printed places.

    `other`: what it is as well if three digits behind its only mark are decimals, as in 12.500 TND.
    `doubt`: why it may be only a part of the number that is printed.
    """

    start: int
    end: int
    value: Decimal
    decimals: int
    currency: str | None = None
    percent: bool = False
    other: Decimal | None = None
    doubt: str | None = None

    @property
    def is_money(self) -> bool:
        return not self.percent and (self.decimals == 2 or self.currency is not None)  # noqa: PLR2004  cents


@lru_cache(maxsize=2048)  # the same segments are looked at by several rules
def find_amounts(text: str) -> tuple[FoundAmount, ...]:
    """All numbers of `text` that stand alone: not parts of dates, codes, telephone numbers.

    A number is read whole or not at all. Where that is not certain, it says so in `doubt`.
    """
    text = plain(text)
    found: list[FoundAmount] = []
    for match in _AMOUNT.finditer(text):
        sign = (match["before"] or match["after"] or "").rstrip()
        currency = (
            sign
            if sign in PRINTED_CURRENCIES
            else CURRENCY_SIGNS.get(sign) or CURRENCY_SIGNS.get(sign.rstrip("."))
        )
        digits = match["number"]
        other = _with_three_decimals(digits)
        value = read_number(digits)
        if value is None:
            continue
        if other is not None and currency is not None:
            value, other = (other if minor_unit(currency) == THREE_DECIMALS else value), None
        start = match.start() + len(match[0]) - len(match[0].lstrip())
        exponent = value.as_tuple().exponent
        places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
        sign_of = -1 if _is_negative(match) else 1
        found.append(
            FoundAmount(
                start,
                match.end(),
                sign_of * value,
                places,
                currency,
                bool(match["percent"]),
                sign_of * other if other is not None else None,
                _doubt(
                    text[: match.start("number")],
                    digits,
                    text[match.end("number") :],
                    whole=places == 0 and not currency,
                ),
            )
        )
    return tuple(found)


def _is_negative(match: re.Match[str]) -> bool:
    bracketed = match["open"] and match["close"] and not match["percent"]
    minus = match["minus"] or match["minus2"] or match["minus3"] or match["minus4"]
    return bool(minus or bracketed or (match["side"] or "").upper() == "CR")


def _doubt(before: str, digits: str, after: str, *, whole: bool) -> str | None:
    """Why `digits` may be a part of a longer number, or two numbers taken for one."""
    if _THOUSANDS.match(digits) and _BEFORE.search(before):
        return "digits before it may belong to it"
    if _AFTER.match(after):
        return "digits behind it may belong to it"
    if whole and " " in digits:
        return "may be two numbers"
    return None


def _with_three_decimals(digits: str) -> Decimal | None:
    """`digits` with its only mark as a decimal mark, where three digits follow it."""
    if not re.fullmatch(r"\d{1,3}[.,]\d{3}", digits):
        return None
    return Decimal(digits.replace(",", "."))


def read_number(text: str) -> Decimal | None:
    """The unsigned number that `text` is, by its separators.

    The last mark is the decimal mark unless exactly three digits follow it and no other mark
    stands before it.
    """
    compact = re.sub(r"[\s'·]", "", plain(text))
    marks = [c for c in compact if c in ".,"]
    if marks:
        whole, _, part = compact.rpartition(marks[-1])
        grouped = re.search(r"[\s'·]", text) is not None
        repeated = marks.count(marks[-1]) > 1
        if repeated and len(part) != 3:  # noqa: PLR2004  1.200.00 is no number
            return None
        thousands = len(part) == 3 and whole not in ("", "0") and len(set(marks)) == 1  # noqa: PLR2004  a group of three
        if thousands and grouped:
            thousands = repeated
        digits = re.sub(r"[.,]", "", compact if repeated or thousands else whole)
        compact = digits if repeated or thousands else f"{digits or '0'}.{part}"
    try:
        return Decimal(compact)
    except InvalidOperation:
        return None


def parse_amount(text: str) -> Decimal | None:
    """The one amount that `text` is, or None."""
    found = find_amounts(text.strip())
    return found[0].value if len(found) == 1 else None


def currency_codes(text: str) -> list[str]:
    """ISO 4217 codes printed in `text`, also those meant by a word ("US Dollars")."""
    lowered = text.lower()
    return [m[1] for m in _CODE.finditer(text)] + [
        code for word, code in CURRENCY_WORDS.items() if re.search(rf"\b{word}\b", lowered)
    ]


def currency_signs(text: str) -> list[str]:
    """ISO codes that signs beside amounts stand for; a bare $ is taken for the US dollar."""
    return [a.currency for a in find_amounts(text) if a.currency]
