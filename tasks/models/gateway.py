"""Gateway to a model: the answer cache, else the only way to a paid call.

Role, image, budget, pace, request.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pydantic import SecretStr

from schemas.document import PageImage, RenderSettings
from schemas.errors import CallError, MissingKeyError, ModelGoneError
from schemas.usage import Usage
from tasks.flow_definition import FlowDefinition
from tasks.ledger.money.calls import CallIntent, StoredAnswer
from tasks.models.http import wire
from tasks.models.http.breaker import shared_breaker
from tasks.models.http.limiter import Limiter, Waits, shared_limiter
from tasks.models.price.catalogue import MISTRAL_HOSTS, Model
from tasks.models.price.metering import Calls, Meter
from tasks.models.price.tokens import PixelSize, TokenBound, estimated_prompt, prompt_bound
from tasks.models.roles import Roles

if TYPE_CHECKING:
    from tasks.models.http.client import ChatClient

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


class ModelGateway:
    """All model calls of one run of a flow. Calls that are the same share one answer; `usage`
    counts every attempt of the run."""

    def __init__(
        self,
        flow: FlowDefinition,
        calls: Calls,
        api_key: SecretStr | None,
        *,
        on_warning: Callable[[str], None],
    ) -> None:
        self._flow, self._calls, self._api_key = flow, calls, api_key
        self._roles = Roles(flow, calls, on_warning)
        self._usage = Usage()
        self._usage_of: dict[str, Usage] = {}  # document_id -> not yet taken
        self._client: ChatClient | None = None
        self._limiter: Limiter | None = None
        self._deadlines: dict[str, float] = {}  # document_id -> event-loop time
        self._is_mistral = any(f"//{host}" in flow.provider.base_url for host in MISTRAL_HOSTS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._client is not None:
            await self._client.__aexit__(kind, error, trace)

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
        return self._limiter.waits if self._limiter is not None else Waits()

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
        stored = await self._calls.answer(key)
        if stored is not None:
            return self._from_cache(question.document_id, stored, model)
        async with self._calls.sole(key) as stored_meanwhile:
            if stored_meanwhile is not None:
                return self._from_cache(question.document_id, stored_meanwhile, model)
            return await self._buy(question, model, render, key)

    def _from_cache(self, document_id: str, stored: StoredAnswer, model: Model) -> Answer:
        self._count(document_id, Usage(cache_hits=1))
        return Answer(stored.text, stored.finish_reason, model.id, cached=True)

    async def _buy(
        self, question: Question, model: Model, render: RenderSettings, key: str
    ) -> Answer:
        client = self._client_with_key()
        if question.image_pages and self._calls.limited and not model.image_bound_known:
            raise CallError(
                f"what an image costs with model {model.id!r} is not known, so no budget "
                "can hold; nothing was sent. "
                f"Set `catalogue: {{{model.id}: {{image_tokens_max: N}}}}` in flows.yaml."
            )
        images = await _images(question, render)
        sizes = [PixelSize(image.width_px, image.height_px) for image in images]
        texts = [question.system, *(turn.text for turn in question.turns)]
        schema_json = question.schema[1] if question.schema is not None else ""
        bound = TokenBound(prompt_bound(texts, schema_json, sizes, model), question.max_tokens)
        body = wire.body_bytes(
            model=model.id,
            system=question.system,
            turns=question.turns,
            images=images,
            max_tokens=question.max_tokens,
            temperature=question.temperature,
            schema=question.schema,
            cache_key=self._cache_key(question) if self._is_mistral else None,
        )
        intent = CallIntent(
            document_id=question.document_id,
            page_numbers=question.page_numbers,
            step=question.step,
            attempt=0,
            role=question.role,
            provider=self._flow.provider_name,
            model=model.id,
            answer_key=key,
            bound=Meter.bound(model, bound),
        )
        meter = Meter(
            self._calls,
            intent,
            model,
            bound,
            lambda usage: self._count(question.document_id, usage),
        )
        expected = estimated_prompt(texts, schema_json, sizes, model) + question.max_tokens
        completion = await client.complete(
            wire.Request(body, model.id, expected), meter, self._deadline(question.document_id)
        )
        return Answer(completion.text, completion.finish_reason, model.id, cached=False)

    def _client_with_key(self) -> "ChatClient":
        provider = self._flow.provider
        if provider.api_key_env is not None and self._api_key is None:
            raise MissingKeyError(self._flow.provider_name, provider.api_key_env)
        if self._client is None:
            # httpx takes 0.1 s, which a run that asks nothing does not pay
            from tasks.models.http.client import ChatClient  # noqa: PLC0415

            self._limiter, breaker = (
                shared_limiter(provider.base_url, provider.limits),
                shared_breaker(provider.base_url),
            )
            self._client = ChatClient(
                provider,
                self._api_key,
                self._flow.spec.retry,
                self._limiter,
                breaker,
                self._roles.deprecated,
            )
        return self._client

    def _deadline(self, document_id: str) -> float:
        """The clock of a document starts with its first paid call."""
        now = asyncio.get_running_loop().time()
        return self._deadlines.setdefault(document_id, now + self._flow.spec.retry.document_seconds)

    def _cache_key(self, question: Question) -> str:
        """One for each flow and step, so that the fixed beginning of their requests is found; a
        digest, as names are the user's own business."""
        return hashlib.sha256(f"{self._flow.name}/{question.step}".encode()).hexdigest()[:16]


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


async def _images(question: Question, render: RenderSettings) -> list[PageImage]:
    if not question.image_pages or question.image_of is None:
        return []
    found = await asyncio.gather(
        *(question.image_of(number, render) for number in question.image_pages)
    )
    images = [image for image in found if image is not None]
    if not images:
        raise NothingToSendError
    return images
