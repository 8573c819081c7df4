"""Amounts that agree pass, amounts that do not are named with the fields that a person has to look
at."""

from datetime import date
from typing import Any

import pytest

from tasks.einvoices.read import EInvoice, read_einvoice
from tasks.rules.facts import Facts
from tasks.rules.sums import sums
from tests.support.einvoice_files import xml_of


def broken(record: dict[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (finding.code, finding.fields)
        for finding in sums(Facts(record, frozenset(), date(2026, 3, 1)))
    ]


def full_invoice(**changes: Any) -> dict[str, Any]:
    read = read_einvoice(xml_of("cii-full.xml"))
    assert isinstance(read, EInvoice)
    return {**read.values, **changes}


def test_an_invoice_with_everything_in_it_agrees():
    assert broken(full_invoice()) == []
    assert broken({}) == []


@pytest.mark.parametrize(
    ("changes", "code", "fields"),
    [
        (
            {"total": "259.38", "amount_due": "159.40"},
            "total_disagrees",
            ("net_total", "tax_total", "total"),
        ),
        (
            {"line_total": "229.00"},
            "net_total_disagrees",
            ("line_total", "allowance_total", "charge_total", "net_total"),
        ),
        (
            {"amount_due": "258.38"},
            "amount_due_disagrees",
            ("total", "prepaid_amount", "rounding_amount", "amount_due"),
        ),
    ],
)
def test_a_total_that_does_not_follow_is_found(
    changes: dict[str, str], code: str, fields: tuple[str, ...]
):
    assert (code, fields) in broken(full_invoice(**changes))


def test_a_wrong_row_of_the_tax_table_is_found_with_its_place():
    table = [dict(row) for row in full_invoice()["tax_breakdown"]]
    table[1]["tax_amount"] = "17.00"
    codes = broken(full_invoice(tax_breakdown=table))
    row = "tax_breakdown[1]"
    assert codes[0] == (
        "tax_rate_disagrees",
        (f"{row}.rate", f"{row}.taxable_amount", f"{row}.tax_amount"),
    )
    assert codes[1] == ("tax_table_disagrees", ("tax_breakdown", "tax_total"))


def test_lines_that_do_not_add_up_are_found():
    lines = [dict(line) for line in full_invoice()["lines"]]
    lines[2]["net_amount"] = "3.00"
    found = broken(full_invoice(lines=lines))
    assert ("lines_do_not_add_up", ("lines", "line_total", "net_total", "total")) in found
    assert (
        "line_does_not_multiply",
        ("lines[2].quantity", "lines[2].unit_price", "lines[2].net_amount"),
    ) in found


def test_a_rule_is_silent_where_an_amount_was_not_found():
    lines = [{"net_amount": "10.00"}, {"net_amount": None}]
    assert (
        broken(
            {
                "lines": lines,
                "net_total": "50.00",
                "tax_total": None,
                "total": "60.00",
                "amount_due": None,
            }
        )
        == []
    )


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(
            {"currency": "EUR", "net_total": "100.00", "tax_total": "19.01", "total": "119.00"},
            id="a cent of rounding",
        ),
        pytest.param(
            {"currency": "CHF", "net_total": "99.98", "tax_total": "8.10", "total": "108.10"},
            id="no coin under 5 Rappen",
        ),
        pytest.param(
            {"currency": "JPY", "net_total": "1000", "tax_total": "99", "total": "1100"},
            id="a yen of rounding",
        ),
        pytest.param(
            {"net_total": "9.43", "tax_total": "0.57", "rounding_amount": "-0.02", "total": "9.98"},
            id="a till rounds the total",
        ),
        pytest.param(
            {"subtotal": 100, "discount": 10, "tax": 8, "total": 98},
            id="discount after the subtotal",
        ),
        pytest.param(
            {
                "items": [{"amount": "5.95"}, {"amount": "5.95"}],
                "net_total": "10.00",
                "tax_total": "1.90",
                "total": "11.90",
            },
            id="prices with tax",
        ),
        pytest.param(
            {
                "line_total": "119.00",
                "net_total": "100.00",
                "tax_total": "19.00",
                "total": "119.00",
            },
            id="sum of lines with tax",
        ),
        pytest.param(
            {
                "lines": [
                    {
                        "quantity": "400",
                        "unit_price": "0.79",
                        "tax_rate": "19",
                        "net_amount": "376.04",
                    }
                ]
            },
            id="line with tax",
        ),
        pytest.param(
            {"lines": [{"quantity": "3", "unit_price": "3.33", "net_amount": "10.00"}]},
            id="unit price printed rounded",
        ),
        pytest.param(
            {
                "lines": [
                    {
                        "quantity": "250",
                        "unit_price": "4",
                        "price_base_quantity": "100",
                        "net_amount": "10",
                    }
                ]
            },
            id="price per 100",
        ),
    ],
)
def test_honest_documents_pass(record: dict[str, Any]):
    assert broken(record) == []


@pytest.mark.parametrize(
    "record",
    [
        {"currency": "EUR", "net_total": "100.00", "tax_total": "19.00", "total": "119.02"},
        {"currency": "KWD", "net_total": "10.000", "tax_total": "1.500", "total": "11.502"},
        {"net_total": 100, "tax_total": 19, "total": 191},
    ],
)
def test_more_than_rounding_is_not_tolerated(record: dict[str, Any]):
    assert [code for code, _ in broken(record)] == ["total_disagrees"]


def test_rules_find_their_fields_by_the_names_that_people_use():
    record = {
        "totals": {"net": "100", "vat": "20", "gross": "130"},
        "supplier": {"name": "A"},
        "positions": [{"qty": 2, "price": 5, "amount": 11}],
    }
    codes = dict(broken(record))
    assert codes["total_disagrees"] == ("totals.net", "totals.vat", "totals.gross")
    assert codes["line_does_not_multiply"] == (
        "positions[0].qty",
        "positions[0].price",
        "positions[0].amount",
    )
