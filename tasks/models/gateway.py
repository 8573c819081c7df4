"""Gateway to a model: the answer cache, else a buyer."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from schemas.document import PageImage, RenderSettings
from schemas.errors import ModelGoneError
from schemas.usage import Usage
from tasks.flow_definition import FlowDefinition
from tasks.ledger.money.calls import StoredAnswer
from tasks.models.http import wire
from tasks.models.http.limiter import Waits
from tasks.models.price.catalogue import Model
from tasks.models.roles import Resolutions, Roles

KEY_VERSION = 1
ImageSource = Callable[[int, RenderSettings], Awaitable[PageImage | None]]
"""Makes the image of a page number when it is really to be sent; None leaves the page out of the
request."""


class NothingToSendError(Exception):
    """No page of a question has an image (all are blank or unreadable), so nothing was asked."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a step wants to know. `image_of` is called for each of `image_pages` only when the
    answer is not stored.

    `max_side_px` None: what the resolved model can use. `turns`: the user's message, and after it
    what a correction adds.
    """

    document_id: str
    step: str  # "extract", "summarise", or the name of a step of the user's own
    role: str
    system: str
    turns: tuple[wire.Turn, ...]
    max_tokens: int
    temperature: float
    page_numbers: tuple[int, ...] = ()
    image_pages: tuple[int, ...] = ()
    image_of: ImageSource | None = None
    max_side_px: int | None = None
    schema: tuple[str, str] | None = None  # name, and compact JSON of the schema


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `model` is the id that was sent."""

    text: str
    finish_reason: str | None
    model: str
    cached: bool

    @property
    def is_cut(self) -> bool:
        return self.finish_reason in wire.CUT_REASONS


class AnswerStore(Resolutions, Protocol):
    """Stored answers, and who may buy the next one: a part of `CallBook`."""

    async def answer(self, key: str) -> StoredAnswer | None: ...
    def sole(self, key: str) -> AbstractAsyncContextManager[StoredAnswer | None]: ...


class Buyer(Protocol):
    """Where an answer comes from that is not stored: the provider, or an estimate."""

    @property
    def waits(self) -> Waits:
        """What rate limits have cost so far."""

    async def buy(
        self,
        question: Question,
        model: Model,
        render: RenderSettings,
        key: str,
        *,
        on_usage: Callable[[Usage], None],
    ) -> Answer:
        """Calls `on_usage` for each attempt. Raises what `ModelGateway.ask` does."""


class ModelGateway:
    """All model calls of one run of a flow. Calls that are the same share one answer; `usage`
    counts every attempt of the run."""

    def __init__(
        self,
        flow: FlowDefinition,
        answers: AnswerStore,
        buyer: Buyer,
        *,
        on_warning: Callable[[str], None],
    ) -> None:
        self._flow, self._answers, self._buyer = flow, answers, buyer
        self._roles = Roles(flow, answers, on_warning)
        self._usage = Usage()
        self._usage_of: dict[str, Usage] = {}  # document_id -> not yet taken

    @property
    def usage(self) -> Usage:
        return self._usage

    def take_usage(self, document_id: str) -> Usage:
        """What was counted for a document since this was last called: every attempt, also of
        questions that ended in an error."""
        return self._usage_of.pop(document_id, Usage())

    def _count(self, document_id: str, usage: Usage) -> None:
        self._usage += usage
        self._usage_of[document_id] = self._usage_of.get(document_id, Usage()) + usage

    @property
    def waits(self) -> Waits:
        """What rate limits have cost at this endpoint, in this process."""
        return self._buyer.waits

    async def model(self, role: str) -> Model:
        """What is known of the model that would be asked now."""
        return self._roles.model((await self._roles.candidates(role))[0])

    async def ask(self, question: Question) -> Answer:
        """The stored answer, or a bought one. The answer is stored before it is returned.

        Raises MissingKeyError, BudgetExceededError, NothingToSendError, `ModelError`s, and what
        `image_of` raises.
        """
        while True:
            model_id = (await self._roles.candidates(question.role))[0]
            try:
                return await self._ask_model(question, self._roles.model(model_id))
            except ModelGoneError as error:
                await self._roles.gone(question.role, model_id, error)

    async def _ask_model(self, question: Question, model: Model) -> Answer:
        render = RenderSettings(max_side_px=question.max_side_px or model.max_side_px)
        key = answer_key(
            question,
            model.id,
            render,
            provider=self._flow.provider_name,
            base_url=self._flow.provider.base_url,
        )
        stored = await self._answers.answer(key)
        if stored is not None:
            return self._from_cache(question.document_id, stored, model)
        async with self._answers.sole(key) as stored_meanwhile:
            if stored_meanwhile is not None:
                return self._from_cache(question.document_id, stored_meanwhile, model)
            return await self._buyer.buy(
                question,
                model,
                render,
                key,
                on_usage=lambda usage: self._count(question.document_id, usage),
            )

    def _from_cache(self, document_id: str, stored: StoredAnswer, model: Model) -> Answer:
        self._count(document_id, Usage(cache_hits=1))
        return Answer(stored.text, stored.finish_reason, model.id, cached=True)


def answer_key(
    question: Question, model_id: str, render: RenderSettings, *, provider: str, base_url: str
) -> str:
    """What was asked, as 64 hex digits: document, pages, render settings, prompt, schema, model,
    provider and parameters.

    Not the rendered bytes: a renderer that draws a page a little differently must not buy it again.
    """
    asked = {
        "version": KEY_VERSION,
        "document_id": question.document_id,
        "page_numbers": question.page_numbers,
        "images": question.image_pages,
        "render": render.model_dump() if question.image_pages else None,
        "system": question.system,
        "turns": [(turn.role, turn.text) for turn in question.turns],
        "schema": question.schema,
        "model": model_id,
        "provider": provider,
        "base_url": base_url,
        "max_tokens": question.max_tokens,
        "temperature": question.temperature,
    }
    return hashlib.sha256(
        json.dumps(asked, sort_keys=True, ensure_ascii=False).encode()
    ).hexdigest()
