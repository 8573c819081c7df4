"""Layouts as they are common in several countries, drawn by hand."""

from typing import Any

import pytest
from pydantic import BaseModel

from schemas.invoice import Invoice
from schemas.receipt import Receipt
from tasks.local.fields import FieldFinder
from tests.support.pages import page

_AMERICAN = """
Northwind Traders Inc.                                               INVOICE
100 Main Street
Springfield, IL 62701
Phone: (555) 123-4567                        Invoice #      Invoice Date     Due Date
                                             10023          02/14/2023       03/16/2023

BILL TO                              SHIP TO
Contoso Foods                        Contoso Foods Warehouse
200 Oak Avenue                       201 Oak Avenue
Portland, OR 97201                   Portland, OR 97201

QTY     DESCRIPTION                          UNIT PRICE      AMOUNT
3       Chai tea, box                             18.00       54.00
10      Chang beer                                19.00      190.00

                                             Subtotal        244.00
                                             Sales Tax (8%)   19.52
                                             Shipping         12.00
                                             TOTAL          $275.52

Please make checks payable to Northwind Traders Inc.
"""
_GERMAN = """
Müller & Söhne Elektrotechnik                                Telefon: 030 1234567
Inhaber Karl Müller                                          info@mueller-elektro.de
Musterweg 3 · 10115 Berlin

Müller & Söhne, Musterweg 3, 10115 Berlin

Frau
Erika Mustermann                                             Rechnungs-Nr.:    2023/0815
Heidestraße 17                                               Rechnungsdatum:   12.11.2023
51147 Köln                                                   Kundennr.:        10042
                                                             Leistungsdatum:   08.11.2023

Rechnung

Pos.  Bezeichnung                           Menge   Einzelpreis   Gesamtpreis
1     Installation Steckdose                 4,00         45,50        182,00
2     Anfahrt                                1,00         30,00         30,00

                                                   Nettobetrag     212,00 €
                                                   zzgl. 19 % MwSt. 40,28 €
                                                   Gesamtbetrag    252,28 €

Zahlbar innerhalb von 14 Tagen ohne Abzug bis 26.11.2023.
Steuernummer: 30/123/45678   IBAN: DE02 1203 0000 0000 2020 51
"""
_ITALIAN = """
Trattoria Da Mario S.r.l.
Via Roma 12, 00184 Roma
P.IVA IT01234567897

Fattura n. 45/2023 del 15/05/2023

Spett.le
Rossi Costruzioni S.p.A.
Corso Italia 5
20122 Milano

Descrizione                    Quantità    Prezzo      Importo
Servizio catering                     1    500,00       500,00

Imponibile                                              500,00
IVA 10%                                                  50,00
Totale fattura                                       € 550,00
Scadenza: 14/06/2023
"""
_SPANISH = """
Suministros García S.L.                         FACTURA
C/ Mayor 10, 28013 Madrid                       Nº factura: A-2023-77
CIF: B12345674                                  Fecha: 3 de marzo de 2023
                                                Vencimiento: 02/04/2023
Cliente: Hotel Sol S.A.
Avda. de la Playa 3
03001 Alicante

Concepto                Cantidad     Precio       Importe
Toallas                       20       4,50         90,00

Base imponible                                      90,00
IVA 21%                                             18,90
TOTAL                                              108,90 €
"""
_TILL = """
SUPER MART SDN BHD
(123456-X)
No 5, Jalan Ampang
50450 Kuala Lumpur
Tel: 03-2161 1234
GST ID: 000123456789
TAX INVOICE
Inv No: A12345        Date: 12-03-2018 14:22
Milk 1L         2 x 5.30      10.60 SR
Bread                          3.20 ZR
Sub Total                     13.80
GST 6%                         0.60
Total                         14.40
Cash                          20.00
Change                         5.60
"""
_ROUNDED = """
WELCOME TO
KFC TAMAN CONNAUGHT
QSR STORES SDN BHD
LOT 12, JALAN CERDAS, 56000 KL
19/06/18 20:11  #3321
1 Snack Plate      12.72
TAKE AWAY
Total              12.72
Rounding           -0.02
Total Due          12.70
VISA               12.70
"""


def find(schema: type[BaseModel], drawing: str) -> dict[str, Any]:
    finder = FieldFinder(schema)
    finder.read(page(drawing))
    return finder.finish().record


@pytest.mark.parametrize(
    ("drawing", "number", "issued", "due", "sums", "seller", "buyer", "currency"),
    [
        (
            _AMERICAN,
            "10023",
            "2023-02-14",
            "2023-03-16",
            ("244.00", "19.52", "275.52"),
            "Northwind Traders Inc.",
            "Contoso Foods",
            "USD",
        ),
        (
            _GERMAN,
            "2023/0815",
            "2023-11-12",
            "2023-11-26",
            ("212.00", "40.28", "252.28"),
            "Müller & Söhne Elektrotechnik",
            "Erika Mustermann",
            "EUR",
        ),
        (
            _ITALIAN,
            "45/2023",
            "2023-05-15",
            "2023-06-14",
            ("500.00", "50.00", "550.00"),
            "Trattoria Da Mario S.r.l.",
            "Rossi Costruzioni S.p.A.",
            "EUR",
        ),
        (
            _SPANISH,
            "A-2023-77",
            "2023-03-03",
            "2023-04-02",
            ("90.00", "18.90", "108.90"),
            "Suministros García S.L.",
            "Hotel Sol S.A.",
            "EUR",
        ),
    ],
    ids=["american", "german", "italian", "spanish"],
)
def test_invoices_of_several_countries(
    drawing, number, issued, due, sums, seller, buyer, currency
) -> None:
    record = find(Invoice, drawing)
    assert (record["number"], record["issue_date"], record["due_date"], record["currency"]) == (
        number,
        issued,
        due,
        currency,
    )
    assert (record["net_total"], record["tax_total"], record["total"]) == sums
    assert (record["seller"]["name"], record["buyer"]["name"]) == (seller, buyer)


@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        (
            _AMERICAN,
            [("Chai tea, box", "3", "18.00", "54.00"), ("Chang beer", "10", "19.00", "190.00")],
        ),
        (
            _GERMAN,
            [
                ("Installation Steckdose", "4.00", "45.50", "182.00"),
                ("Anfahrt", "1.00", "30.00", "30.00"),
            ],
        ),
        (_ITALIAN, [("Servizio catering", "1", "500.00", "500.00")]),
        (_SPANISH, [("Toallas", "20", "4.50", "90.00")]),
    ],
    ids=["american", "german", "italian", "spanish"],
)
def test_positions_are_read_by_their_column_heads(drawing, expected) -> None:
    lines = find(Invoice, drawing)["lines"]
    assert [
        (line["name"], line["quantity"], line["unit_price"], line["net_amount"]) for line in lines
    ] == expected


def test_the_parts_of_both_addresses_are_told_apart() -> None:
    record = find(Invoice, _GERMAN)
    assert record["seller"]["address"]["postcode"] == "10115"
    assert record["buyer"]["address"] == {
        "lines": ["Heidestraße 17"],
        "postcode": "51147",
        "city": "Köln",
        "region": None,
        "country": None,
    }
    assert record["seller"]["tax_number"] == "30/123/45678"
    assert record["payment_accounts"][0]["iban"] == "DE02120300000000202051"


def test_till_receipts() -> None:
    plain, rounded = find(Receipt, _TILL), find(Receipt, _ROUNDED)
    assert (plain["company"], plain["date"], plain["total"], plain["payment_method"]) == (
        "SUPER MART SDN BHD",
        "2018-03-12",
        "14.40",
        "cash",
    )
    assert plain["address"] == "No 5, Jalan Ampang, 50450 Kuala Lumpur"
    assert (rounded["company"], rounded["date"], rounded["total"], rounded["rounding_amount"]) == (
        "QSR STORES SDN BHD",
        "2018-06-19",
        "12.70",
        "-0.02",
    )
