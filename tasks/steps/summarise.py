"""The step `summarise`: one record from all pages.

One model call fills the schema from the pages' texts, or the local engine finds its fields.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from schemas.errors import AnswerCutError, AnswerInvalidError, DocumentError
from schemas.flow import SummariseSettings
from schemas.record import Draft, Finding
from tasks.evidence.ground import ground
from tasks.models.conversation import answers as reading
from tasks.models.conversation.questions import corrected, larger, record_question, record_questions
from tasks.models.gateway import ModelGateway, Question
from tasks.models.http.wire import PromptTooLongError
from tasks.services import ReadingServices
from tasks.steps.extract import ENLARGEMENTS

CORRECTIONS = 2  # times that an answer which does not fit is asked for again, with its errors


async def summarise(draft: Draft, settings: SummariseSettings, services: ReadingServices) -> Draft:
    """Fills `record`, null where nothing was found, and `evidence`. What an e-invoice said before
    stands; only the rest is filled.

    Raises AnswerInvalidError and AnswerCutError when the model gives no usable answer, also after
    asking again.
    """
    schema = services.flow.schema
    if draft.record_complete or schema is None:
        return draft
    gateway = services.models
    if gateway is None:
        return await _summarise_locally(draft, schema, services)
    summary = await _Summary(draft, settings, schema, services, gateway).of_all_pages()
    usage = draft.usage + gateway.take_usage(draft.document.document_id)
    draft = draft.model_copy(
        update={"record": reading.completed(draft.record or {}, summary.record), "usage": usage}
    )
    return await ground(draft.adding(*summary.findings), services)


async def _summarise_locally(
    draft: Draft, schema: type[BaseModel], services: ReadingServices
) -> Draft:
    from tasks.local.fields import FieldFinder  # noqa: PLC0415 - the paid engine has no use for it

    finder = FieldFinder(schema)
    unreadable = {
        extraction.page_number for extraction in draft.extractions if extraction.error is not None
    }
    for handle in draft.pages:
        if handle.page_number not in unreadable:
            try:
                page = await services.reader.page(draft.document, handle.page_number, ocr=True)
            except DocumentError as error:
                if draft.extractions:  # it could be read a moment ago
                    raise
                draft = draft.adding(Finding(code="page_unreadable", message=str(error)))
                continue
            await asyncio.to_thread(finder.read, page)
    found = await asyncio.to_thread(finder.finish)
    exact = draft.record or {}
    evidence = [one for one in found.evidence if reading.is_open(exact, one.field)]
    return draft.model_copy(
        update={
            "record": reading.completed(exact, found.record),
            "evidence": (*draft.evidence, *evidence),
        }
    )


@dataclass(frozen=True, slots=True)
class _Part:
    record: reading.Record
    findings: tuple[Finding, ...] = ()


class _Summary:
    """Asks for one document's record, in as few calls as the model's context allows."""

    def __init__(
        self,
        draft: Draft,
        settings: SummariseSettings,
        schema: type[BaseModel],
        services: ReadingServices,
        gateway: ModelGateway,
    ) -> None:
        self._document_id, self._page_count = (
            draft.document.document_id,
            draft.page_count or len(draft.pages),
        )
        self._extractions = {page.page_number: page for page in draft.extractions}
        self._flow, self._settings, self._schema, self._gateway = (
            services.flow,
            settings,
            schema,
            gateway,
        )

    async def of_all_pages(self) -> _Part:
        model = await self._gateway.model(self._settings.model)
        pages = tuple(self._extractions.values())
        questions = record_questions(
            self._flow,
            self._settings,
            self._schema,
            self._document_id,
            pages,
            self._page_count,
            model,
        )
        if not questions:
            return _Part(reading.empty_record(self._schema))
        return self._joined([await self._answer_to(question) for question in questions])

    async def _answer_to(self, question: Question) -> _Part:
        """One call, or more: with more room when the answer is cut, with the errors when it does
        not fit, by halves when it is too long."""
        pages, corrections, enlargements = question.page_numbers, 0, 0
        while True:
            try:
                answer = await self._gateway.ask(question)
            except PromptTooLongError:
                if len(pages) == 1:
                    raise
                return await self._by_halves(pages)
            if answer.is_cut:
                enlarged = (
                    larger(question, await self._gateway.model(self._settings.model))
                    if enlargements < ENLARGEMENTS
                    else None
                )
                if enlarged is not None:
                    question, enlargements = enlarged, enlargements + 1
                    continue
                if len(pages) > 1:
                    return await self._by_halves(pages)
                raise AnswerCutError(
                    f"the record does not fit into {question.max_tokens} tokens; raise "
                    "`summarise.max_tokens` or ask for fewer fields."
                )
            read = reading.read_answer(answer.text, self._schema)
            if not read.problems or corrections == CORRECTIONS:
                return self._part(read)
            question, corrections = corrected(question, answer.text, read.problems), corrections + 1

    def _part(self, read: reading.ReadAnswer) -> _Part:
        if read.record is None:
            problems = "; ".join(read.problems[:3])
            raise AnswerInvalidError(
                "the model's answer does not fit the schema, also after asking "
                f"{CORRECTIONS} times again: {problems}."
            )
        if not read.problems:
            return _Part(read.record)
        message = (
            f"the model's answer did not fit the schema in {len(read.problems)} places, which "
            f"were left empty: {'; '.join(read.problems[:5])}"
        )
        return _Part(
            read.record, (Finding(code="answer_invalid", message=message, fields=read.fields),)
        )

    async def _by_halves(self, numbers: Sequence[int]) -> _Part:
        middle = len(numbers) // 2
        return self._joined(
            [await self._of_pages(numbers[:middle]), await self._of_pages(numbers[middle:])]
        )

    async def _of_pages(self, numbers: Sequence[int]) -> _Part:
        pages = [self._extractions[number] for number in numbers]
        return await self._answer_to(
            record_question(
                self._flow, self._settings, self._schema, self._document_id, pages, self._page_count
            )
        )

    def _joined(self, parts: Sequence[_Part]) -> _Part:
        if len(parts) == 1:
            return parts[0]
        record, conflicts = reading.merge([part.record for part in parts])
        findings = [finding for part in parts for finding in part.findings]
        if conflicts:
            message = (
                "the parts in which this long document was read state different values for "
                f"{', '.join(conflicts)}; the first was taken"
            )
            findings.append(Finding(code="parts_disagree", message=message, fields=conflicts))
        return _Part(record, tuple(findings))
