"""Identifiers in a text, with their check digits: IBAN, VAT id, BIC."""

import re
from typing import NamedTuple

# Country -> form of what follows it. EU: https://ec.europa.eu/taxation_customs/vies (FAQ, formats
# of VAT numbers), and CH, NO, GB.
_VAT_FORMS = {
    "AT": r"U\d{8}", "BE": r"[01]\d{9}", "BG": r"\d{9,10}", "CY": r"\d{8}[A-Z]", "CZ": r"\d{8,10}", "DE": r"\d{9}", "DK": r"\d{8}", "EE": r"\d{9}",
    "EL": r"\d{9}", "ES": r"[A-Z0-9]\d{7}[A-Z0-9]", "FI": r"\d{8}", "FR": r"[A-Z0-9]{2}\d{9}", "GB": r"(?:\d{12}|\d{9})", "HR": r"\d{11}", "HU": r"\d{8}",
    "IE": r"\d[A-Z0-9+*]\d{5}[A-Z]{1,2}", "IT": r"\d{11}", "LT": r"(?:\d{12}|\d{9})", "LU": r"\d{8}", "LV": r"\d{11}", "MT": r"\d{8}",
    "NL": r"\d{9}B\d{2}", "PL": r"\d{10}", "PT": r"\d{9}", "RO": r"\d{2,10}", "SE": r"\d{12}", "SI": r"\d{8}", "SK": r"\d{10}", "CHE": r"\d{9}",
}  # fmt: skip
_IBAN_LENGTH = {  # ISO 13616 registry, the countries that invoices here name
    "AD": 24, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24, "FI": 20, "FR": 27, "GB": 22, "GI": 23,
    "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28,
    "PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TR": 26, "UA": 29, "AE": 23, "SA": 24, "IL": 23,
}  # fmt: skip
_IBAN = re.compile(r"(?<![A-Za-z0-9])([A-Z]{2}\d{2}(?:[ .-]?[A-Z0-9]){11,30})")
_VAT = re.compile(
    r"(?<![A-Za-z0-9])(?:" + "|".join(rf"(?:{country})[ .-]{{0,2}}(?:{_form})" for country, _form in (
        (c, re.sub(r"\\d\{(\d+)(?:,(\d+))?\}", lambda m: rf"(?:\d[ .-]?){{{m[1]}{',' + m[2] if m[2] else ''}}}", f)) for c, f in _VAT_FORMS.items()
    )) + r")(?![A-Za-z0-9])"
)  # fmt: skip
_BIC = re.compile(r"(?<![A-Za-z0-9])([A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?)(?![A-Za-z0-9])")


class FoundId(NamedTuple):
    start: int
    end: int
    value: str  # without spaces and punctuation
    checked: bool  # its check digits agree


def find_ibans(text: str) -> list[FoundId]:
    """IBANs of `text`: only those whose length fits the country and whose check digits agree."""
    found = []
    for match in _IBAN.finditer(text):
        compact = re.sub(r"[ .-]", "", match[1])
        length = _IBAN_LENGTH.get(compact[:2])
        if length and len(compact) >= length and iban_is_valid(compact[:length]):
            found.append(
                FoundId(
                    match.start(),
                    _end_of(text, match.start(), length),
                    compact[:length],
                    checked=True,
                )
            )
    return found


def iban_is_valid(iban: str) -> bool:
    """ISO 7064 mod 97-10 over the rearranged IBAN."""
    rearranged = iban[4:] + iban[:4]
    return rearranged.isalnum() and int("".join(str(int(c, 36)) for c in rearranged)) % 97 == 1


def find_vat_ids(text: str) -> list[FoundId]:
    """VAT identifiers with country prefix, by their national form. `checked` where this module
    knows the national sum."""
    found = []
    for match in _VAT.finditer(text):
        value = re.sub(r"[ .-]", "", match[0])
        found.append(FoundId(match.start(), match.end(), value, checked=_vat_sum_agrees(value)))
    return found


def find_bics(text: str) -> list[FoundId]:
    """Eight or eleven capitals and digits in BIC form. Any capital word of that length looks like
    one: use beside a label."""
    return [FoundId(m.start(), m.end(), m[1], checked=False) for m in _BIC.finditer(text)]


def _vat_sum_agrees(value: str) -> bool:
    country, digits = value[:2], value[2:]
    if country == "FR" and digits.isdigit():  # key = (12 + 3 * (SIREN mod 97)) mod 97
        return int(digits[:2]) == (12 + 3 * (int(digits[2:]) % 97)) % 97
    if country == "DE":  # ISO 7064 mod 11,10
        product = 10
        for digit in digits[:8]:
            product = (2 * ((int(digit) + product) % 10 or 10)) % 11
        return (11 - product) % 10 == int(digits[8])
    if country == "BE":
        return 97 - int(digits[:8]) % 97 == int(digits[8:])
    if country == "IT":  # Luhn
        doubled = [
            int(d) if i % 2 == 0 else sum(divmod(int(d) * 2, 10)) for i, d in enumerate(digits)
        ]
        return sum(doubled) % 10 == 0
    if country == "NL":
        return sum(
            int(d) * w for d, w in zip(digits[:8], range(9, 1, -1), strict=True)
        ) % 11 == int(digits[8])
    return False


def _end_of(text: str, start: int, letters: int) -> int:
    """Where the first `letters` letters and digits from `start` on end."""
    for at in range(start, len(text)):
        if text[at].isalnum():
            letters -= 1
            if not letters:
                return at + 1
    return len(text)
