"""Which amounts and numbers does a text hold? Separators of every locale, minus signs, currencies; exact decimals."""

import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple

from tasks.printed_values.folding import word_set

CODES = word_set(
    "EUR USD GBP CHF JPY CNY INR MYR SGD AUD CAD NZD HKD SEK NOK DKK ISK PLN CZK HUF RON BGN TRY RUB UAH BRL MXN ARS CLP COP ZAR AED SAR ILS THB IDR "
    "PHP VND KRW TWD EGP NGN KES MAD TND XOF XAF PKR BDT LKR"
)
SIGNS = {"€": "EUR", "£": "GBP", "₹": "INR", "¥": "JPY", "₽": "RUB", "₺": "TRY", "₩": "KRW", "RM": "MYR", "Rs": "INR", "zł": "PLN", "Kč": "CZK", "Fr.": "CHF",
         "US$": "USD", "S$": "SGD", "A$": "AUD", "C$": "CAD", "HK$": "HKD", "R$": "BRL", "NZ$": "NZD", "$": "USD"}  # fmt: skip
_WORDS = {
    "euro": "EUR",
    "euros": "EUR",
    "us dollars": "USD",
    "us dollar": "USD",
    "pounds sterling": "GBP",
    "swiss francs": "CHF",
    "ringgit": "MYR",
    "rupees": "INR",
}
_SIGN = "|".join(re.escape(s) for s in sorted((*SIGNS, *CODES), key=len, reverse=True))
_NUMBER = (
    r"\d{1,3}(?:[.,'\u2019\u00a0\u202f]\d{3})+(?:[.,]\d{1,2})?"  # 1.234,56  1,234.56  1'234.50
    r"|\d{1,3}(?:,\d{2})+,\d{3}(?:\.\d{1,2})?"  # 1,12,345.00
    r"|\d{1,3}(?: \d{3})+,\d{2}"  # 1 234,56: spaces only where a decimal comma proves it
    r"|\d+[.,] \d{2}(?=\s*$)"  # OCR: "65. 20" at the end of a line
    r"|\d+[.,]\d+|\d+|[.,]\d{2}"
)
_AMOUNT = re.compile(
    rf"(?<![\w.,/#-])(?<!\d:)(?P<open>\()?(?P<minus>[-\u2212\u2013]\s?)?(?P<before>(?:{_SIGN})\.?)?\s?(?P<minus2>[-\u2212\u2013]\s?)?(?P<number>{_NUMBER})"
    rf"(?P<minus3>-(?![\w]))?\s?(?P<percent>%)?(?P<close>\))?(?:\s?(?P<after>{_SIGN})(?![A-Za-z]))?(?=$|[^\w/]|[A-Za-z]{{1,2}}\b)(?![-/.,:']\d)"
)
_CODE = re.compile(r"(?<![A-Za-z])(" + "|".join(CODES) + r")(?![A-Za-z])")


class FoundAmount(NamedTuple):
    """A number at `start`..`end` of a text. `decimals` counts printed places; 2, or a currency, make it money."""

    start: int
    end: int
    value: Decimal
    decimals: int
    currency: str | None = None
    percent: bool = False

    @property
    def is_money(self) -> bool:
        return not self.percent and (self.decimals == 2 or self.currency is not None)  # noqa: PLR2004  cents


@lru_cache(maxsize=2048)  # the same segments are looked at by several rules
def find_amounts(text: str) -> tuple[FoundAmount, ...]:
    """All numbers of `text` that stand alone: not parts of dates, codes, telephone numbers."""
    found: list[FoundAmount] = []
    for match in _AMOUNT.finditer(text):
        value = read_number(match["number"])
        if value is None:
            continue
        negative = (
            match["minus"]
            or match["minus2"]
            or match["minus3"]
            or (match["open"] and match["close"] and not match["percent"])
        )
        sign = (match["before"] or match["after"] or "").rstrip()
        currency = sign if sign in CODES else SIGNS.get(sign) or SIGNS.get(sign.rstrip("."))
        start = match.start() + len(match[0]) - len(match[0].lstrip())
        exponent = value.as_tuple().exponent
        places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
        found.append(
            FoundAmount(
                start,
                match.end(),
                -value if negative else value,
                places,
                currency,
                bool(match["percent"]),
            )
        )
    return tuple(found)


def read_number(text: str) -> Decimal | None:
    """The unsigned number that `text` is, by its separators: the last one is the decimal mark unless exactly three digits follow it."""
    compact = re.sub(r"[\s'\u2019\u00a0\u202f]", "", text)
    marks = [c for c in compact if c in ".,"]
    if marks:
        whole, _, part = compact.rpartition(marks[-1])
        repeated = marks.count(marks[-1]) > 1
        thousands = len(part) == 3 and whole not in ("", "0") and len(set(marks)) == 1  # noqa: PLR2004  a group of three
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
        code for word, code in _WORDS.items() if re.search(rf"\b{word}\b", lowered)
    ]


def currency_signs(text: str) -> list[str]:
    """ISO codes that signs beside amounts stand for; a bare $ is taken for the US dollar."""
    return [a.currency for a in find_amounts(text) if a.currency]
