"""Check digits of IBANs and VAT numbers, currency codes, dates."""

from datetime import date
from typing import Any

import pytest

from tasks.rules.dates import dates
from tasks.rules.facts import Facts
from tasks.rules.identifiers import identifiers
from tasks.standards.currencies import is_currency, minor_unit
from tasks.standards.ibans import is_iban
from tasks.standards.vat_numbers import VatProblem, vat_problem

TODAY = date(2026, 3, 1)
VALID_VAT = """
ATU13585627 BE0428759497 BE0403019261 CHE-107.787.577-IVA CHE100155212 DE136695976 DK13585628
EE100931558 EL094259216 FI20774740 FR40303265045 GB980780684 HR33392005961 HU12892312 IE6433435F
IE6433435OA IT00743110157 LU15027442 MT11679112 NL004495445B01 NL123456782B90 PL8567346215
PT501964843 SE123456789701 SI50223054
"""  # published as examples by their issuers


def codes(
    rule: Any, record: dict[str, Any], exact: frozenset[str] = frozenset()
) -> list[tuple[str, tuple[str, ...], str]]:
    return [
        (finding.code, finding.fields, finding.weight)
        for finding in rule(Facts(record, exact, TODAY))
    ]


@pytest.mark.parametrize("number", VALID_VAT.split())
def test_real_vat_numbers_pass_and_one_wrong_digit_does_not(number: str):
    assert vat_problem(number) is None
    assert vat_problem(number.lower().replace(" ", "")) is None
    position = next(index for index in range(5, len(number)) if number[index].isdigit())
    changed = number[:position] + str((int(number[position]) + 1) % 10) + number[position + 1 :]
    assert vat_problem(changed) is VatProblem.CHECK_DIGITS


@pytest.mark.parametrize(
    "number", ["DE12345678", "FR1234567890", "NL123456789012", "IT123", "vat no", "ATU1234567X"]
)
def test_a_vat_number_without_its_country_s_form_is_known(number: str):
    assert vat_problem(number) is VatProblem.FORM


@pytest.mark.parametrize("number", ["123456789", "US12-3456789", "27AAACR5055K1Z7"])
def test_numbers_of_other_countries_are_not_judged(number: str):
    assert vat_problem(number) is None


@pytest.mark.parametrize(
    "iban",
    [
        "DE02120300000000202051",
        "DE88 2008 0000 0970 3757 00",
        "gb82 west 1234 5698 7654 32",
        "NO9386011117947",
    ],
)
def test_real_ibans_pass(iban: str):
    assert is_iban(iban)


@pytest.mark.parametrize(
    "iban",
    [
        "DE12 1234 4321 9876 00",
        "DE02120300000000202052",
        "DE0212030000000020205",
        "XX02120300000000202051",
        "",
        "12345",
    ],
)
def test_ibans_that_no_bank_gave_do_not(iban: str):
    assert not is_iban(iban)


def test_identifiers_are_found_wherever_they_stand():
    record = {
        "seller": {"vat_id": "DE136695977"},
        "payment_accounts": [
            {"iban": "DE02120300000000202051"},
            {"iban": "DE02120300000000202052"},
        ],
        "buyer": {"vat_number": "ATU1"},
        "currency": "EUX",
    }
    assert codes(identifiers, record) == [
        ("vat_id_checksum", ("seller.vat_id",), "review"),
        ("iban_invalid", ("payment_accounts[1].iban",), "review"),
        ("vat_id_invalid", ("buyer.vat_number",), "review"),
        ("currency_unknown", ("currency",), "review"),
    ]


def test_a_vat_number_that_an_e_invoice_gave_was_not_misread():
    record = {"seller": {"vat_id": "DE123456789"}}
    assert codes(identifiers, record, frozenset({"seller.vat_id"})) == [
        ("vat_id_checksum", ("seller.vat_id",), "note")
    ]


def test_a_currency_sign_is_told_and_nothing_worse():
    assert codes(identifiers, {"currency": "$"}) == [("currency_not_a_code", ("currency",), "note")]
    assert codes(identifiers, {"currency": "USD", "tax_currency": "DEM"}) == []


def test_smallest_amounts_follow_the_currency():
    assert [str(minor_unit(code)) for code in ("EUR", "JPY", "KWD", None)] == [
        "0.01",
        "1",
        "0.001",
        "0.01",
    ]
    assert not is_currency("EURO")


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"issue_date": "2026-02-01", "due_date": "2026-01-31"}, "due_before_issue"),
        ({"invoice_date": "2026-07-01"}, "date_in_future"),
        ({"date": "1926-02-01"}, "date_too_old"),
    ],
)
def test_impossible_dates_are_found(record: dict[str, str], code: str):
    assert [found[0] for found in codes(dates, record)] == [code]


@pytest.mark.parametrize(
    "record",
    [
        {"issue_date": "2026-03-31", "due_date": "2026-03-31"},
        {"issue_date": "not a date"},
        {"due_date": "2025-01-01"},
        {},
    ],
)
def test_possible_dates_pass(record: dict[str, str]):
    assert codes(dates, record) == []
