"""Identifiers in a text, with their check digits: IBAN, VAT id, BIC."""

import re
from typing import NamedTuple

from tasks.standards.ibans import IBAN_LENGTHS, is_iban
from tasks.standards.vat_numbers import (
    VAT_FORMS,
    VAT_PREFIXES,
    VatProblem,
    check_digits_agree,
    vat_problem,
)

_IBAN = re.compile(r"(?<![A-Za-z0-9])([A-Z]{2}\d{2}(?:[ .-]?[A-Z0-9]){11,30})")


def _spaced(form: str) -> str:
    """The form of a VAT number as printed, with spaces, dots or hyphens between its digits."""
    repeated = re.sub(
        r"(\[[^\]]+\]|\\d)\{(\d+)(?:,(\d+))?\}",
        lambda m: rf"(?:{m[1]}[ .-]?){{{m[2]}{',' + m[3] if m[3] else ''}}}",
        form,
    )
    return re.sub(r"\((?!\?)", "(?:", repeated)


_PRINTED_FORMS = {
    prefix: _spaced(VAT_FORMS[VAT_PREFIXES.get(prefix, prefix)])
    for prefix in (*VAT_PREFIXES, *VAT_FORMS)
}
_VAT = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    + "|".join(rf"{prefix}[ .-]{{0,2}}(?:{form})" for prefix, form in _PRINTED_FORMS.items())
    + r")(?![A-Za-z0-9])"
)
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
        length = IBAN_LENGTHS.get(compact[:2])
        if length and is_iban(compact[:length]):
            found.append(
                FoundId(
                    match.start(),
                    _end_of(text, match.start(), length),
                    compact[:length],
                    checked=True,
                )
            )
    return found


def find_vat_ids(text: str) -> list[FoundId]:
    """VAT identifiers with country prefix, in their national form.

    `checked`: the check digits are known to agree.
    """
    found = []
    for match in _VAT.finditer(text):
        value = re.sub(r"[ .-]", "", match[0])
        if vat_problem(value) is not VatProblem.FORM:
            found.append(
                FoundId(match.start(), match.end(), value, checked=check_digits_agree(value))
            )
    return found


def find_bics(text: str) -> list[FoundId]:
    """Eight or eleven capitals and digits in BIC form.

    Any capital word of that length looks like one: use beside a label.
    """
    return [FoundId(m.start(), m.end(), m[1], checked=False) for m in _BIC.finditer(text)]


def _end_of(text: str, start: int, letters: int) -> int:
    """Where the first `letters` letters and digits from `start` on end."""
    for at in range(start, len(text)):
        if text[at].isalnum():
            letters -= 1
            if not letters:
                return at + 1
    return len(text)
