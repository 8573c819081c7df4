"""The step `extract`, page by page.

A vision model reads the page's image, or the local engine its text layer or OCR.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from schemas.document import Document, PageImage, PageKind, RenderSettings
from schemas.errors import AnswerCutError, DocmillError, DocumentError, Effect, LimitError
from schemas.flow import ExtractSettings
from schemas.record import Draft, ErrorInfo, Finding, PageExtraction
from tasks.bounded_concurrency import bounded
from tasks.models.conversation import prompts
from tasks.models.conversation.questions import larger, pages_question
from tasks.models.gateway import ImageSource, ModelGateway, NothingToSendError, Question
from tasks.models.http import wire
from tasks.services import ReadingServices

ENLARGEMENTS = 2  # times that a cut answer is asked for again with twice the room


@dataclass(frozen=True, slots=True)
class PageRead:
    """One page's outcome; `error` is what its extraction tells as code and message."""

    extraction: PageExtraction
    error: DocmillError | None = None


async def extract(draft: Draft, settings: ExtractSettings, services: ReadingServices) -> Draft:
    """Fills `extractions`, one for each page in order. A page that cannot be read has an error and
    a finding `page_unreadable`.

    Raises the first page's error when no page can be read; BudgetExceededError, ProviderDownError
    and the like after the calls in flight ended.
    """
    if draft.record_complete or not draft.pages:
        return draft
    gateway = services.models
    numbers = [handle.page_number for handle in draft.pages]
    if gateway is None:
        reads = await bounded(
            numbers,
            partial(_read_locally, draft.document, services=services),
            services.page_slots,
            finish_begun=True,
        )
    else:
        reader = _PageReader(draft, settings, services, gateway)
        size = settings.images_per_request
        batches = [tuple(numbers[start : start + size]) for start in range(0, len(numbers), size)]
        reads = await bounded(batches, reader.read, services.page_slots, finish_begun=True)
    pages = sorted(
        (page for read in reads for page in read), key=lambda page: page.extraction.page_number
    )
    unreadable = [page for page in pages if page.error is not None]
    if len(unreadable) == len(pages) and unreadable[0].error is not None:
        raise unreadable[0].error
    usage = (
        draft.usage
        if gateway is None
        else draft.usage + gateway.take_usage(draft.document.document_id)
    )
    draft = draft.model_copy(
        update={"extractions": tuple(page.extraction for page in pages), "usage": usage}
    )
    return draft.adding(*(_unreadable_finding(page) for page in unreadable))


def _unreadable_finding(page: PageRead) -> Finding:
    # The reader's own errors begin with the page number already.
    where = "" if isinstance(page.error, DocumentError) else f"page {page.extraction.page_number}: "
    return Finding(code="page_unreadable", message=f"{where}{page.error}")


def _failed(number: int, engine: Literal["mistral", "local"], error: DocmillError) -> PageRead:
    info = ErrorInfo(code=error.code, message=str(error))
    return PageRead(PageExtraction(page_number=number, text="", engine=engine, error=info), error)


async def _read_locally(
    document: Document, number: int, *, services: ReadingServices
) -> list[PageRead]:
    from tasks.layout.rows import text_of  # noqa: PLC0415 - the paid engine has no use for it

    try:
        page = await services.reader.page(document, number, ocr=True)
    except DocumentError as error:
        return [_failed(number, "local", error)]
    return [PageRead(PageExtraction(page_number=number, text=text_of(page), engine="local"))]


class _PageReader:
    """Reads the pages of one document by a vision model: one request a page, or several pages in
    one."""

    def __init__(
        self,
        draft: Draft,
        settings: ExtractSettings,
        services: ReadingServices,
        gateway: ModelGateway,
    ) -> None:
        self._document, self._page_count = draft.document, draft.page_count or len(draft.pages)
        self._settings, self._gateway, self._reader, self._flow = (
            settings,
            gateway,
            services.reader,
            services.flow,
        )

    async def read(self, batch: tuple[int, ...]) -> list[PageRead]:
        if len(batch) > 1:
            return await self._read_together(batch)
        try:
            return [await self._read_one(batch[0])]
        except DocmillError as error:
            if error.effect is not Effect.PAGE:
                raise
            return [_failed(batch[0], "mistral", error)]

    async def _read_one(self, number: int) -> PageRead:
        question = self._question((number,), self._image)
        for enlargements in range(ENLARGEMENTS + 1):
            try:
                answer = await self._gateway.ask(question)
            except NothingToSendError:
                return PageRead(PageExtraction(page_number=number, text="", engine="mistral"))
            if not answer.is_cut:
                return self._page(number, wire.without_fences(answer.text), answer.model)
            enlarged = (
                larger(question, await self._gateway.model(self._settings.model))
                if enlargements < ENLARGEMENTS
                else None
            )
            if enlarged is None:
                break
            question = enlarged
        raise AnswerCutError(
            f"the text of page {number} does not fit into {question.max_tokens} tokens; "
            "raise `extract.max_tokens`."
        )

    def _page(self, number: int, text: str, model: str) -> PageRead:
        text = "" if text.strip() == prompts.EMPTY_PAGE else text.strip("\n")
        return PageRead(
            PageExtraction(page_number=number, text=text, engine="mistral", model=model)
        )

    async def _read_together(self, batch: Sequence[int]) -> list[PageRead]:
        """Pages without text are left out first. When the common answer is of no use, each page is
        asked for alone."""
        reads, inked = [], []
        for number in batch:
            try:
                page = await self._reader.page(self._document, number, ocr=False)
            except DocumentError as error:
                reads.append(_failed(number, "mistral", error))
                continue
            if page.kind is PageKind.BLANK:
                reads.append(
                    PageRead(PageExtraction(page_number=number, text="", engine="mistral"))
                )
            else:
                inked.append(number)
        together = await self._ask_together(inked) if len(inked) > 1 else None
        if together is None:
            together = [read for number in inked for read in await self.read((number,))]
        return [*reads, *together]

    async def _ask_together(self, numbers: Sequence[int]) -> list[PageRead] | None:
        question = self._question(tuple(numbers), self._image_of_many)
        try:
            answer = await self._gateway.ask(question)
        except DocmillError as error:
            if error.effect is not Effect.PAGE:
                raise
            return None
        texts = None if answer.is_cut else _texts_by_position(answer.text, len(numbers))
        if texts is None:
            return None
        return [
            self._page(number, text, answer.model)
            for number, text in zip(numbers, texts, strict=True)
        ]

    def _question(self, numbers: tuple[int, ...], image_of: ImageSource) -> Question:
        return pages_question(
            self._flow,
            self._settings,
            self._document.document_id,
            numbers,
            self._page_count,
            image_of,
        )

    async def _image(self, number: int, render: RenderSettings) -> PageImage | None:
        visit = await self._reader.image(self._document, number, render)
        if visit.kind is PageKind.BLANK:
            return None
        return _sendable(visit.image, number)

    async def _image_of_many(self, number: int, render: RenderSettings) -> PageImage:
        return _sendable((await self._reader.image(self._document, number, render)).image, number)


def _sendable(image: PageImage, number: int) -> PageImage:
    if len(image.data) > wire.MAX_IMAGE_BYTES:
        megabytes = len(image.data) / 1_048_576
        raise LimitError(
            f"the image of page {number} has {megabytes:.1f} MB, and a model takes 10; "
            "lower `render.max_side_px`."
        )
    return image


def _texts_by_position(answer: str, count: int) -> list[str] | None:
    """The text of each image, or None when the answer does not have every one of them exactly
    once."""
    try:
        pages = json.loads(wire.json_text(answer))["pages"]
        texts = {page["page_number"]: page["text"] for page in pages}
    except (ValueError, KeyError, TypeError):
        return None
    complete = (
        len(pages) == count
        and set(texts) == set(range(1, count + 1))
        and all(isinstance(text, str) for text in texts.values())
    )
    return [texts[position] for position in range(1, count + 1)] if complete else None
