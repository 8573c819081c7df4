from datetime import date
from decimal import Decimal

import pytest

from tasks.local.finding.addresses import parts_of
from tasks.printed_values.dates import find_dates, order_of, parse_date
from tasks.printed_values.ids import find_ibans, find_vat_ids
from tasks.printed_values.money import currency_codes, find_amounts, parse_amount, read_number
from tasks.standards.countries import country_code
from tasks.text.folding import bare, fold, lookalike


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Invoice Date: August 3 , 2014", date(2014, 8, 3)),
        ("du 02 Juillet 2015", date(2015, 7, 2)),
        ("1er août 2019", date(2019, 8, 1)),
        ("Rechnung vom 5. März 2018", date(2018, 3, 5)),
        ("Factuurdatum: 19 april 2014", date(2014, 4, 19)),
        ("3 de marzo de 2020", date(2020, 3, 3)),
        ("12 dicembre 2021", date(2021, 12, 12)),
        ("15 de fevereiro de 2022", date(2022, 2, 15)),
        ("7 października 2023", date(2023, 10, 7)),
        ("23-MAR-2018", date(2018, 3, 23)),
        ("2014-07-03", date(2014, 7, 3)),
        ("05.03.2018", date(2018, 3, 5)),
        ("28/11/18", date(2018, 11, 28)),
        ("Date:9/3/201820:54:50", date(2018, 3, 9)),  # OCR loses the space before the time
        ("06-04-1611:53", date(2016, 4, 6)),
        ("2O/O3/2018", date(2018, 3, 20)),  # OCR takes 0 for O
        ("27032018", date(2018, 3, 27)),
        ("period July 1 - July 31 , 2014", date(2014, 7, 31)),
    ],
)
def test_dates_are_read_in_every_printed_form(text: str, expected: date) -> None:
    assert [found.value for found in find_dates(text)] == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "9.00",
        "12.345,00",
        "TEL 03-87686092",
        "192.168.10.12",
        "3/64, Vishwas",
        "31/02/2018",
        "version 1.2.3",
        "INV 2018",
    ],
)
def test_numbers_that_only_look_like_dates_are_none(text: str) -> None:
    assert find_dates(text) == ()


def test_a_date_says_where_it_stands() -> None:
    found = find_dates("from 01/05/2018 to 31/05/2018")
    assert ["from 01/05/2018 to 31/05/2018"[f.start : f.end] for f in found] == [
        "01/05/2018",
        "31/05/2018",
    ]
    assert found[1].sure_order == "dmy"


def test_other_dates_of_the_document_decide_whether_the_month_comes_first() -> None:
    unclear = find_dates("03/04/2020")[0]
    assert unclear.read_as(order_of(["mdy"], american=False)) == date(2020, 3, 4)
    assert unclear.read_as(order_of([], american=False)) == date(2020, 4, 3)
    assert unclear.read_as(order_of([], american=True)) == date(2020, 3, 4)
    assert unclear.read_as(order_of(["dmy"], american=True)) == date(2020, 4, 3)


def test_parse_date_wants_the_date_at_the_beginning() -> None:
    assert parse_date(" 5 May 2020 ") == date(2020, 5, 5)
    assert parse_date("issued 5 May 2020") is None


@pytest.mark.parametrize(
    ("text", "expected", "currency"),
    [
        ("€ 717,97", "717.97", "EUR"),
        ("€ -9,32", "-9.32", "EUR"),
        ("1.234,56", "1234.56", None),
        ("1,234.56", "1234.56", None),
        ("1 234,56 EUR", "1234.56", "EUR"),
        ("CHF 1'234.50", "1234.50", "CHF"),
        ("1,12,345.00", "112345.00", None),
        ("RM65.20", "65.20", "MYR"),
        ("($93.00)", "-93.00", "USD"),
        ("10.00-", "-10.00", None),
        ("9,9000", "9.9000", None),
        ("12.345", "12345", None),
        ("0.125", "0.125", None),
        ("4.00SR", "4.00", None),
        ("RM 65. 20", "65.20", "MYR"),  # OCR puts a space
        ("Rs.319.00", "319.00", "INR"),
        ("Total(RM):65.20", "65.20", None),
    ],
)
def test_amounts_of_every_locale_become_exact_decimals(
    text: str, expected: str, currency: str | None
) -> None:
    (found,) = find_amounts(text)
    assert (found.value, found.currency) == (Decimal(expected), currency)


@pytest.mark.parametrize("text", ["03.05.2018", "10:25:49", "BLR_WFLD2015", "SS21/1A"])
def test_parts_of_dates_times_and_codes_are_no_amounts(text: str) -> None:
    assert find_amounts(text) == ()


def test_a_percentage_is_known_and_no_money() -> None:
    (found,) = find_amounts("GST 6%")
    assert found.percent
    assert not found.is_money


def test_single_amounts_and_codes() -> None:
    assert parse_amount("EUR 12,50") == Decimal("12.50")
    assert parse_amount("12,50 and 13,50") is None
    assert read_number("1.000.000") == Decimal(1000000)
    assert currency_codes("All charges are in US Dollars; CHF on request") == ["CHF", "USD"]


def test_ibans_need_their_length_and_their_check_digits() -> None:
    found = find_ibans(
        "IBAN DE88 2008 0000 0970 3757 00 BIC COBADEFFXXX, not DE89 2008 0000 0970 3757 00"
    )
    assert [f.value for f in found] == ["DE88200800000970375700"]
    assert find_ibans("FR76 ***************************") == []


@pytest.mark.parametrize(
    ("text", "value", "checked"),
    [
        ("BTW NL810433941B01", "NL810433941B01", True),
        ("N° de TVA: FR 604 219 388 61", "FR60421938861", True),
        ("USt-IdNr. DE238574172", "DE238574172", True),
        ("USt-IdNr. DE238574173", "DE238574173", False),
        ("ATU12345678", "ATU12345678", False),
    ],
)
def test_vat_ids_are_found_by_form_and_checked_where_the_sum_is_known(
    text: str, value: str, checked: bool
) -> None:
    (found,) = find_vat_ids(text)
    assert (found.value, found.checked) == (value, checked)


def test_folding_keeps_the_length_and_lookalikes_are_one() -> None:
    assert fold("Straße Ålesund É") == "straße alesund e"
    assert bare("S.R.L. - 21") == "srl21"
    assert lookalike("SBH 1O5") == lookalike("58H l05")
    assert lookalike("Arnount") == lookalike("Amount")


@pytest.mark.parametrize(
    ("lines", "postcode", "city", "rest"),
    [
        (("Weena 664", "3012 CN Rotterdam", "Nederland"), "3012 CN", "Rotterdam", ("Weena 664",)),
        (("Kundenstraße 15", "DE 69876 Frankfurt"), "69876", "Frankfurt", ("Kundenstraße 15",)),
        (("123 456th St", "New York, NY, 10001"), "10001", "New York", ("123 456th St",)),
        (("10 Downing Street", "London SW1A 2AA"), "SW1A 2AA", "London", ("10 Downing Street",)),
        (("8 rue de la Ville, 75008 Paris",), "75008", "Paris", ("8 rue de la Ville",)),
    ],
)
def test_an_address_is_taken_apart(
    lines: tuple[str, ...], postcode: str, city: str, rest: tuple[str, ...]
) -> None:
    parts = parts_of(lines)
    assert (parts.postcode, parts.city, parts.lines) == (postcode, city, rest)


def test_countries_are_known_by_their_names_in_several_languages() -> None:
    assert [
        country_code(name)
        for name in ("Deutschland", "Pays-Bas", "43300 Selangor, Malaysia", "Atlantis")
    ] == ["DE", "NL", "MY", None]
