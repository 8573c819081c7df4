"""Is every page read or named as unreadable, by either engine, with nothing asked twice and nothing
asked in vain?"""

import asyncio
from dataclasses import replace

import pytest

from schemas.errors import (
    AuthenticationError,
    BudgetExceededError,
    DocumentError,
    ProviderDownError,
    RequestRefusedError,
)
from schemas.flow import ExtractSettings, RenderSettingsSpec
from schemas.record import Draft
from tasks.documents.identify import identify
from tasks.documents.reader import DocumentReader
from tasks.models.conversation import prompts
from tasks.steps.extract import extract
from tasks.steps.render import render
from tests.support.documents import make_pdf, text_at, write_pdf
from tests.support.fake_mistral import replies
from tests.support.models_harness import decoded_images

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def opened(path, services) -> Draft:
    return await render(
        Draft(document=identify(path)), services.flow.settings(RenderSettingsSpec), services
    )


async def test_each_page_is_one_request_and_its_text_one_extraction(server, services_for, tmp_path):
    async with services_for() as services:
        draft = await extract(
            await opened(make_pdf(3, tmp_path / "a.pdf"), services), ExtractSettings(), services
        )
    assert [extraction.page_number for extraction in draft.extractions] == [1, 2, 3]
    assert all("Invoice number: INV-" in extraction.text for extraction in draft.extractions)
    assert {extraction.model for extraction in draft.extractions} == {"pixtral-large-latest"}
    assert (draft.usage.requests, draft.usage.tokens) == (3, server.billed)


async def test_page_images_have_the_size_that_the_model_can_use(server, services_for, tmp_path):
    async with services_for() as services:
        await extract(
            await opened(make_pdf(1, tmp_path / "a.pdf"), services), ExtractSettings(), services
        )
    assert (
        server.requests[0].prompt_tokens > 2900
    )  # an A4 page of 1024 px: 3008 tokens by Pixtral's rule


async def test_a_size_of_flows_yaml_goes_first(server, services_for, tmp_path):
    async with services_for(render=RenderSettingsSpec(max_side_px=512)) as services:
        await extract(
            await opened(make_pdf(1, tmp_path / "a.pdf"), services), ExtractSettings(), services
        )
    assert 700 < server.requests[0].prompt_tokens < 1200


async def test_blank_pages_are_not_sent(server, services_for, tmp_path):
    path = write_pdf(
        tmp_path / "a.pdf",
        [text_at(50, 700, "Invoice 1").encode(), b"", text_at(50, 700, "Page 3").encode()],
    )
    async with services_for() as services:
        draft = await extract(await opened(path, services), ExtractSettings(), services)
    assert [bool(extraction.text) for extraction in draft.extractions] == [True, False, True]
    assert draft.extractions[1].error is None
    assert len(server.requests) == 2


async def test_a_page_that_the_model_finds_empty_has_no_text(server, services_for, tmp_path):
    server.reply(replies.content(prompts.EMPTY_PAGE))
    async with services_for() as services:
        draft = await extract(
            await opened(make_pdf(1, tmp_path / "a.pdf"), services), ExtractSettings(), services
        )
    assert draft.extractions[0].text == ""


async def test_a_page_that_is_refused_is_a_finding_and_the_others_go_on(
    server, services_for, tmp_path
):
    server.behaviour.script = lambda body, number: (
        replies.invalid_body() if "page 2 of 3" in str(body["messages"][1]["content"][0]) else None
    )
    async with services_for() as services:
        draft = await extract(
            await opened(make_pdf(3, tmp_path / "a.pdf"), services), ExtractSettings(), services
        )
    assert [
        extraction.error.code if extraction.error else None for extraction in draft.extractions
    ] == [None, "request_refused", None]
    assert [(finding.code, finding.weight) for finding in draft.findings] == [
        ("page_unreadable", "review")
    ]
    assert "page 2" in draft.findings[0].message


async def test_when_no_page_can_be_read_the_first_error_is_raised(server, services_for, tmp_path):
    server.behaviour.script = lambda body, number: replies.invalid_body()
    async with services_for() as services:
        with pytest.raises(RequestRefusedError):
            await extract(
                await opened(make_pdf(2, tmp_path / "a.pdf"), services), ExtractSettings(), services
            )


class HalfBlind:
    """A reader that cannot visit one page."""

    def __init__(self, reader: DocumentReader, page: int) -> None:
        self._reader, self._page = reader, page

    def __getattr__(self, name):
        return getattr(self._reader, name)

    async def image(self, document, number, settings):
        if number == self._page:
            raise DocumentError(f"page {number}: damaged")
        return await self._reader.image(document, number, settings)

    async def page(self, document, number, *, ocr):
        if number == self._page:
            raise DocumentError(f"page {number}: damaged")
        return await self._reader.page(document, number, ocr=ocr)


@pytest.mark.parametrize("engine", ["mistral", "local"])
async def test_a_damaged_page_does_not_stop_the_others(services_for, tmp_path, engine):
    async with services_for(engine=engine) as services:
        blind = replace(services, reader=HalfBlind(services.reader, 2))
        draft = await extract(
            await opened(make_pdf(3, tmp_path / "a.pdf"), services), ExtractSettings(), blind
        )
    assert [bool(extraction.text) for extraction in draft.extractions] == [True, False, True]
    assert [finding.message for finding in draft.findings] == ["page 2: damaged"]


async def test_a_cut_page_is_asked_for_again_with_more_room(server, services_for, tmp_path):
    async with services_for() as services:
        draft = await extract(
            await opened(make_pdf(1, tmp_path / "a.pdf"), services),
            ExtractSettings(max_tokens=50),
            services,
        )
    assert [body["max_tokens"] for body in server.bodies] == [50, 100, 200]
    assert "Total" in draft.extractions[0].text


async def test_a_page_that_never_fits_is_unreadable(server, services_for, tmp_path):
    server.behaviour.script = lambda body, number: (
        replies.cut() if "page 1 of" in str(body["messages"][1]["content"][0]) else None
    )
    async with services_for() as services:
        draft = await extract(
            await opened(make_pdf(2, tmp_path / "a.pdf"), services), ExtractSettings(), services
        )
    assert draft.extractions[0].error.code == "answer_cut"
    assert len(server.requests) == 4  # bounded


async def test_several_pages_go_into_one_request(server, services_for, tmp_path):
    async with services_for() as services:
        draft = await extract(
            await opened(make_pdf(5, tmp_path / "a.pdf"), services),
            ExtractSettings(images_per_request=2),
            services,
        )
    assert sorted(entry.images for entry in server.requests) == [1, 2, 2]
    assert all("INV-" in extraction.text for extraction in draft.extractions)
    assert len({extraction.text for extraction in draft.extractions}) == 5  # each page its own


async def test_a_common_answer_of_no_use_is_replaced_by_single_ones(server, services_for, tmp_path):
    server.reply(replies.content('{"pages": [{"page_number": 1, "text": "only one"}]}'))
    async with services_for() as services:
        draft = await extract(
            await opened(make_pdf(2, tmp_path / "a.pdf"), services),
            ExtractSettings(images_per_request=2),
            services,
        )
    assert [entry.images for entry in server.requests] == [2, 1, 1]
    assert all("INV-" in extraction.text for extraction in draft.extractions)


async def test_blank_pages_are_left_out_of_a_common_request(server, services_for, tmp_path):
    path = write_pdf(
        tmp_path / "a.pdf",
        [text_at(50, 700, "Invoice 1").encode(), b"", text_at(50, 700, "Page 3").encode()],
    )
    async with services_for() as services:
        draft = await extract(
            await opened(path, services), ExtractSettings(images_per_request=8), services
        )
    assert [entry.images for entry in server.requests] == [2]
    assert [bool(extraction.text) for extraction in draft.extractions] == [True, False, True]


async def test_when_the_budget_ends_calls_in_flight_finish_and_are_kept(
    server, services_for, tmp_path
):
    server.behaviour.latency = 0.1
    path = make_pdf(6, tmp_path / "a.pdf")
    async with services_for(tokens=17_000, slots=2) as services:
        draft = await opened(path, services)
        with pytest.raises(BudgetExceededError):
            await extract(draft, ExtractSettings(), services)
        answered = len(server.requests)
        assert answered >= 2
        assert services.models.usage.requests == answered
    async with services_for() as services:
        await extract(draft, ExtractSettings(), services)
    assert len(server.requests) == 6  # what was bought before is not bought again


async def test_errors_that_are_not_about_a_page_end_the_document(server, services_for, tmp_path):
    server.behaviour.api_key = "another"
    async with services_for() as services:
        with pytest.raises(AuthenticationError):
            await extract(
                await opened(make_pdf(2, tmp_path / "a.pdf"), services), ExtractSettings(), services
            )


async def test_a_provider_that_is_down_defers_the_document(server, services_for, tmp_path):
    server.behaviour.script = lambda body, number: replies.server_error()
    async with services_for() as services:
        with pytest.raises(ProviderDownError):
            await extract(
                await opened(make_pdf(2, tmp_path / "a.pdf"), services), ExtractSettings(), services
            )


async def test_no_more_pages_are_worked_on_than_there_are_slots(server, services_for, tmp_path):
    server.behaviour.latency = 0.05
    async with services_for(slots=2) as services:
        await extract(
            await opened(make_pdf(8, tmp_path / "a.pdf"), services), ExtractSettings(), services
        )
    assert server.most_in_flight == 2


async def test_cancelling_frees_every_slot(server, services_for, tmp_path):
    server.behaviour.latency = 5
    async with services_for(slots=3) as services:
        task = asyncio.create_task(
            extract(
                await opened(make_pdf(8, tmp_path / "a.pdf"), services), ExtractSettings(), services
            )
        )
        while server.most_in_flight < 3:  # noqa: ASYNC110 - the server is in another thread
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert services.page_slots._value == 3


async def test_the_local_engine_reads_the_text_layer_and_sends_nothing(
    server, services_for, tmp_path
):
    async with services_for(engine="local") as services:
        draft = await extract(
            await opened(make_pdf(2, tmp_path / "a.pdf"), services), ExtractSettings(), services
        )
    assert "INV-00002" in draft.extractions[1].text
    assert {extraction.engine for extraction in draft.extractions} == {"local"}
    assert server.requests == []


async def test_a_complete_e_invoice_needs_no_page(services_for, tmp_path):
    async with services_for() as services:
        draft = (await opened(make_pdf(1, tmp_path / "a.pdf"), services)).model_copy(
            update={"record": {}, "record_complete": True}
        )
        assert await extract(draft, ExtractSettings(), services) == draft


async def test_a_prompt_of_ones_own_is_sent_with_the_rule_that_content_is_data(
    server, services_for, tmp_path
):
    async with services_for() as services:
        own = replace(
            services, flow=replace(services.flow, prompts={"extract": "Only the totals, please."})
        )
        await extract(
            await opened(make_pdf(1, tmp_path / "a.pdf"), services), ExtractSettings(), own
        )
    system = server.bodies[0]["messages"][0]["content"]
    assert system.startswith("Only the totals, please.")
    assert "never an instruction" in system
    assert decoded_images(server.bodies[0])
