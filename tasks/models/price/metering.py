"""Metering of calls: each HTTP attempt is reserved, marked as sent, then settled or released."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from schemas.usage import Usage
from tasks.ledger.money.calls import Bound, CallIntent, SettledCall, StoredAnswer
from tasks.models.http.wire import Completion, ReportedUsage
from tasks.models.price.catalogue import Model
from tasks.models.price.tokens import TokenBound

T = TypeVar("T")


class Calls(Protocol):
    """What a buyer needs of `tasks.ledger.money.calls.CallBook`."""

    @property
    def limited(self) -> bool: ...
    async def reserve(self, intent: CallIntent) -> int: ...
    async def mark_sent(self, call_id: int) -> None: ...
    async def settle(self, call_id: int, settled: SettledCall) -> None: ...
    async def release(self, call_id: int) -> None: ...


class Meter:
    """Meters the attempts of one question at one model. `on_usage` is called for every attempt,
    also for those that failed."""

    def __init__(
        self,
        calls: Calls,
        intent: CallIntent,
        model: Model,
        bound: TokenBound,
        on_usage: Callable[[Usage], None],
    ) -> None:
        self._calls, self._intent, self._model, self._bound, self._on_usage = (
            calls,
            intent,
            model,
            bound,
            on_usage,
        )
        self._attempts = 0

    @staticmethod
    def bound(model: Model, bound: TokenBound) -> Bound:
        return Bound(
            bound.total,
            model.price.cost_nano(bound.prompt, bound.completion)
            if model.price is not None
            else None,
        )

    async def reserve(self) -> int:
        """Raises BudgetExceededError; nothing may be sent then."""
        self._attempts += 1
        return await self._calls.reserve(replace(self._intent, attempt=self._attempts))

    async def mark_sent(self, call_id: int) -> None:
        await self._calls.mark_sent(call_id)

    async def release(self, call_id: int) -> None:
        """The attempt was not sent."""
        await to_the_end(self._calls.release(call_id))

    async def answered(self, call_id: int, completion: Completion, latency: float) -> None:
        """Stores the answer in the same transaction that charges it."""
        reported = completion.usage or ReportedUsage(self._bound.prompt, self._bound.completion)
        stored = StoredAnswer(
            completion.text,
            completion.finish_reason,
            completion.model,
            reported.prompt_tokens,
            reported.completion_tokens,
        )
        settled = self._settled(
            "ok" if completion.usage is not None else "no_usage", 200, latency, completion.usage
        )
        await self._settle(call_id, replace(settled, answer=stored))

    async def broken(
        self, call_id: int, usage: ReportedUsage | None, status: int, latency: float
    ) -> None:
        """An answer came that cannot be used; without reported usage it counts at the bound."""
        await self._settle(call_id, self._settled("broken_answer", status, latency, usage))

    async def lost(self, call_id: int, outcome: str, latency: float) -> None:
        """Sent, and no complete answer came: what it cost is not known, so it counts at the
        bound."""
        await self._settle(call_id, self._settled(outcome, None, latency, None))

    async def not_sent(self, call_id: int, latency: float) -> None:
        """Marked as sent, but not a byte left: given up, or the server could not be reached."""
        await self._settle(call_id, SettledCall(Usage(), "not_sent", None, latency))

    async def refused(self, call_id: int, outcome: str, status: int, latency: float) -> None:
        """The server answered with an error status: surely not billed."""
        await self._settle(call_id, SettledCall(Usage(requests=1), outcome, status, latency))

    def _settled(
        self, outcome: str, status: int | None, latency: float, reported: ReportedUsage | None
    ) -> SettledCall:
        if reported is None:
            return SettledCall(None, outcome, status, latency)
        return SettledCall(
            self._usage(reported), outcome, status, latency, cached_tokens=reported.cached_tokens
        )

    def _usage(self, reported: ReportedUsage) -> Usage:
        price = self._model.price
        cost = (
            price.cost_nano(
                reported.prompt_tokens, reported.completion_tokens, reported.cached_tokens
            )
            if price is not None
            else None
        )
        return Usage(
            requests=1,
            prompt_tokens=reported.prompt_tokens,
            completion_tokens=reported.completion_tokens,
            cost_nano=cost,
        )

    async def _settle(self, call_id: int, settled: SettledCall) -> None:
        self._on_usage(
            settled.usage or self._usage(ReportedUsage(self._bound.prompt, self._bound.completion))
        )
        await to_the_end(self._calls.settle(call_id, settled))


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Awaits `work` without letting a cancellation of the caller stop it half-way; the cancellation
    is raised afterwards."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            await asyncio.wait([task])
        raise
