"""Rules about IBANs, VAT ids and currency codes: form and check digits."""

import re
from collections.abc import Iterator

from schemas.record import Finding
from schemas.record_path import walk
from tasks.rules.facts import Facts
from tasks.standards.currencies import is_currency
from tasks.standards.ibans import is_iban
from tasks.standards.vat_numbers import VatProblem, vat_problem
from tasks.vocabulary.labels import Concept
from tasks.vocabulary.name_words import names_a_currency


def identifiers(facts: Facts) -> Iterator[Finding]:
    for place, value in walk(facts.record):
        if not isinstance(value, str):
            continue
        path, concept = str(place), facts.concept(place)
        if concept == Concept.IBAN and not is_iban(value):
            yield Finding(
                code="iban_invalid",
                message="the IBAN's length or check digits are wrong",
                fields=(path,),
            )
        elif concept == Concept.VAT_ID:
            yield from _vat_id(path, value, facts)
        elif concept == Concept.CURRENCY or names_a_currency(place.names[-1]):
            yield from _currency(path, value)


def _vat_id(path: str, text: str, facts: Facts) -> Iterator[Finding]:
    problem = vat_problem(text)
    if problem is VatProblem.FORM:
        yield Finding(
            code="vat_id_invalid",
            message="this VAT number does not have the form of its country",
            fields=(path,),
        )
    elif problem is VatProblem.CHECK_DIGITS:
        exact = path in facts.exact
        message = "the check digits of this VAT number are wrong" + (
            ", as the issuer wrote it" if exact else ""
        )
        yield Finding(
            code="vat_id_checksum",
            message=message,
            fields=(path,),
            weight="note" if exact else "review",
        )


def _currency(path: str, text: str) -> Iterator[Finding]:
    if is_currency(text):
        return
    if re.fullmatch(r"[A-Za-z]{3}", text):
        yield Finding(
            code="currency_unknown",
            message=f"{text} is not an ISO 4217 currency code",
            fields=(path,),
        )
    else:
        yield Finding(
            code="currency_not_a_code",
            message="the currency is not an ISO 4217 code",
            fields=(path,),
            weight="note",
        )
