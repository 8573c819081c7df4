"""Grounding: evidence on the page for each value that a model answered."""

import asyncio
from contextlib import aclosing

from schemas.document import Page
from schemas.errors import DocumentError
from schemas.record import Draft
from schemas.record_path import walk
from tasks.bounded_concurrency import in_order
from tasks.services import ReadingServices

AHEAD = 4  # pages asked for while one is searched


async def ground(draft: Draft, services: ReadingServices) -> Draft:
    """The draft with evidence for each value of its record. Evidence that is already there stays;
    null values get none.

    Of pages without words here (OCR is not installed, or cannot read them) the transcription that
    a model made is searched: it gives page and quote, but no box.
    """
    known = {evidence.field for evidence in draft.evidence}
    if all(str(path) in known or value is None for path, value in walk(draft.record or {})):
        return draft
    # a plan, whose answers are empty, must not import it
    from tasks.evidence.search import Grounder  # noqa: PLC0415
    from tasks.evidence.transcribed import transcribed_page  # noqa: PLC0415

    grounder = Grounder(draft.record or {}, skip=known)
    transcripts = {one.page_number: one for one in draft.extractions if one.text}

    async def visit(page_number: int) -> Page | None:
        async with services.page_slots:
            try:
                return await services.reader.page(draft.document, page_number, ocr=True)
            except DocumentError:
                return None

    numbers = [handle.page_number for handle in draft.pages]
    async with aclosing(in_order(numbers, visit, AHEAD)) as pages:
        async for page in pages:
            if page is not None and page.words:
                transcripts.pop(page.page_number, None)
                await asyncio.to_thread(grounder.read, page)
    for extraction in transcripts.values():
        await asyncio.to_thread(grounder.read, transcribed_page(extraction), transcribed=True)
    return draft.model_copy(update={"evidence": (*draft.evidence, *grounder.finish())})
