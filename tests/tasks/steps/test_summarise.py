"""Does the record come out of the pages' texts, also when answers are wrong, cut or too long, and
never invented by us?"""

import json
from datetime import date
from decimal import Decimal
from functools import partial

import pytest
from pydantic import BaseModel, Field

from schemas.document import PageHandle
from schemas.errors import AnswerCutError, AnswerInvalidError
from schemas.flow import ModelSpec, SummariseSettings
from schemas.record import Draft, Evidence, PageExtraction
from tasks.documents.identify import identify
from tasks.steps.summarise import summarise
from tests.support.documents import make_pdf
from tests.support.fake_mistral import Known, replies


class Line(BaseModel):
    description: str
    amount: Decimal


class Bill(BaseModel):
    number: str = Field(description="Invoice number", min_length=3)
    issued: date = Field(description="Invoice date")
    total: Decimal = Field(gt=0)
    note: str | None = None
    lines: list[Line] = []


RECORD = {
    "number": "INV-7", "issued": "2026-01-31", "total": "12.50", "note": None,
    "lines": [{"description": "Tea", "amount": "12.50"}],
}  # fmt: skip
ANSWER = (
    '{"number": "INV-7", "issued": "2026-01-31", "total": 12.50, "note": null, "lines": '
    '[{"description": "Tea", "amount": 12.50}]}'
)
SETTINGS = SummariseSettings(fields={"number": "string"})


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def services_for(services_for):
    return partial(services_for, schema=Bill)


def draft_of(tmp_path, *texts: str) -> Draft:
    document = identify(make_pdf(len(texts), tmp_path / "a.pdf"))
    pages = tuple(
        PageHandle(document_id=document.document_id, page_number=number)
        for number in range(1, len(texts) + 1)
    )
    extractions = tuple(
        PageExtraction(page_number=number, text=text, engine="mistral")
        for number, text in enumerate(texts, 1)
    )
    return Draft(document=document, pages=pages, page_count=len(pages), extractions=extractions)


def told(body) -> str:
    return body["messages"][-1]["content"]


async def test_the_answer_becomes_the_record_with_exact_decimals_and_iso_dates(
    server, services_for, tmp_path
):
    server.reply(replies.content(ANSWER))
    async with services_for() as services:
        draft = await summarise(draft_of(tmp_path, "Invoice INV-7"), SETTINGS, services)
    assert draft.record == RECORD
    assert draft.usage.tokens == server.billed
    assert draft.evidence


async def test_the_request_has_all_texts_between_markers_and_the_nullable_schema(
    server, services_for, tmp_path
):
    server.reply(replies.content(ANSWER))
    async with services_for() as services:
        draft = draft_of(tmp_path, "first page", "second page")
        await summarise(draft, SETTINGS, services)
    [body] = server.bodies
    mark = f"document-{draft.document.document_id[:12]}"
    inside = told(body).split(f"<{mark}>")[1].split(f"</{mark}>")[0]
    assert "first page" in inside
    assert "second page" in inside
    schema = body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["total"] == {"anyOf": [{"type": "number"}, {"type": "null"}]}
    assert schema["required"] == ["number", "issued", "total"]


@pytest.mark.parametrize("reply", [replies.fenced(), replies.as_parts(), replies.fenced(prose="")])
async def test_fences_prose_and_parts_around_the_json_do_no_harm(
    server, services_for, tmp_path, reply
):
    server.behaviour.registry = [
        Known("INV-7", "", {"number": "INV-7", "issued": "2026-01-31", "total": 12.5})
    ]
    server.reply(reply)
    async with services_for() as services:
        draft = await summarise(draft_of(tmp_path, "Invoice INV-7"), SETTINGS, services)
    assert draft.record["number"] == "INV-7"
    assert len(server.requests) == 1


async def test_an_answer_that_does_not_fit_is_asked_for_again_with_its_errors_only(
    server, services_for, tmp_path
):
    server.reply(
        replies.content('{"number": "INV-7", "issued": "31st of January", "total": 12.5}'),
        replies.content(ANSWER),
    )
    async with services_for() as services:
        draft = await summarise(draft_of(tmp_path, "Invoice INV-7"), SETTINGS, services)
    assert draft.record == RECORD
    assert draft.findings == ()
    first, second = server.bodies
    assert [message["role"] for message in second["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert "- issued:" in told(second)
    assert "total" not in told(second)
    assert first["messages"][1] == second["messages"][1]


async def test_values_that_never_fit_are_left_empty_and_reviewed_and_the_others_kept(
    server, services_for, tmp_path
):
    server.behaviour.script = lambda body, number: replies.content(
        '{"number": "INV-7", "issued": "soon", "total": 12.5, "lines": [{"amount": "?"}]}'
    )
    async with services_for() as services:
        draft = await summarise(draft_of(tmp_path, "Invoice INV-7"), SETTINGS, services)
    assert (draft.record["number"], draft.record["issued"], draft.record["total"]) == (
        "INV-7",
        None,
        "12.5",
    )
    assert [(finding.code, finding.weight) for finding in draft.findings] == [
        ("answer_invalid", "review")
    ]
    assert set(draft.findings[0].fields) == {"issued", "lines[0].amount"}
    assert (
        len(server.requests) == 2
    )  # the same wrong answer again makes the same question again, which is not bought twice


@pytest.mark.parametrize(
    "answer", ["I cannot read this.", "[1, 2]", '{"foo": 1}', '{"number": ', '{"issued": "never"}']
)
async def test_an_answer_without_any_use_is_an_error_after_a_bounded_number_of_times(
    server, services_for, tmp_path, answer
):
    server.behaviour.script = lambda body, number: replies.content(answer)
    async with services_for() as services:
        with pytest.raises(AnswerInvalidError):
            await summarise(draft_of(tmp_path, "Invoice INV-7"), SETTINGS, services)
    assert len(server.requests) == 2


async def test_different_wrong_answers_are_corrected_a_bounded_number_of_times(
    server, services_for, tmp_path
):
    server.behaviour.script = lambda body, number: replies.content(
        f'{{"issued": "never {number}"}}'
    )
    async with services_for() as services:
        with pytest.raises(AnswerInvalidError, match="issued"):
            await summarise(draft_of(tmp_path, "Invoice INV-7"), SETTINGS, services)
    assert len(server.requests) == 3


async def test_constraints_of_the_schema_are_not_the_models_business(
    server, services_for, tmp_path
):
    server.reply(replies.content('{"number": "7", "issued": "2026-01-31", "total": -1}'))
    async with services_for() as services:
        draft = await summarise(draft_of(tmp_path, "Invoice 7"), SETTINGS, services)
    assert (draft.record["number"], draft.record["total"]) == (
        "7",
        "-1",
    )  # `check` says that they break the schema


async def test_a_cut_answer_is_asked_for_again_with_more_room(server, services_for, tmp_path):
    server.reply(replies.cut(), replies.content(ANSWER))
    async with services_for() as services:
        draft = await summarise(draft_of(tmp_path, "Invoice INV-7"), SETTINGS, services)
    assert [body["max_tokens"] for body in server.bodies] == [4096, 8192]
    assert draft.record == RECORD


async def test_an_answer_that_stays_cut_is_asked_for_with_fewer_pages_and_merged(
    server, services_for, tmp_path
):
    def script(body, number):
        return replies.cut() if "pages 1 to 2" in told(body) else replies.content(ANSWER)

    server.behaviour.script = script
    async with services_for() as services:
        draft = await summarise(draft_of(tmp_path, "one", "two"), SETTINGS, services)
    assert draft.record["lines"] == RECORD["lines"] * 2
    assert len(server.requests) == 5


async def test_one_page_that_stays_cut_is_an_error(server, services_for, tmp_path):
    server.behaviour.script = lambda body, number: replies.cut()
    async with services_for() as services:
        with pytest.raises(AnswerCutError, match="max_tokens"):
            await summarise(draft_of(tmp_path, "one"), SETTINGS, services)


async def test_a_document_longer_than_the_context_is_read_in_parts_and_conflicts_are_told(
    server, services_for, tmp_path
):
    def script(body, number):
        first = "pages 1 to" in told(body)
        return replies.content(
            json.dumps(
                {
                    "number": "INV-7",
                    "total": None if first else 9,
                    "note": "a" if first else "b",
                    "lines": [{"amount": 1}],
                }
            )
        )

    server.behaviour.script = script
    texts = ["word " * 2000] * 4
    catalogue = {"mistral-large-latest": ModelSpec(context_tokens=12_000)}
    async with services_for(catalogue=catalogue) as services:
        draft = await summarise(draft_of(tmp_path, *texts), SETTINGS, services)
    assert len(server.requests) == 2
    assert (
        draft.record["number"],
        draft.record["total"],
        draft.record["note"],
        len(draft.record["lines"]),
    ) == ("INV-7", "9", "a", 2)
    assert [(finding.code, finding.fields) for finding in draft.findings] == [
        ("parts_disagree", ("note",))
    ]


async def test_a_request_that_the_server_finds_too_long_is_halved(server, services_for, tmp_path):
    server.reply(replies.prompt_too_long(), replies.content(ANSWER), replies.content(ANSWER))
    async with services_for() as services:
        draft = await summarise(draft_of(tmp_path, "one", "two"), SETTINGS, services)
    assert len(draft.record["lines"]) == 2


async def test_a_document_without_text_is_a_record_of_nulls_and_asks_nothing(
    server, services_for, tmp_path
):
    async with services_for() as services:
        draft = await summarise(draft_of(tmp_path, "", " "), SETTINGS, services)
    assert draft.record == {
        "number": None,
        "issued": None,
        "total": None,
        "note": None,
        "lines": [],
    }
    assert server.requests == []


async def test_what_an_e_invoice_said_stands(server, services_for, tmp_path):
    server.reply(replies.content(ANSWER))
    async with services_for() as services:
        said = Evidence(field="total", found_by="einvoice", path="/x", confidence=1.0)
        draft = draft_of(tmp_path, "Invoice INV-7").model_copy(
            update={"record": {"total": "99.00", "note": None}, "evidence": (said,)}
        )
        draft = await summarise(draft, SETTINGS, services)
    assert draft.record == {**RECORD, "total": "99.00"}
    assert [one for one in draft.evidence if one.field == "total"] == [said]


@pytest.mark.parametrize("known", [{}, {"number": "X-1", "total": "1.00"}])
async def test_the_local_engine_finds_fields_on_the_pages_and_sends_nothing(
    server, services_for, tmp_path, known
):
    async with services_for(engine="local") as services:
        draft = draft_of(tmp_path, "as read").model_copy(update={"record": known or None})
        draft = await summarise(draft, SETTINGS, services)
    assert draft.record["number"] == known.get("number", "INV-00001")
    assert ("number" in {one.field for one in draft.evidence}) is not bool(known)
    assert server.requests == []
