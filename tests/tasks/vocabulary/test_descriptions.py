"""Alias, title and description of a field against what its name seems to mean."""

from datetime import date

import pytest
from pydantic import BaseModel, Field

from tasks.local.fields import FieldFinder
from tasks.vocabulary.concepts import ValueType, meaning_of
from tests.support.pages import page


class Order(BaseModel):
    number: str | None = Field(None, description="PO Number")
    ordered_on: date | None = Field(None, description="Order date")
    reference: str | None = Field(None, alias="Booking ref.")
    date: str | None = Field(None, description="Invoice number")


def test_values_are_found_beside_the_words_of_a_description() -> None:
    finder = FieldFinder(Order)
    finder.read(
        page(
            """
ACME Widgets Ltd                          Invoice number: INV-0042
12 High Street                            Invoice date: 25/04/2023
                                          PO Number: PO-77
                                          Order date: 13/02/2023
                                          Booking ref: B-1234
"""
        )
    )
    assert finder.finish().record == {
        "number": "PO-77",
        "ordered_on": "2023-02-13",
        "Booking ref.": "B-1234",
        "date": "INV-0042",
    }


@pytest.mark.parametrize(
    ("name", "value_type", "description", "key"),
    [
        ("number", "str", "PO Number", "order_number"),
        ("rechnungsnummer", "str", "Bestellnummer", "order_number"),
        ("date", "date", "Vervaldatum", "due_date"),
        ("date", "date", "Check-in date", "own:date"),
        ("amount", "decimal", "Net amount", "net_total"),
        ("due_date", "date", "Date", "due_date"),
        ("due_date", "date", "When the buyer has to pay by", "due_date"),
        ("number", "str", "Number of the invoice, not of the order", "number"),
    ],
)
def test_a_description_goes_before_the_name_where_it_reads_as_a_label(
    name: str, value_type: ValueType, description: str, key: str
) -> None:
    assert meaning_of((name,), value_type, description=description).key == key
