"""A broken rule is first asked about once more: with the page's picture, the record so far and what
is wrong with it."""

import json
from functools import partial
from typing import Any

import pytest

from schemas.document import PageHandle
from schemas.flow import CheckSettings
from schemas.invoice import Invoice
from schemas.record import Draft, Evidence, Finding, PageExtraction
from tasks.documents.identify import identify
from tasks.steps.check import check
from tests.support.documents import make_pdf
from tests.support.fake_mistral import replies
from tests.support.models_harness import decoded_images

pytestmark = pytest.mark.asyncio(loop_scope="module")

READ = {
    "number": "INV-00001",
    "issue_date": "2026-03-14",
    "seller": {"name": "Northwind Paper Ltd", "vat_id": None},
    "currency": "EUR",
    "net_total": "140.00",
    "tax_total": "28.00",
    "total": "186.00",
    "lines": [],
}
RIGHT = json.dumps(
    {**READ, "number": "changed", "net_total": 140.0, "tax_total": 28.0, "total": 168.0}
).replace("168.0", "168.00")


@pytest.fixture
def services_for(services_for):
    return partial(services_for, schema=Invoice)


def draft_of(tmp_path, record: dict[str, Any], *, pages: int = 1, **changes: Any) -> Draft:
    document = identify(make_pdf(pages, tmp_path / "a.pdf"))
    numbers = range(1, pages + 1)
    draft = Draft(
        document=document,
        pages=tuple(
            PageHandle(document_id=document.document_id, page_number=number) for number in numbers
        ),
        page_count=pages,
        extractions=tuple(
            PageExtraction(page_number=number, text=f"page {number}", engine="mistral")
            for number in numbers
        ),
        record=record,
    )
    return draft.model_copy(update=changes)


def codes(draft: Draft) -> list[str]:
    return [finding.code for finding in draft.findings]


async def test_a_misread_total_is_mended_by_one_more_question(server, services_for, tmp_path):
    server.reply(replies.content(RIGHT))
    async with services_for() as services:
        draft = await check(draft_of(tmp_path, READ), CheckSettings(), services)
    assert draft.record is not None
    assert draft.record["total"] == "168.00"
    assert draft.record["number"] == "INV-00001"  # was not in doubt, so it stays
    assert codes(draft) == []
    assert draft.usage.requests == 1
    assert draft.usage.tokens == server.billed
    evidence = {each.field: each for each in draft.evidence}
    assert evidence["total"].page == 1
    assert evidence["total"].quote is not None


async def test_the_question_shows_the_page_the_record_and_what_is_wrong_to_the_vision_model(
    server, services_for, tmp_path
):
    server.reply(replies.content(RIGHT))
    async with services_for() as services:
        await check(draft_of(tmp_path, READ), CheckSettings(), services)
    [body] = server.bodies
    assert body["model"] == "pixtral-large-latest"
    assert len(decoded_images(body)) == 1
    assert [message["role"] for message in body["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert json.loads(body["messages"][2]["content"]) == READ
    assert (
        "net_total, tax_total, total: net 140.00 and tax 28.00 make 168.00, but the total is 186.00"
        in str(body["messages"][3]["content"])
    )
    assert body["response_format"]["type"] == "json_schema"


async def test_an_answer_that_is_no_better_changes_nothing_but_the_usage(
    server, services_for, tmp_path
):
    server.reply(replies.content(json.dumps({**READ, "net_total": 1.0})))
    async with services_for() as services:
        draft = await check(draft_of(tmp_path, READ), CheckSettings(), services)
    assert draft.record == READ
    assert codes(draft) == ["total_disagrees"]
    assert draft.usage.requests == 1


@pytest.mark.parametrize("reply", [replies.content("I cannot say."), replies.cut()])
async def test_an_answer_of_no_use_is_told_and_paid(server, services_for, tmp_path, reply):
    server.reply(reply)
    async with services_for() as services:
        draft = await check(draft_of(tmp_path, READ), CheckSettings(), services)
    assert draft.record == READ
    assert codes(draft) == ["reask_failed", "total_disagrees"]
    assert draft.usage.tokens == server.billed > 0


async def test_what_the_first_answer_left_empty_is_no_longer_for_review_once_found(
    server, services_for, tmp_path
):
    server.reply(replies.content(RIGHT))
    before = Finding(code="answer_invalid", message="left empty", fields=("total",))
    async with services_for() as services:
        draft = await check(
            draft_of(tmp_path, {**READ, "total": None}, findings=(before,)),
            CheckSettings(),
            services,
        )
    assert draft.record is not None
    assert draft.record["total"] == "168.00"
    assert codes(draft) == []


async def test_of_a_long_document_only_the_pages_concerned_are_shown(
    server, services_for, tmp_path
):
    server.reply(replies.content(RIGHT))
    evidence = (Evidence(field="total", page=5, found_by="text_layer", confidence=0.9),)
    async with services_for() as services:
        await check(draft_of(tmp_path, READ, pages=8, evidence=evidence), CheckSettings(), services)
    [body] = server.bodies
    assert len(decoded_images(body)) == 3
    assert all(
        f"page {number}\n" in str(body["messages"][1]["content"]).replace("\\n", "\n")
        for number in (1, 5, 8)
    )


async def test_values_of_an_e_invoice_are_not_asked_away(server, services_for, tmp_path):
    server.reply(replies.content(RIGHT))
    evidence = (Evidence(field="total", found_by="einvoice", confidence=1.0, path="/Invoice"),)
    async with services_for() as services:
        draft = await check(draft_of(tmp_path, READ, evidence=evidence), CheckSettings(), services)
    assert draft.record is not None
    assert draft.record["total"] == "186.00"
    assert "total_disagrees" in codes(draft)


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        pytest.param({**READ, "total": "168.00"}, {}, id="nothing broken"),
        pytest.param(READ, {"record_complete": True}, id="an e-invoice"),
        pytest.param(READ, {"extractions": ()}, id="no page was read"),
    ],
)
async def test_nothing_is_asked_where_it_cannot_help(
    server, services_for, tmp_path, record, changes
):
    async with services_for() as services:
        await check(draft_of(tmp_path, record, **changes), CheckSettings(), services)
    assert server.requests == []


async def test_the_local_engine_asks_nobody(server, services_for, tmp_path):
    async with services_for(engine="local") as services:
        draft = await check(draft_of(tmp_path, READ), CheckSettings(), services)
    assert codes(draft) == ["total_disagrees"]
    assert server.requests == []
