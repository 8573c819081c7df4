"""Buyer of a plan: estimates the calls that a run would make, and sends none."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pipelines.planning.estimate import CallEstimate, StepEstimate
from pipelines.planning.sketch_reader import SketchReader
from schemas.document import RenderSettings
from schemas.usage import Usage
from tasks.ledger.money.calls import StoredAnswer
from tasks.ledger.read_only import ReadOnlyLedger
from tasks.models.gateway import Answer, NothingToSendError, Question
from tasks.models.http.limiter import Waits
from tasks.models.prepared_question import PreparedQuestion
from tasks.models.price.catalogue import Model
from tasks.models.price.tokens import estimated_text_tokens

# of the text on a page that is a picture; measured: 340 on 40 receipts, 500 on 5 invoices, on
# average
PICTURE_TOKENS = 400
# an answer expected to be so much longer than `max_tokens` is asked for again with more room, as in
# a run
SURELY_CUT = 1.25
MARKUP = 1.05  # a model that transcribes a page adds table marks
RECORD_SHARE, RECORD_TOKENS = (
    0.4,
    200,
)  # tokens of a record: this share of the pages' text, and names and braces; counted on 24 records


class StoredAnswers:
    """What the ledger holds, without taking part in it: an `AnswerStore`."""

    def __init__(self, ledger: ReadOnlyLedger) -> None:
        self._ledger = ledger

    async def answer(self, key: str) -> StoredAnswer | None:
        return self._ledger.answer(key)

    @asynccontextmanager
    async def sole(self, key: str) -> AsyncIterator[StoredAnswer | None]:
        del key
        yield None

    async def resolution(self, endpoint: str, role: str) -> str | None:
        return self._ledger.resolution(endpoint, role)

    async def keep_resolution(self, endpoint: str, role: str, model: str) -> None:
        """A plan finds out nothing new about models."""


class EstimatingBuyer:
    """A `Buyer` that spends nothing: each question gets an answer of the expected length."""

    waits = Waits()

    def __init__(self, reader: SketchReader) -> None:
        self._reader = reader
        self.steps: dict[tuple[str, str], StepEstimate] = {}  # by step and model
        self.blank_pages = 0

    async def buy(
        self,
        question: Question,
        model: Model,
        render: RenderSettings,
        key: str,
        *,
        on_usage: Callable[[Usage], None],
    ) -> Answer:
        del key, on_usage  # nothing is stored, nothing is used
        sketches = [
            await self._reader.sketch(question.document_id, number)
            for number in question.image_pages
        ]
        inked = [sketch for sketch in sketches if not sketch.blank]
        if sketches and not inked:
            self.blank_pages += len(sketches)
            raise NothingToSendError
        sizes = tuple(
            self._reader.image_size(question.document_id, sketch, render.max_side_px)
            for sketch in inked
        )
        prepared = PreparedQuestion(question, model, sizes)
        page_texts = [_page_text(sketch.text) for sketch in inked]
        if question.step == "extract":
            answer_tokens = round(MARKUP * sum(map(estimated_text_tokens, page_texts)))
        else:
            answer_tokens = min(
                question.max_tokens,
                RECORD_TOKENS + round(RECORD_SHARE * estimated_text_tokens(question.turns[0].text)),
            )
        call = CallEstimate.of(
            model,
            image_tokens=prepared.image_tokens,
            text_tokens=prepared.estimated_prompt - prepared.image_tokens,
            answer_tokens=answer_tokens,
            max_tokens=question.max_tokens,
            bound_prompt=prepared.bound.prompt,
            may_repeat=question.step == "summarise",
        )
        step = self.steps.setdefault(
            (question.step, model.id), StepEstimate(question.step, question.role, model.id)
        )
        step.add(call, model)
        is_cut = answer_tokens > SURELY_CUT * question.max_tokens
        return Answer(
            _answer_text(question, page_texts),
            "length" if is_cut else "stop",
            model.id,
            cached=False,
        )


def _page_text(text: str | None) -> str:
    return "word " * PICTURE_TOKENS if text is None else text


def _answer_text(question: Question, page_texts: list[str]) -> str:
    """What the step can go on with: page texts, or a record that says nothing."""
    if question.step != "extract":
        return "{}"
    if question.schema is None:
        return "\n".join(page_texts)
    return json.dumps(
        {
            "pages": [
                {"page_number": position, "text": text}
                for position, text in enumerate(page_texts, 1)
            ]
        }
    )
