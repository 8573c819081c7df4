"""Buyer of answers from the provider, the only way to a paid call: image, budget, pace, request."""

import asyncio
import hashlib
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pydantic import SecretStr

from schemas.document import PageImage, RenderSettings
from schemas.errors import CallError, MissingKeyError
from schemas.usage import Usage
from tasks.flow_definition import FlowDefinition
from tasks.ledger.money.calls import CallIntent
from tasks.models.gateway import Answer, NothingToSendError, Question
from tasks.models.http import wire
from tasks.models.http.breaker import shared_breaker
from tasks.models.http.limiter import Limiter, Waits, shared_limiter
from tasks.models.prepared_question import PreparedQuestion
from tasks.models.price.catalogue import MISTRAL_HOSTS, Model
from tasks.models.price.metering import Calls, Meter
from tasks.models.price.tokens import PixelSize

if TYPE_CHECKING:
    from tasks.models.http.client import ChatClient


class ProviderBuyer:
    """Buys what one run of a flow asks. A `Buyer`; `async with` closes its connections."""

    def __init__(
        self,
        flow: FlowDefinition,
        calls: Calls,
        api_key: SecretStr | None,
        *,
        on_warning: Callable[[str], None],
    ) -> None:
        self._flow, self._calls, self._api_key = flow, calls, api_key
        self._on_warning = on_warning
        self._client: ChatClient | None = None
        self._limiter: Limiter | None = None
        self._deadlines: dict[str, float] = {}  # document_id -> event-loop time
        self._deprecated: set[str] = set()
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
    def waits(self) -> Waits:
        """What rate limits have cost at this endpoint, in this process."""
        return self._limiter.waits if self._limiter is not None else Waits()

    async def buy(
        self,
        question: Question,
        model: Model,
        render: RenderSettings,
        key: str,
        *,
        on_usage: Callable[[Usage], None],
    ) -> Answer:
        client = self._client_with_key()
        if question.image_pages and self._calls.limited and not model.image_bound_known:
            raise CallError(
                f"what an image costs with model {model.id!r} is not known, so no budget "
                "can hold; nothing was sent. "
                f"Set `catalogue: {{{model.id}: {{image_tokens_max: N}}}}` in flows.yaml."
            )
        images = await _images(question, render)
        sizes = tuple(PixelSize(image.width_px, image.height_px) for image in images)
        prepared = PreparedQuestion(question, model, sizes)
        bound = prepared.bound
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
        meter = Meter(self._calls, intent, model, bound, on_usage)
        expected = prepared.estimated_prompt + question.max_tokens
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
                self._warn_of_deprecation,
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

    def _warn_of_deprecation(self, model_id: str, when: str) -> None:
        """The endpoint has said that `model_id` will not be served from `when` on."""
        if model_id not in self._deprecated:
            self._deprecated.add(model_id)
            self._on_warning(
                f"model {model_id!r} is deprecated: {self._flow.provider.base_url} will "
                f"stop serving it on {when[:40]}."
            )


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
