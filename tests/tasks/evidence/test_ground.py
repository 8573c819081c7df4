import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.document import Document, Page, PageHandle
from schemas.errors import OcrMissingError
from schemas.record import Draft, Evidence, PageExtraction
from schemas.record_path import RecordPath
from tasks.evidence.ground import ground
from tasks.evidence.search import Grounder
from tasks.evidence.transcribed import transcribed_page
from tests.support.pages import page

_PAGE = page(
    """
ACME Widgets Ltd                                        Invoice number: INV-0042
12 High Street                                          Invoice date: 19 april 2014
London SW1A 2AA                                         Due date: 03/05/14
Nederland

Nintendo AC-adapter                    1      14,99      14,99
Mario Kart 7 3DS                       1      44,99      44,99
Lamp                                   3      14,99      44,97

                                       Subtotaal       € 1.104,95
                                       Korting          € -10,00
                                       Totaal          € 1.094,95
"""
)


def evidence_of(record: dict[str, Any], drawn: Page) -> dict[str, float]:
    """The confidence of each value of a flat record, searched for on one page."""
    grounder = Grounder(record)
    grounder.read(drawn)
    return {evidence.field: evidence.confidence for evidence in grounder.finish()}


def ground_value(value: Any, pages: list[Page], *, field: str = "value") -> Evidence | None:
    """The evidence for a record that has only this value."""
    record = value
    for step in reversed(RecordPath.parse(field).steps):
        record = {step: record} if isinstance(step, str) else [*[None] * step, record]
    grounder = Grounder(record)
    for each in pages:
        grounder.read(each)
    return next(iter(grounder.finish()), None)


@pytest.mark.parametrize(
    ("value", "field", "quote"),
    [
        ("2014-04-19", "issue_date", "19 april 2014"),
        ("2014-05-03", "due_date", "03/05/14"),
        ("2014-05-03T00:00:00", "due_date", "03/05/14"),
        ("1094.95", "total", "€ 1.094,95"),
        (1094.95, "total", "€ 1.094,95"),
        ("1094.950", "total", "€ 1.094,95"),
        ("-10.00", "allowance_total", "€ -10,00"),
        ("10.00", "allowance_total", "€ -10,00"),
        ("INV-0042", "number", "INV-0042"),
        ("ACME Widgets Ltd.", "seller.name", "ACME Widgets Ltd"),
        ("acmé widgets ltd", "seller.name", "ACME Widgets Ltd"),
        ("12 High Street, London SW1A 2AA", "seller.address", "12 High Street London SW1A 2AA"),
        ("EUR", "currency", "€ 1.104,95"),
        ("NL", "seller.address.country", "Nederland"),
        ("Nintendo AC adaptor", "lines[0].name", "Nintendo AC-adapter"),
    ],
)
def test_a_value_is_found_in_the_form_it_is_printed_in(value: Any, field: str, quote: str) -> None:
    evidence = ground_value(value, [_PAGE], field=field)
    assert evidence is not None
    assert (evidence.quote, evidence.page, evidence.found_by) == (quote, 1, "text_layer")
    assert evidence.box is not None
    assert evidence.confidence >= 0.7


@pytest.mark.parametrize(
    "value", ["Globex Corporation", "999.99", "2014-04-20", "INV-0043", "XX", True]
)
def test_a_value_that_is_not_printed_is_ungrounded_with_low_confidence(value: Any) -> None:
    evidence = ground_value(value, [_PAGE])
    assert evidence is not None
    assert (evidence.found_by, evidence.page, evidence.box) == ("ungrounded", None, None)
    assert evidence.confidence <= 0.3


def test_null_gets_no_evidence() -> None:
    assert ground_value(None, [_PAGE]) is None
    grounder = Grounder({"a": None, "b": {"c": [1, None, {"d": "x"}]}, "e": ""})
    assert [evidence.field for evidence in grounder.finish()] == ["b.c[0]", "b.c[2].d"]


def test_the_occurrence_beside_the_matching_label_is_preferred() -> None:
    two = page("Subtotal       10.00\nShipping        0.00\nTotal          10.00")
    total, net = (
        ground_value("10.00", [two], field="total"),
        ground_value("10.00", [two], field="line_total"),
    )
    assert total is not None
    assert net is not None
    assert total.box is not None
    assert net.box is not None
    assert total.box.y0 > net.box.y0
    assert "beside its label" in total.why


def test_the_values_of_a_list_item_are_found_in_its_own_row() -> None:
    record = {
        "lines": [
            {
                "name": "Mario Kart 7 3DS",
                "quantity": "1",
                "unit_price": "44.99",
                "net_amount": "44.99",
            },
            {"name": "Lamp", "quantity": "3", "unit_price": "14.99", "net_amount": "44.97"},
        ]
    }
    grounder = Grounder(record)
    grounder.read(_PAGE)
    boxes = {evidence.field: evidence.box for evidence in grounder.finish()}
    rows = {field: round(box.y0, 3) for field, box in boxes.items() if box}
    assert (
        len({rows[f"lines[0].{name}"] for name in ("name", "quantity", "unit_price", "net_amount")})
        == 1
    )
    assert (
        len({rows[f"lines[1].{name}"] for name in ("name", "quantity", "unit_price", "net_amount")})
        == 1
    )
    price, amount = boxes["lines[0].unit_price"], boxes["lines[0].net_amount"]
    assert price is not None
    assert amount is not None
    assert price.x0 < amount.x0


def test_slips_of_ocr_are_forgiven_but_cost_confidence() -> None:
    scanned = page("LAN HING STATI0NERY SDN BHD\nTotal   79.50", words_from="ocr")
    evidence = ground_value("LIAN HING STATIONERY SDN BHD", [scanned], field="company")
    assert evidence is not None
    assert evidence.found_by == "ocr"
    assert evidence.quote == "LAN HING STATI0NERY SDN BHD"
    assert 0.5 < evidence.confidence < 0.9
    exact = ground_value("79.50", [scanned], field="total")
    assert exact is not None
    assert exact.confidence > evidence.confidence


def test_a_number_is_never_found_by_likeness() -> None:
    evidence = ground_value("4711", [page("Invoice number 4712")], field="number")
    assert evidence is not None
    assert evidence.found_by == "ungrounded"


class _Reader:
    """Answers like the document reader; `broken` pages raise what their OCR would."""

    def __init__(self, pages: list[Page], broken: frozenset[int] = frozenset()) -> None:
        self.pages, self.broken = pages, broken
        self.open = self.most_open = 0

    async def page(self, document: Document, number: int, *, ocr: bool) -> Page:
        assert ocr
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        await asyncio.sleep(0)
        self.open -= 1
        if number in self.broken:
            raise OcrMissingError("OCR is not installed")
        return self.pages[number - 1]


def _draft(record: dict[str, Any] | None, pages: int, evidence: tuple[Evidence, ...] = ()) -> Draft:
    document = Document(
        document_id="0" * 64, path=Path("/x.pdf"), media_type="application/pdf", size_bytes=1
    )
    handles = tuple(
        PageHandle(document_id=document.document_id, page_number=n + 1) for n in range(pages)
    )
    return Draft(
        document=document, pages=handles, page_count=pages, record=record, evidence=evidence
    )


def _services(reader: _Reader, slots: int = 2) -> Any:
    return SimpleNamespace(reader=reader, page_slots=asyncio.Semaphore(slots))


async def test_every_leaf_gets_evidence_and_pages_are_read_a_few_at_a_time() -> None:
    pages = [page(f"Page {n}\nReference   R{n}00", number=n) for n in range(1, 31)]
    reader = _Reader(pages)
    grounded = await ground(
        _draft({"first": "R100", "last": "R3000", "gone": "nowhere", "empty": None}, 30),
        _services(reader),
    )
    assert {e.field: (e.page, e.found_by) for e in grounded.evidence} == {
        "first": (1, "text_layer"),
        "last": (30, "text_layer"),
        "gone": (None, "ungrounded"),
    }
    assert reader.most_open <= 2


async def test_without_ocr_values_are_ungrounded_and_the_reason_is_told() -> None:
    reader = _Reader([page("", number=1)], broken=frozenset({1}))
    grounded = await ground(_draft({"total": "10.00"}, 1), _services(reader))
    (evidence,) = grounded.evidence
    assert (evidence.found_by, evidence.why) == ("ungrounded", ("no text on the page",))


async def test_evidence_that_is_there_stays() -> None:
    exact = Evidence(field="total", found_by="einvoice", path="/Invoice/Total", confidence=1.0)
    grounded = await ground(
        _draft({"total": "1094.95", "number": "INV-0042"}, 1, (exact,)), _services(_Reader([_PAGE]))
    )
    assert [e.found_by for e in grounded.evidence if e.field == "total"] == ["einvoice"]
    assert [e.found_by for e in grounded.evidence if e.field == "number"] == ["text_layer"]


async def test_a_draft_without_a_record_is_left_alone() -> None:
    draft = _draft(None, 1)
    assert await ground(draft, _services(_Reader([]))) is draft


@pytest.mark.parametrize("value", ["120000", "120000.00", "12.0000", "12000.0", "12.00"])
def test_a_number_is_compared_as_a_number_and_never_as_digits(value):
    evidence = ground_value(value, [page("Total 1.200,00 EUR")], field="total")
    assert evidence.found_by == "ungrounded"


def test_a_value_beside_the_label_of_another_field_is_doubted():
    drawn = page("Net 100,00\nVAT 19,00\nTotal 119,00")
    right = evidence_of({"net_total": "100.00", "total": "119.00"}, drawn)
    exchanged = evidence_of({"net_total": "119.00", "total": "100.00"}, drawn)
    assert min(right.values()) >= 0.9
    assert max(exchanged.values()) <= 0.4


def test_one_printed_amount_may_be_the_total_and_the_amount_due():
    drawn = page("Amount due 119,00")
    assert min(evidence_of({"total": "119.00", "amount_due": "119.00"}, drawn).values()) >= 0.8


def test_exchanged_dates_are_doubted():
    drawn = page("Invoice date 05.03.2024\nDue date 04.04.2024")
    assert (
        max(evidence_of({"issue_date": "2024-04-04", "due_date": "2024-03-05"}, drawn).values())
        <= 0.4
    )


def test_a_date_found_only_by_exchanging_day_and_month_is_doubted():
    drawn = page("Invoice date 03/04/2024\nDue date 25/04/2024")
    assert evidence_of({"issue_date": "2024-04-03"}, drawn)["issue_date"] >= 0.9
    assert evidence_of({"issue_date": "2024-03-04"}, drawn)["issue_date"] <= 0.6


def test_a_transcription_gives_page_and_quote_but_no_box():
    text = "| Item | Amount |\n| --- | ---: |\n| Total | 119,00 |"
    grounder = Grounder({"total": "119.00"})
    read = PageExtraction(page_number=2, text=text, engine="mistral")
    grounder.read(transcribed_page(read), transcribed=True)
    (evidence,) = grounder.finish()
    assert (evidence.page, evidence.quote, evidence.box) == (2, "119,00", None)
    assert evidence.found_by == "transcription"
    assert evidence.confidence <= 0.85
