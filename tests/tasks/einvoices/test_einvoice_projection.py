"""An e-invoice's values in the user's own schema: found by field names, whatever class it is."""

import importlib.util
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipelines.loading.inline_schema import inline_model
from schemas.flow import FieldSpec
from schemas.invoice import Invoice
from schemas.receipt import Receipt
from tasks.einvoices.projection import project
from tasks.einvoices.read import EInvoice, read_einvoice
from tests.support.einvoice_files import xml_of

READ = read_einvoice(xml_of("cii-full.xml"))
assert isinstance(READ, EInvoice)
VALUES, PATHS = READ.values, READ.paths


class Line(BaseModel):
    description: str
    qty: float
    amount: Decimal


class Totals(BaseModel):
    net: Decimal
    tax: Decimal
    gross: Decimal


class Flat(BaseModel):
    """As people write schemas of their own."""

    invoiceNumber: str  # noqa: N815 - the case is what is tested
    invoice_date: date
    supplier: str
    supplier_address: str
    customer: str | None
    iban: str | None = None
    vat: str = Field(alias="vat_number")
    po_number: str
    totals: Totals
    line_items: list[Line]
    notes: str | None = None
    payment_accounts: list[Annotated[dict[str, Any] | None, "not a model"]] = []


def test_our_own_schema_takes_every_value_with_its_source():
    projection = project(VALUES, Invoice)
    assert projection.fits
    assert projection.sources == {path: path for path in PATHS}


def test_a_copy_of_the_schema_loaded_by_path_is_as_good():
    spec = importlib.util.spec_from_file_location(
        "_private_copy", Path(__file__).parents[3] / "schemas" / "invoice.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.Invoice is not Invoice
    assert project(VALUES, module.Invoice) == project(VALUES, Invoice)


def test_names_of_ones_own_are_understood():
    projection = project(VALUES, Flat)
    assert projection.fits
    record = projection.record
    assert record["invoiceNumber"] == "R-2026/0042"
    assert record["invoice_date"] == "2026-03-02"
    assert record["supplier"] == "Nordwind Bürobedarf GmbH"
    assert record["supplier_address"] == "Invalidenstr. 1, Hof 2, 3. Stock, 10115 Berlin, DE"
    assert record["customer"] == "Moulin & Fils SARL"
    assert record["iban"] == "DE89370400440532013000"
    assert record["vat_number"] == "DE136695976"
    assert record["po_number"] == "PO-4711"
    assert record["totals"] == {"net": "232.00", "tax": "26.38", "gross": "258.38"}
    assert record["line_items"][1] == {
        "description": "Coffee beans",
        "qty": 2.0,
        "amount": "100.00",
    }
    assert record["notes"] == "Goods remain ours until paid.\nThank you."
    assert projection.sources["totals.gross"] == "total"
    assert projection.sources["line_items[1].amount"] == "lines[1].net_amount"


def test_a_receipt_can_be_filled_too():
    projection = project(VALUES, Receipt)
    assert projection.fits
    assert (
        projection.record["company"],
        projection.record["date"],
        projection.record["total"],
    ) == (
        "Nordwind Bürobedarf GmbH",
        "2026-03-02",
        "258.38",
    )


def test_what_the_invoice_lacks_is_null_and_keeps_the_schema_from_fitting():
    class WithCostCentre(BaseModel):
        number: str
        cost_centre: str
        shipments: list[str] = []

    projection = project(VALUES, WithCostCentre)
    assert not projection.fits
    assert projection.record == {"number": "R-2026/0042", "cost_centre": None, "shipments": []}


def test_a_value_that_the_schema_refuses_is_left_to_the_pages():
    class Numbers(BaseModel):
        number: int
        total: Decimal

        @field_validator("total")
        @classmethod
        def _small(cls, value: Decimal) -> Decimal:
            if value > 100:
                raise ValueError("too much for this flow")
            return value

    projection = project(VALUES, Numbers)
    assert projection.record == {"number": None, "total": None}
    assert not projection.fits
    assert projection.sources == {}


def test_strict_models_are_satisfied_by_json():
    class Strict(BaseModel):
        model_config = ConfigDict(strict=True, extra="forbid")

        number: str
        issue_date: date
        total: Decimal

    assert project(VALUES, Strict).fits


@pytest.mark.parametrize("field", ["order", "delivery_note", "contact", "bank_code"])
def test_a_name_that_means_nothing_of_an_invoice_stays_empty(field: str):
    from pydantic import create_model

    # names are made up
    schema = create_model("Own", **{field: (str | None, None)})  # type: ignore[call-overload]
    assert project(VALUES, schema).record == {field: None}


def test_inline_fields_are_filled_like_a_class():
    line = FieldSpec(
        type="list", fields={"item": "string", "qty": "integer", "line_total": "decimal"}
    )
    customer = FieldSpec(
        type="object", fields={"name": "string", "vat_number": "string", "city": "string"}
    )
    schema = inline_model(
        "Own",
        {
            "invoice_date": "date",
            "vat_amount": "number",
            "copy": "string",
            "line_items": line,
            "customer": customer,
        },
    )
    projection = project(VALUES, schema)
    assert projection.record == {
        "invoice_date": "2026-03-02",
        "vat_amount": 26.38,
        "copy": None,
        "line_items": [
            {"item": "Archive box", "qty": 10, "line_total": "98.00"},
            {"item": "Coffee beans", "qty": 2, "line_total": "100.00"},
            {"item": "First aid course", "qty": 1, "line_total": "30.00"},
        ],
        "customer": {"name": "Moulin & Fils SARL", "vat_number": "FR40303265045", "city": "Paris"},
    }
