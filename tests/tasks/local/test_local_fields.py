import json
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from schemas.document import Box, Page, PageKind, Word
from schemas.invoice import Invoice
from schemas.receipt import Receipt
from tasks.local.choosing.arithmetic import settle
from tasks.local.fields import FieldFinder, Found
from tasks.local.finding.gathering import MOST_AMOUNTS, MOST_BLOCKS, MOST_OF_A_KEY
from tasks.vocabulary.concepts import Meaning, meaning_of
from tests.support.pages import page
from tests.support.work import within_calls

_ENGLISH = page(
    """
ACME Widgets Ltd                                        INVOICE
12 High Street                                          Invoice number: INV-0042
London SW1A 2AA                                         Invoice date: 03/04/2023
VAT no GB123456789                                      Due date: 25/04/2023
                                                        PO number: PO-77
Bill to:
Jane Roe
5 Side Road
Leeds LS1 4AP


Description                       Quantity    Unit price         Amount
Blue widget                              2        100.00         200.00
Red widget, large                        1         50.50          50.50


                                              Subtotal           250.50
                                              VAT 20%             50.10
                                              Total           £  300.60
"""
)
_FRENCH = page(
    """
Boulangerie Durand SARL
8 rue de la Ville, 75008 Paris

Facture n° F2023-118 du 2 juin 2023
Date d'échéance : 02/07/2023

                                 Total HT              1 000,00 €
                                 TVA 20 %                200,00 €
                                 Total TTC             1 200,00 €

IBAN FR76 3000 6000 0112 3456 7890 189
"""
)


def find(schema: type[BaseModel], *pages: Page) -> Found:
    finder = FieldFinder(schema)
    for one in pages:
        finder.read(one)
    return finder.finish()


def test_the_shipped_invoice_is_filled_from_a_plain_page() -> None:
    record: dict[str, Any] = find(Invoice, _ENGLISH).record
    assert (
        record["number"],
        record["issue_date"],
        record["due_date"],
        record["order_reference"],
    ) == (
        "INV-0042",
        "2023-04-03",
        "2023-04-25",
        "PO-77",
    )
    assert (record["net_total"], record["tax_total"], record["total"], record["currency"]) == (
        "250.50",
        "50.10",
        "300.60",
        "GBP",
    )
    assert (
        record["seller"]["name"],
        record["seller"]["vat_id"],
        record["seller"]["address"]["postcode"],
    ) == (
        "ACME Widgets Ltd",
        "GB123456789",
        "SW1A 2AA",
    )
    assert (record["buyer"]["name"], record["buyer"]["address"]["city"]) == ("Jane Roe", "Leeds")
    assert [
        (line["name"], line["quantity"], line["unit_price"], line["net_amount"])
        for line in record["lines"]
    ] == [
        ("Blue widget", "2", "100.00", "200.00"),
        ("Red widget, large", "1", "50.50", "50.50"),
    ]
    assert record["tax_breakdown"][0]["rate"] == "20"
    Invoice.model_validate(record)


def test_every_value_has_evidence_with_page_quote_box_and_reasons() -> None:
    found = find(Invoice, _ENGLISH)
    by_field = {evidence.field: evidence for evidence in found.evidence}
    total = by_field["total"]
    assert (total.page, total.quote, total.found_by) == (1, "300.60", "text_layer")
    assert "net + tax agrees" in total.why
    assert total.box is not None
    assert total.box.y0 < total.box.y1
    assert by_field["lines[1].net_amount"].quote == "50.50"
    assert all(0 < evidence.confidence < 1 for evidence in found.evidence)


class Facture(BaseModel):
    fournisseur: str
    adresse: str
    numero_facture: str
    date_facture: date
    date_echeance: date | None
    montant_ht: Decimal
    montant_tva: Decimal
    montant_ttc: float
    devise: str | None = None
    ibans: list[str] = []


def test_a_french_schema_reads_a_french_page() -> None:
    assert find(Facture, _FRENCH).record == {
        "fournisseur": "Boulangerie Durand SARL",
        "adresse": "8 rue de la Ville, 75008 Paris",
        "numero_facture": "F2023-118",
        "date_facture": "2023-06-02",
        "date_echeance": "2023-07-02",
        "montant_ht": "1000.00",
        "montant_tva": "200.00",
        "montant_ttc": 1200.0,
        "devise": "EUR",
        "ibans": ["FR7630006000011234567890189"],
    }


class Company(BaseModel):
    name: str | None
    vat_number: str | None


class Sums(BaseModel):
    net: Decimal | None
    gross: Decimal


class Nested(BaseModel):
    invoice_no: str = Field(alias="InvoiceNo")
    issued: datetime
    vendor: Company
    carrier: Company | None = None
    totals: Sums
    paid: bool | None = None
    currency: Literal["EUR", "GBP"] | None = None


def test_aliases_nested_models_and_unknown_parts() -> None:
    record = find(Nested, _ENGLISH).record
    assert record == {
        "InvoiceNo": "INV-0042",
        "issued": "2023-04-03T00:00:00",
        "vendor": {"name": "ACME Widgets Ltd", "vat_number": "GB123456789"},
        "carrier": None,
        "totals": {"net": "250.50", "gross": "300.60"},
        "paid": None,
        "currency": "GBP",
    }
    Nested.model_validate(record)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Odd(BaseModel):
    """What no lexicon knows is found by its own name."""

    advertiser: str | None
    contract_num: str | None
    flight_from: date | None
    flight_to: date | None
    spots: int | None
    colour: Colour | None
    weight: Annotated[Decimal | None, Field(description="Weight in kg")]
    itself: "Odd | None" = None


def test_unknown_fields_are_found_by_their_own_names() -> None:
    record = find(
        Odd,
        page(
            """
Advertiser:      Jane for Mayor          Contract:    4268075
Flight Dates:    06/02/2020 - 06/28/2020
Spots:           31                      Colour:      Blue
Weight:          12,5
"""
        ),
    ).record
    assert record["advertiser"] == "Jane for Mayor"
    assert record["contract_num"] == "4268075"
    assert (record["flight_from"], record["flight_to"]) == ("2020-06-02", "2020-06-28")
    assert (record["spots"], record["weight"], record["colour"]) == (31, "12.5", "blue")
    assert record["itself"] is None


def test_nothing_found_is_null_and_never_invented() -> None:
    found = find(Invoice, page("Dear Sir or Madam\nthank you for your letter"))
    assert found.record["total"] is None
    assert found.record["issue_date"] is None
    assert found.record["lines"] == []
    assert not [e for e in found.evidence if e.field in ("total", "number", "issue_date")]


def test_pages_without_words_give_an_empty_record() -> None:
    found = find(Receipt, page(""))
    assert found.evidence == ()
    assert found.record["total"] is None


@pytest.mark.parametrize(
    ("lines", "total"),
    [
        ("Subtotal       9.43\nGST 6%         0.57\nTotal         10.00", "10.00"),
        ("Total         18.60\nCash          50.00\nChange        31.40", "18.60"),
        (
            (
                "Total          8.02\nRounding      -0.02\nTotal to pay   8.00\nCash          "
                "10.00\nChange         2.00"
            ),
            "8.00",
        ),
        ("Total 0 %     23.64\nTotal 6 %     12.72\nTotal payable 36.36", "36.36"),
        ("Total Qty          3\nTotal         12.50", "12.50"),
        ("Total savings  4.00\nTotal         12.50", "12.50"),
        ("TOTAL        110.00\nPREVIOUS BALANCE   500.00\nTOTAL DUE    610.00", "110.00"),
        ("Bruttosumme  671,15\nErhaltene Anzahlungen  -201,00\nZahlbetrag  470,15", "671.15"),
    ],
)
def test_sums_that_agree_decide_the_total(lines: str, total: str) -> None:
    assert find(Receipt, page(lines)).record["total"] == total


def test_settling_nothing_gives_nothing() -> None:
    assert settle([]).chosen == {}


@pytest.mark.parametrize(
    ("path", "value_type", "kind", "key", "party"),
    [
        ("store_address", "str", "address", "seller_address", "seller"),
        ("adresse_fournisseur", "str", "address", "seller_address", "seller"),
        ("buyer.address", "str", "address", "seller_address", "buyer"),
        ("vendor", "str", "name", "seller_name", "seller"),
        ("kunde", "str", "name", "buyer_name", "buyer"),
        ("from.name", "str", "name", "seller_name", "seller"),
        ("grand_total", "float", "money", "total", None),
        ("montant_ht", "decimal", "money", "net_total", None),
        ("nettobetrag", "decimal", "money", "net_total", None),
        ("mwst_betrag", "decimal", "money", "tax_total", None),
        ("totals.net", "decimal", "money", "net_total", None),
        ("total", "str", "money", "total", None),
        ("issued_on", "date", "date", "issue_date", None),
        ("fecha_vencimiento", "date", "date", "due_date", None),
        ("data_scadenza", "date", "date", "due_date", None),
        ("rechnungsdatum", "date", "date", "issue_date", None),
        ("factuurnummer", "str", "code", "number", None),
        ("receiptNumber", "str", "code", "number", None),
        ("po_number", "str", "code", "order_number", None),
        ("supplier_vat", "str", "pattern", "vat_id", "seller"),
        ("birth_date", "date", "date", "own:birth_date", None),
        ("tax_rate", "decimal", "number", "own:tax_rate", None),
    ],
)
def test_names_in_several_languages_have_their_meaning(
    path: str, value_type: Any, kind: str, key: str, party: str | None
) -> None:
    meaning = meaning_of(tuple(path.split(".")), value_type)
    assert (meaning.kind, meaning.key, meaning.party) == (kind, key, party)


def test_a_description_speaks_where_the_name_says_nothing() -> None:
    assert meaning_of(("where",), "str", description="Address of the company") == Meaning(
        "address", "seller_address", "seller"
    )
    assert meaning_of(("x1",), "decimal", title="Total including tax").key == "total"


def test_memory_stays_flat_over_many_pages() -> None:
    finder = FieldFinder(Invoice)
    for number in range(1, 120):
        finder.read(
            page(
                f"Page {number}\nACME Ltd\nDate: {number % 28 + 1} May 2020\nInvoice "
                f"number: A{number}\nTotal   {number}.00",
                number=number,
            )
        )
    gathered = finder._gathered
    assert all(
        len(kept) <= MOST_OF_A_KEY for kept in (*gathered.dates.values(), *gathered.codes.values())
    )
    assert len(gathered.amounts) <= sum(MOST_AMOUNTS)
    assert len(gathered.blocks) <= MOST_BLOCKS


_TEXTS = st.sampled_from(
    [
        "Total",
        "Invoice",
        "Date:",
        "12.50",
        "1,234.56",
        "€",
        "due",
        "GmbH",
        "Bill",
        "to:",
        "VAT",
        "20%",
        "05/03/2018",
        "IBAN",
        "DE88200800000970375700",
        "Ltd",
        "Berlin",
        "#",
        "No.",
        "qty",
        "price",
        "amount",
        "RM",
        "-",
        "a@b.co",
        "Tel",
        "+49",
        "�",
        "١٢",
        "1-1-1-1-1-1",
        "..",
        "(",
    ]
)
_PLACES = st.tuples(*[st.floats(0, 1, width=16)] * 4)


@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(st.tuples(_TEXTS, _PLACES), max_size=60),
    width=st.sampled_from([0, 1, 595]),
    words_from=st.sampled_from(["ocr", "text_layer"]),
)
def test_no_page_breaks_the_engine_and_its_record_is_json(
    words: Any, width: float, words_from: Any
) -> None:
    placed = tuple(
        Word(text, Box(min(a, c), min(b, d), max(a, c), max(b, d))) for text, (a, b, c, d) in words
    )
    odd = Page(
        page_number=1,
        kind=PageKind.TEXT,
        width_pt=width,
        height_pt=842,
        words=placed,
        words_from=words_from,
    )
    found = find(Invoice, odd)
    assert json.loads(json.dumps(found.record)) == found.record
    assert {evidence.field for evidence in found.evidence} == set(found.reasons)


def test_a_hostile_page_costs_bounded_work() -> None:
    monster = Word("a" * 1_000_000, Box(0, 0, 1, 0.1))
    many = tuple(Word("9." * 100, Box(0, row / 3000, 1, (row + 1) / 3000)) for row in range(3000))
    hostile = Page(
        page_number=1,
        kind=PageKind.TEXT,
        width_pt=595,
        height_pt=842,
        words=(monster, *many),
        words_from="text_layer",
    )
    within_calls(20_000_000, lambda: find(Invoice, hostile))
