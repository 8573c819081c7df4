"""Gateway of a plan: finds stored answers as a run does, and counts the calls for the others."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from pipelines.planning.estimate import CallEstimate, StepEstimate
from pipelines.planning.sketch_reader import SketchReader
from schemas.document import RenderSettings
from tasks.flow_definition import FlowDefinition
from tasks.ledger.money.calls import CallIntent, SettledCall, StoredAnswer
from tasks.ledger.read_only import ReadOnlyLedger
from tasks.models.gateway import Answer, ModelGateway, NothingToSendError, Question
from tasks.models.price.catalogue import Model
from tasks.models.price.tokens import (
    estimated_prompt,
    estimated_text_tokens,
    image_tokens_bound,
    prompt_bound,
)

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
    """What the ledger holds, without taking part in it: `tasks.models.price.metering.Calls` of a
    gateway that buys nothing."""

    limited = False  # a plan reserves nothing

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

    async def reserve(self, intent: CallIntent) -> int:
        raise AssertionError(intent.step)

    async def mark_sent(self, call_id: int) -> None:
        raise AssertionError(call_id)

    async def settle(self, call_id: int, settled: SettledCall) -> None:
        raise AssertionError(call_id, settled.outcome)

    async def release(self, call_id: int) -> None:
        raise AssertionError(call_id)


class CountingGateway(ModelGateway):
    """Answers from the cache as a run would be; every other question is estimated and gets an
    answer of the expected length."""

    def __init__(self, flow: FlowDefinition, stored: StoredAnswers, reader: SketchReader) -> None:
        super().__init__(
            flow, stored, SecretStr(""), on_warning=lambda _: None
        )  # the plan itself says which models are retired
        self._reader = reader
        self.steps: dict[tuple[str, str], StepEstimate] = {}  # by step and model
        self.cached = 0
        self.blank_pages = 0

    def _from_cache(self, document_id: str, stored: StoredAnswer, model: Model) -> Answer:
        self.cached += 1
        return super()._from_cache(document_id, stored, model)

    async def _buy(
        self, question: Question, model: Model, render: RenderSettings, key: str
    ) -> Answer:
        del key
        sketches = [
            await self._reader.sketch(question.document_id, number)
            for number in question.image_pages
        ]
        inked = [sketch for sketch in sketches if not sketch.blank]
        if sketches and not inked:
            self.blank_pages += len(sketches)
            raise NothingToSendError
        sizes = [
            self._reader.image_size(question.document_id, sketch, render.max_side_px)
            for sketch in inked
        ]
        texts = [question.system, *(turn.text for turn in question.turns)]
        schema_json = question.schema[1] if question.schema is not None else ""
        image_tokens = sum(image_tokens_bound(size, model) for size in sizes)
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
            image_tokens=image_tokens,
            text_tokens=estimated_prompt(texts, schema_json, sizes, model) - image_tokens,
            answer_tokens=answer_tokens,
            max_tokens=question.max_tokens,
            bound_prompt=prompt_bound(texts, schema_json, sizes, model),
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
