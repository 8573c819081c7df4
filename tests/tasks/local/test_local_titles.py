"""Titles of credit notes in six languages set the type code; mentions of one do not."""

import pytest

from schemas.invoice import Invoice
from tasks.local.fields import FieldFinder
from tests.support.pages import page


def type_code_of(title: str, *, beside: str = "") -> object:
    finder = FieldFinder(Invoice)
    finder.read(
        page(
            f"""
Harbour Tools Ltd                                       {title}
5 Dock Road                                             {beside}
Hull HU1 3CD

Bill to:
Reader Ltd
2 Side Street





Net total                                                100.00
VAT 20%                                                   20.00
Total                                                    120.00
"""
        )
    )
    return finder.finish().record["type_code"]


@pytest.mark.parametrize(
    "title",
    [
        "CREDIT NOTE",
        "CREDITNOTE",
        "Credit note No: CN-2024-32",
        "Tax Credit Note",
        "GUTSCHRIFT",
        "Gutschrift Nr. 2024-7",
        "AVOIR",
        "Facture d'avoir n° 12",
        "NOTE DE CRÉDIT",
        "NOTA DE CRÉDITO",
        "Nota di credito",
        "CREDITNOTA",
        "Creditfactuur 2024-7",
    ],
)
def test_the_title_says_credit_note(title: str) -> None:
    assert type_code_of(title) == "381"


@pytest.mark.parametrize(
    ("title", "beside"),
    [
        ("INVOICE", ""),
        ("INVOICE", "Credit note No: CN-7"),
        ("RECHNUNG", "Gutschriften siehe Anlage"),
        ("Invoice number: INV-7", "Credit note applied 20.00"),
        ("Invoice number: INV-7", "Gutschrift 20,00"),
    ],
)
def test_a_mention_of_a_credit_note_is_no_title(title: str, beside: str) -> None:
    assert type_code_of(title, beside=beside) is None
