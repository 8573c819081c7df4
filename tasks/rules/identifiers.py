"""Rules about IBANs, VAT ids and currency codes: form and check digits."""

import re
from collections.abc import Iterator

from schemas.record import Finding
from schemas.record_path import walk
from tasks.rules.facts import Facts
from tasks.standards.currencies import is_currency
from tasks.standards.vat_numbers import VatProblem, vat_problem
from tasks.vocabulary.terms import compact

_IBAN_REGISTRY = """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18
FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27
MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27
SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""  # country and length, from the SWIFT IBAN registry
_IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _IBAN_REGISTRY.split()}
_VAT_FIELD = re.compile(r"vat(id|number|no)$")  # in compact form


def identifiers(facts: Facts) -> Iterator[Finding]:
    for place, value in walk(facts.record):
        if not isinstance(value, str):
            continue
        path, name = str(place), compact(place.names[-1])
        if name.endswith("iban") and not is_iban(value):
            yield Finding(
                code="iban_invalid",
                message="the IBAN's length or check digits are wrong",
                fields=(path,),
            )
        elif _VAT_FIELD.search(name):
            yield from _vat_id(path, value, facts)
        elif name in ("currency", "currencycode", "taxcurrency"):
            yield from _currency(path, value)


def is_iban(text: str) -> bool:
    """ISO 13616: known country, its length, and a remainder of 1 by 97. Spaces do not count."""
    iban = re.sub(r"[\s.-]", "", text).upper()
    if _IBAN_LENGTHS.get(iban[:2]) != len(iban) or not re.fullmatch(r"[A-Z]{2}\d\d[A-Z0-9]+", iban):
        return False
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


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
