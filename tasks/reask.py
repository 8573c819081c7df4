"""Re-asking the model about values that the rules rejected.

One question: the pages concerned as pictures, the record so far, what is wrong with it.
"""

import json
from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel

from schemas.document import PageImage, PageKind, RenderSettings
from schemas.errors import (
    AnswerCutError,
    AnswerInvalidError,
    DocmillError,
    DocumentError,
    Effect,
    ModelGoneError,
)
from schemas.flow import ExtractSettings, SummariseSettings
from schemas.record import Draft, Finding, PageExtraction
from schemas.record_path import RecordPath
from tasks.evidence.ground import ground
from tasks.models.conversation import answers as reading
from tasks.models.conversation.questions import corrected, pages_question, record_question
from tasks.models.gateway import ModelGateway, NothingToSendError, Question
from tasks.models.http import wire
from tasks.services import ReadingServices

MAX_PAGES = 4  # pages shown again: those with the values in doubt, then the first and the last


async def ask_again(draft: Draft, services: ReadingServices, findings: Sequence[Finding]) -> Draft:
    """The draft with the fields that `findings` name read again by the vision model, and
    grounded again; everything else stays as it was.

    Values of an e-invoice are never asked about. An answer of no use is a note,
    `reask_failed`. What was spent is in `usage` in every case. Raises BudgetExceededError,
    ProviderDownError and AuthenticationError.
    """
    gateway, schema = services.models, services.flow.schema
    question = _question(draft, schema, services, findings) if schema else None
    if gateway is None or schema is None or question is None:
        return draft
    try:
        record = await _answer(gateway, question, schema)
    except NothingToSendError:
        draft = draft.adding(_in_vain("nothing_to_send"))
    except DocmillError as error:
        # The record is there already: unlike `extract`, it can do without a model that is gone.
        if error.effect is not Effect.PAGE and not isinstance(error, ModelGoneError):
            raise
        draft = draft.adding(_in_vain(error.code))
    else:
        draft = await _with_fields_of(record, draft, findings, services)
    return draft.model_copy(
        update={"usage": draft.usage + gateway.take_usage(draft.document.document_id)}
    )


def _question(
    draft: Draft, schema: type[BaseModel], services: ReadingServices, findings: Sequence[Finding]
) -> Question | None:
    flow, document = services.flow, draft.document
    how_read, how_summed_up = flow.settings(ExtractSettings), flow.settings(SummariseSettings)
    pages = _pages(draft, findings)
    if how_read is None or how_summed_up is None or not pages:
        return None

    async def image_of(page_number: int, render: RenderSettings) -> PageImage | None:
        try:
            visit = await services.reader.image(document, page_number, render)
        except DocumentError:
            return None
        sendable = (
            visit.kind is not PageKind.BLANK and len(visit.image.data) <= wire.MAX_IMAGE_BYTES
        )
        return visit.image if sendable else None

    count = draft.page_count or len(draft.pages)
    numbers = tuple(page.page_number for page in pages)
    seen = pages_question(flow, how_read, document.document_id, numbers, count, image_of)
    told = record_question(flow, how_summed_up, schema, document.document_id, pages, count)
    told = corrected(
        told,
        json.dumps(draft.record, ensure_ascii=False),
        [_problem(finding) for finding in findings],
    )
    return replace(
        told,
        role=seen.role,
        image_pages=seen.image_pages,
        image_of=seen.image_of,
        max_side_px=seen.max_side_px,
    )


def _problem(finding: Finding) -> str:
    return f"{', '.join(finding.fields)}: {finding.message}" if finding.fields else finding.message


def _pages(draft: Draft, findings: Sequence[Finding]) -> list[PageExtraction]:
    readable = [page for page in draft.extractions if page.text.strip()]
    if len(readable) <= MAX_PAGES:
        return readable
    doubted = _keys(findings)
    concerned = [
        evidence.page
        for evidence in draft.evidence
        if evidence.page is not None and _key(evidence.field) in doubted
    ]
    wanted = list(dict.fromkeys([*concerned, readable[0].page_number, readable[-1].page_number]))[
        :MAX_PAGES
    ]
    return [page for page in readable if page.page_number in wanted]


async def _answer(
    gateway: ModelGateway, question: Question, schema: type[BaseModel]
) -> reading.Record:
    answer = await gateway.ask(question)
    if answer.is_cut:
        raise AnswerCutError("the second answer was cut off")
    read = reading.read_answer(answer.text, schema)
    if read.record is None:
        raise AnswerInvalidError("the second answer does not fit the schema")
    return read.record


async def _with_fields_of(
    second: reading.Record, draft: Draft, findings: Sequence[Finding], services: ReadingServices
) -> Draft:
    exact = {_key(evidence.field) for evidence in draft.evidence if evidence.found_by == "einvoice"}
    doubted = (_keys(findings) or set(second)) - exact
    record = {
        **(draft.record or {}),
        **{name: value for name, value in second.items() if name in doubted},
    }
    evidence = tuple(each for each in draft.evidence if _key(each.field) not in doubted)
    return await ground(draft.model_copy(update={"record": record, "evidence": evidence}), services)


def _keys(findings: Sequence[Finding]) -> set[str]:
    return {_key(field) for finding in findings for field in finding.fields}


def _key(field: str) -> str:
    """The record's own key that a path begins with."""
    return next(iter(RecordPath.parse(field).names), "")


def _in_vain(reason: str) -> Finding:
    return Finding(
        code="reask_failed",
        message=f"asking the model again did not help ({reason})",
        weight="note",
    )
