"""European VAT numbers: forms and check digits by country.

Forms: EU Commission, VIES frequently asked questions, Q11. Check digits: the national algorithms
that are public; other countries are checked by form only, and a number without a known country
prefix not at all.
"""

import re
from collections.abc import Callable, Sequence
from enum import Enum, auto


class VatProblem(Enum):
    FORM = auto()
    CHECK_DIGITS = auto()


def vat_problem(text: str) -> VatProblem | None:
    """None when nothing is wrong, or nothing can be said.

    Spaces, dots, hyphens and slashes do not count.
    """
    country, number = _parts(text)
    form = VAT_FORMS.get(country)
    if form is None:
        return None if re.search(r"\d", country + number) else VatProblem.FORM
    if not re.fullmatch(form, number):
        return VatProblem.FORM
    check = _CHECKS.get(country)
    return None if check is None or check(number) else VatProblem.CHECK_DIGITS


def check_digits_agree(text: str) -> bool:
    """Whether there is a public check for this country and the number passes it."""
    return _parts(text)[0] in _CHECKS and vat_problem(text) is None


def _parts(text: str) -> tuple[str, str]:
    vat = re.sub(r"[\s./-]", "", text).upper()
    country, number = ("CH", vat[3:]) if vat.startswith("CHE") else (vat[:2], vat[2:])
    return VAT_PREFIXES.get(country, country), number


VAT_PREFIXES = {"CHE": "CH", "GR": "EL"}
"""What is also printed for the code of a country."""

VAT_FORMS = {  # what follows the code of the country
    "AT": r"U\d{8}",
    "BE": r"[01]?\d{9}",
    "BG": r"\d{9,10}",
    "CH": r"\d{9}(MWST|TVA|IVA)?",
    "CY": r"\d{8}[A-Z]",
    "CZ": r"\d{8,10}",
    "DE": r"\d{9}",
    "DK": r"\d{8}",
    "EE": r"\d{9}",
    "EL": r"\d{9}",
    "ES": r"[A-Z0-9]\d{7}[A-Z0-9]",
    "FI": r"\d{8}",
    "FR": r"[A-HJ-NP-Z0-9]{2}\d{9}",
    "GB": r"\d{9}(\d{3})?|GD\d{3}|HA\d{3}",
    "HR": r"\d{11}",
    "HU": r"\d{8}",
    "IE": r"\d[A-Z0-9+*]\d{5}[A-W][A-I]?",
    "IT": r"\d{11}",
    "LT": r"\d{9}(\d{3})?",
    "LU": r"\d{8}",
    "LV": r"\d{11}",
    "MT": r"\d{8}",
    "NL": r"\d{9}B\d\d",
    "PL": r"\d{10}",
    "PT": r"\d{9}",
    "RO": r"\d{2,10}",
    "SE": r"\d{10}01",
    "SI": r"\d{8}",
    "SK": r"\d{10}",
    "XI": r"\d{9}(\d{3})?|GD\d{3}|HA\d{3}",
}


def _weighted(number: str, weights: Sequence[int]) -> int:
    """Sum of the leading digits, each times its weight."""
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False))


def _luhn(number: str) -> bool:
    doubled = (int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(number)))
    return sum(value // 10 + value % 10 for value in doubled) % 10 == 0


def _iso_7064_mod_11_10(number: str) -> bool:
    product = 10
    for digit in number[:-1]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(number[-1])


def _austria(number: str) -> bool:
    doubled = (int(digit) * (1 + index % 2) for index, digit in enumerate(number[1:8]))
    return (10 - (sum(value // 10 + value % 10 for value in doubled) + 4) % 10) % 10 == int(
        number[8]
    )


def _belgium(number: str) -> bool:
    return 97 - int(number[:-2]) % 97 == int(number[-2:])


def _finland(number: str) -> bool:
    return (11 - _weighted(number, (7, 9, 10, 5, 8, 4, 2)) % 11) % 11 == int(number[7])


def _france(number: str) -> bool:
    return not number.isdigit() or (12 + 3 * (int(number[2:]) % 97)) % 97 == int(
        number[:2]
    )  # keys with letters have no public rule


def _greece(number: str) -> bool:
    return _weighted(number, (256, 128, 64, 32, 16, 8, 4, 2)) % 11 % 10 == int(number[8])


def _ireland(number: str) -> bool:
    if not number[:7].isdigit():
        return True  # numbers of before 2013 with a sign in second place
    total = _weighted(number[:7], range(8, 1, -1)) + (
        9 * (ord(number[8]) - ord("A") + 1) if len(number) > 8 else 0
    )
    return "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == number[7]


def _netherlands(number: str) -> bool:
    """Companies: weights, modulo 11. Sole traders, since 2020: modulo 97 over the whole number with
    its prefix."""
    if _weighted(number, range(9, 1, -1)) % 11 == int(number[8]):
        return True
    return int("".join(str(int(character, 36)) for character in f"NL{number}")) % 97 == 1


def _portugal(number: str) -> bool:
    return (11 - _weighted(number, range(9, 1, -1)) % 11) % 11 % 10 == int(number[8])


def _slovenia(number: str) -> bool:
    return (11 - _weighted(number, range(8, 1, -1)) % 11) % 10 == int(number[7])


def _switzerland(number: str) -> bool:
    return (11 - _weighted(number, (5, 4, 3, 2, 7, 6, 5, 4)) % 11) % 11 == int(number[8])


def _united_kingdom(number: str) -> bool:
    if not number.isdigit():
        return True  # government departments and health authorities
    total = _weighted(number, range(8, 1, -1)) + int(number[7:9])
    return total % 97 in (0, 42)  # 42: the numbers given out since 2010, 55 higher


_CHECKS: dict[str, Callable[[str], bool]] = {
    "AT": _austria,
    "BE": _belgium,
    "CH": _switzerland,
    "DE": _iso_7064_mod_11_10,
    "DK": lambda number: _weighted(number, (2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0,
    "EE": lambda number: (
        (10 - _weighted(number, (3, 7, 1, 3, 7, 1, 3, 7)) % 10) % 10 == int(number[8])
    ),
    "EL": _greece,
    "FI": _finland,
    "FR": _france,
    "GB": _united_kingdom,
    "HR": _iso_7064_mod_11_10,
    "HU": lambda number: (
        (10 - _weighted(number, (9, 7, 3, 1, 9, 7, 3)) % 10) % 10 == int(number[7])
    ),
    "IE": _ireland,
    "IT": _luhn,
    "LU": lambda number: int(number[:6]) % 89 == int(number[6:]),
    "MT": lambda number: (37 - _weighted(number, (3, 4, 6, 7, 8, 9)) % 37) == int(number[6:]),
    "NL": _netherlands,
    "PL": lambda number: _weighted(number, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == int(number[9]),
    "PT": _portugal,
    "SE": lambda number: _luhn(number[:10]),
    "SI": _slovenia,
    "XI": _united_kingdom,
}
