"""What record do the pages add up to? One model call fills the schema from all pages' texts, or the local engine finds its fields."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel

from schemas.errors import AnswerCutError, AnswerInvalidError, DocumentError
from schemas.flow import SummariseSettings
from schemas.record import Draft, Finding, PageExtraction
from tasks.extract import ENLARGEMENTS, gateway_of
from tasks.models import prompts, reading, wire
from tasks.models.client import PromptTooLongError
from tasks.models.gateway import Answer, ModelGateway, Question, larger
from tasks.models.parts import in_parts
from tasks.models.schema_for_model import schema_json
from tasks.services import Services

CORRECTIONS = 2  # times that an answer which does not fit is asked for again, with its errors
_PROBLEMS_TOLD = 20


async def summarise(draft: Draft, settings: SummariseSettings, services: Services) -> Draft:
    """Fills `record`, null where nothing was found, and `evidence`. What an e-invoice said before stands; only the rest is filled.

    Raises AnswerInvalidError and AnswerCutError when the model gives no usable answer, also after asking again.
    """
    schema = services.flow.schema
    if draft.record_complete or schema is None:
        return draft
    gateway = gateway_of(services)
    if gateway is None:
        return await _summarise_locally(draft, schema, services)
    from tasks.ground import ground  # noqa: PLC0415 - it looks at page words, which the local engine has done already

    summary = await _Summary(draft, settings, schema, services, gateway).of_all_pages()
    usage = draft.usage + gateway.take_usage(draft.document.document_id)
    draft = draft.model_copy(update={"record": reading.completed(draft.record or {}, summary.record), "usage": usage})
    grounded: Draft = await ground(draft.adding(*summary.findings), services)
    return grounded


async def _summarise_locally(draft: Draft, schema: type[BaseModel], services: Services) -> Draft:
    from tasks.local.fields import FieldFinder  # noqa: PLC0415 - the paid engine has no use for it

    finder = FieldFinder(schema)
    unreadable = {extraction.page_number for extraction in draft.extractions if extraction.error is not None}
    for handle in draft.pages:
        if handle.page_number not in unreadable:
            try:
                page = await services.reader.page(draft.document, handle.page_number, ocr=True)
            except DocumentError as error:
                if draft.extractions:  # it could be read a moment ago
                    raise
                draft = draft.adding(Finding(code="page_unreadable", message=f"page {handle.page_number} could not be read: {error}"))
                continue
            await asyncio.to_thread(finder.read, page)
    found = await asyncio.to_thread(finder.finish)
    exact = draft.record or {}
    evidence = [one for one in found.evidence if reading.is_open(exact, one.field)]
    return draft.model_copy(update={"record": reading.completed(exact, found.record), "evidence": (*draft.evidence, *evidence)})


@dataclass(frozen=True, slots=True)
class _Part:
    record: reading.Record
    findings: tuple[Finding, ...] = ()


class _Summary:
    """Asks for one document's record, in as few calls as the model's context allows."""

    def __init__(
        self, draft: Draft, settings: SummariseSettings, schema: type[BaseModel], services: Services, gateway: ModelGateway
    ) -> None:
        self._document_id, self._page_count = draft.document.document_id, draft.page_count or len(draft.pages)
        self._pages = [page for page in draft.extractions if page.text.strip()]
        self._settings, self._schema, self._gateway = settings, schema, gateway
        self._system = prompts.instructions(services.flow.prompts.get("summarise") or prompts.shipped("summarise"))
        self._mark = f"document-{self._document_id[:12]}"  # no document can hold the digest of its own bytes
        self._schema_json = schema_json(schema)

    async def of_all_pages(self) -> _Part:
        if not self._pages:
            return _Part(reading.empty_record(self._schema))
        model = await self._gateway.model(self._settings.model)
        parts = in_parts(self._pages, [self._system, self._schema_json], self._settings.max_tokens, model)
        return self._joined([await self._of_pages(part) for part in parts])

    async def _of_pages(self, pages: Sequence[PageExtraction]) -> _Part:
        """One call, or more: with more room when the answer is cut, with the errors when it does not fit, by halves when it is too long."""
        question, corrections, enlargements = self._question(pages), 0, 0
        while True:
            try:
                answer = await self._gateway.ask(question)
            except PromptTooLongError:
                if len(pages) == 1:
                    raise
                return await self._by_halves(pages)
            if answer.is_cut:
                enlarged = larger(question, await self._gateway.model(self._settings.model)) if enlargements < ENLARGEMENTS else None
                if enlarged is not None:
                    question, enlargements = enlarged, enlargements + 1
                    continue
                if len(pages) > 1:
                    return await self._by_halves(pages)
                raise AnswerCutError(
                    f"the record does not fit into {question.max_tokens} tokens; raise `summarise.max_tokens` or ask for fewer fields."
                )
            read = reading.read_answer(answer.text, self._schema)
            if not read.problems or corrections == CORRECTIONS:
                return self._part(read)
            question, corrections = self._corrected(question, answer, read.problems), corrections + 1

    def _part(self, read: reading.ReadAnswer) -> _Part:
        if read.record is None:
            problems = "; ".join(read.problems[:3])
            raise AnswerInvalidError(
                f"the model's answer does not fit the schema, also after asking {CORRECTIONS} times again: {problems}."
            )
        if not read.problems:
            return _Part(read.record)
        message = f"the model's answer did not fit the schema in {len(read.problems)} places, which were left empty: {'; '.join(read.problems[:5])}"
        return _Part(read.record, (Finding(code="answer_invalid", message=message, fields=read.fields),))

    async def _by_halves(self, pages: Sequence[PageExtraction]) -> _Part:
        middle = len(pages) // 2
        return self._joined([await self._of_pages(pages[:middle]), await self._of_pages(pages[middle:])])

    def _joined(self, parts: Sequence[_Part]) -> _Part:
        if len(parts) == 1:
            return parts[0]
        record, conflicts = reading.merge([part.record for part in parts])
        findings = [finding for part in parts for finding in part.findings]
        if conflicts:
            message = (
                f"the parts in which this long document was read state different values for {', '.join(conflicts)}; the first was taken"
            )
            findings.append(Finding(code="parts_disagree", message=message, fields=conflicts))
        return _Part(record, tuple(findings))

    def _question(self, pages: Sequence[PageExtraction]) -> Question:
        return Question(
            document_id=self._document_id,
            step="summarise",
            role=self._settings.model,
            system=self._system,
            turns=(wire.Turn("user", self._told(pages)),),
            max_tokens=self._settings.max_tokens,
            temperature=self._settings.temperature,
            page_numbers=tuple(page.page_number for page in pages),
            schema=(re.sub(r"\W", "_", self._schema.__name__)[:64], self._schema_json),
        )

    def _told(self, pages: Sequence[PageExtraction]) -> str:
        first, last = pages[0].page_number, pages[-1].page_number
        part = f"pages {first} to {last} of {self._page_count}" if last > first else f"page {first} of {self._page_count}"
        texts = "\n".join(f'<page number="{page.page_number}">\n{page.text}\n</page>' for page in pages)
        return f"The text of a document, {part}, stands between the markers {self._mark}. Answer with one JSON object.\n<{self._mark}>\n{texts}\n</{self._mark}>"

    def _corrected(self, question: Question, answer: Answer, problems: Sequence[str]) -> Question:
        listed = "\n".join(f"- {problem}" for problem in problems[:_PROBLEMS_TOLD])
        told = f"Your answer does not fit the schema:\n{listed}\nAnswer again with the whole JSON object, corrected in these places only; null where the document has no such value."
        return replace(question, turns=(question.turns[0], wire.Turn("assistant", answer.text), wire.Turn("user", told)))
