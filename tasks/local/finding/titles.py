"""Titles that make a document a credit note, in six languages."""

import re

from tasks.layout.rows import Segment, Sheet
from tasks.local.finding.candidates import Candidate, candidate
from tasks.printed_values.money import find_amounts
from tasks.text.folding import tokens

TYPE_CODE = "title of a credit note"
CREDIT_NOTE = "381"  # UNCL 1001
_TITLES = tuple(
    tuple(title.split())
    for title in (
        "credit note",
        "creditnote",
        "credit memo",
        "credit memorandum",
        "credit invoice",
        "tax credit note",
        "vat credit note",
        "sales credit note",
        "adjustment note",
        "gutschrift",
        "rechnungsgutschrift",
        "gutschriftsanzeige",
        "avoir",
        "facture d avoir",
        "facture avoir",
        "note de credit",
        "nota de credito",
        "nota de abono",
        "factura de abono",
        "nota di credito",
        "nota credito",
        "nota di accredito",
        "creditnota",
        "credit nota",
        "kreditnota",
        "creditfactuur",
        "credit factuur",
    )
)
_INVOICES = frozenset(
    ("invoice", "tax invoice", "rechnung", "facture", "factura", "fattura", "factuur")
)
_NUMBER_FOLLOWS = re.compile(r"#|no|nr|num|number|nummer|numero|n|id|date|datum|du|del|van|vom|of")
_LOWEST = 0.5  # share of the first page: further down, a credit is one of the positions
_MOST_WORDS = 8  # of a title with its number; more is running text


def credit_note_titles_on(sheet: Sheet) -> list[Candidate]:
    """Titles such as "CREDIT NOTE" or "Gutschrift Nr. 12" on the upper half of the first page.

    Beside a title "INVOICE", a credit note with its number is only referred to.
    """
    if sheet.page_number != 1:
        return []
    upper = [segment for segment in sheet.segments if segment.y0 <= _LOWEST * sheet.height]
    invoice = any(" ".join(tokens(segment.text)) in _INVOICES for segment in upper)
    return [
        candidate(
            sheet,
            segment,
            0,
            len(segment.text),
            key=TYPE_CODE,
            value=CREDIT_NOTE,
            score=1.0,
            why=(f"title `{segment.text[:60]}`",),
        )
        for segment in upper
        if _is_title(segment, alone=invoice)
    ]


def _is_title(segment: Segment, *, alone: bool) -> bool:
    words = tokens(segment.text)
    if len(words) > _MOST_WORDS:
        return False
    for title in _TITLES:
        if words[: len(title)] != title:
            continue
        rest = words[len(title) :]
        if not rest:
            return True
        numbered = _NUMBER_FOLLOWS.fullmatch(rest[0]) or any(c.isdigit() for c in rest[0])
        if numbered and not alone:
            return not any(amount.decimals for amount in find_amounts(segment.text))
    return False
