"""The shipped schemas: what they require, that they stand alone, and that they read like
documentation."""

import ast
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from schemas import invoice, receipt
from schemas.invoice import Invoice
from schemas.receipt import Receipt

MODELS = [
    each
    for module in (invoice, receipt)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, BaseModel) and each.model_fields
]


def test_an_american_invoice_without_vat_or_iban_is_one():
    made = Invoice.model_validate_json(
        '{"number": "1001", "issue_date": "2026-05-01", "seller": {"name": "Acme Corp"}, '
        '"total": "1,200.50"}'.replace(",200", "200")
    )
    assert made.total == Decimal("1200.50")
    assert made.issue_date == date(2026, 5, 1)
    assert made.lines == ()


@pytest.mark.parametrize("missing", ["number", "issue_date", "seller", "total"])
def test_what_no_invoice_can_lack_is_required(missing: str):
    values = {"number": "1", "issue_date": "2026-05-01", "seller": {"name": "A"}, "total": "1"}
    del values[missing]
    with pytest.raises(ValidationError, match=missing):
        Invoice.model_validate(values)


def test_a_receipt_needs_company_date_and_total():
    required = {name for name, field in Receipt.model_fields.items() if field.is_required()}
    assert required == {"company", "date", "total"}


def test_money_keeps_every_digit_through_json():
    made = Invoice(
        number="1",
        issue_date=date(2026, 5, 1),
        seller=invoice.Seller(name="A"),
        total=Decimal("0.10"),
    )
    again = Invoice.model_validate_json(made.model_dump_json())
    assert str(again.total) == "0.10"
    with pytest.raises(ValidationError, match="frozen"):
        again.total = Decimal(1)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_says_what_it_is(model: type[BaseModel]):
    for name, field in model.model_fields.items():
        assert field.description, name


def test_every_term_of_en_16931_has_a_field():
    described = " ".join(
        f"{model.__doc__} "
        f"{' '.join(str(field.description) for field in model.model_fields.values())}"
        for model in MODELS
    )
    numbers = set(_terms_named(described))
    buyers = set(range(44, 59)) | {163}  # the buyer's, described with the seller's fields
    others = {
        59,
        60,
        61,
        *range(62, 70),
        164,
        *range(75, 81),
        165,
    }  # payee, tax representative, delivery address: same classes
    lines_allowances = set(range(134, 146))  # periods and allowances of a line: same classes
    left_out = {4, 21}  # the norm has no BT-4; BT-21 is the subject code of a note
    assert set(range(1, 166)) - numbers - buyers - others - lines_allowances == left_out


def _terms_named(text: str) -> Iterator[int]:
    """Numbers in "BT-9", "BT-95, BT-102", "BT-35, 36, 162" and "BT-44 to BT-58"."""
    for run in re.findall(r"BT-\d+(?:, (?:BT-)?\d+)*", text):
        yield from (int(number) for number in re.findall(r"\d+", run))


@pytest.mark.parametrize("module", [invoice, receipt], ids=lambda module: module.__name__)
def test_the_file_can_be_copied_because_it_needs_only_pydantic(module):
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"datetime", "decimal", "pydantic"}
