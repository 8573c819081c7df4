"""Rate limiter: one pace for all calls of a process to one endpoint."""

import asyncio
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from schemas.flow import ProviderLimits

SLOWER = 0.7  # factor on the allowed concurrency after a rate-limit answer
_SHARED: (
    "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, ProviderLimits], "
    "Limiter]]"
) = weakref.WeakKeyDictionary()


class Waits(NamedTuple):
    """What rate limits have cost: how often the endpoint said 429, and how long nothing was started
    because it asked for a pause."""

    rate_limits: int = 0
    paused_seconds: float = 0.0


async def event_or_time(event: asyncio.Event, seconds: float) -> None:
    """Returns when `event` is set, at the latest after `seconds`."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


class Limiter:
    """Requests in flight, requests a second, tokens a minute, and the pause that a server asked
    for.

    The concurrency adapts: down by `SLOWER` when a request is answered with 429 (once for all
    those in flight at that moment), up by one after as many good answers as requests may be in
    flight. Requests start in the order of their arrival. Times are `clock()` seconds; `wait`
    returns when an event is set, at the latest after so many of these seconds.
    """

    def __init__(
        self,
        limits: ProviderLimits,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[asyncio.Event, float], Awaitable[None]] = event_or_time,
    ) -> None:
        self._limits, self._clock, self._wait = limits, clock, wait
        self._allowed = float(limits.concurrency)
        self._in_flight = 0
        self._next_start = 0.0
        self._paused_until = 0.0
        self._slowed_at = float("-inf")
        self._tokens = float(limits.tokens_per_minute or 0)
        self._tokens_at = clock()
        self._turn = asyncio.Lock()  # first come, first served
        self._changed = asyncio.Event()
        self._rate_limits = 0
        self._paused_total = 0.0
        self._processes = 1

    @property
    def allowed(self) -> int:
        """Requests that may be in flight concurrently, as adapted."""
        return max(int(self._allowed), 1)

    @property
    def waits(self) -> Waits:
        """Since this limiter was made; a pause that is running counts as far as it has come."""
        return Waits(self._rate_limits, self._paused_total - self.paused_seconds)

    @property
    def paused_seconds(self) -> float:
        """Time until the pause that a server asked for is over; 0 when there is none."""
        return max(self._paused_until - self._clock(), 0.0)

    def share(self, processes: int) -> None:
        """So many processes keep to these limits together: each takes its part of the requests a
        second and the tokens a minute."""
        self._processes = max(processes, 1)

    @asynccontextmanager
    async def slot(self, tokens: int) -> AsyncIterator[float]:
        """Waits until a request of about `tokens` may start, and counts it as in flight while the
        body runs. Yields the time of its start."""
        async with self._turn:
            while (wait := self._seconds_to_wait(tokens)) > 0:
                self._changed.clear()
                await self._wait(self._changed, wait)
            self._take(tokens)
        try:
            yield self._clock()
        finally:
            self._in_flight -= 1
            self._changed.set()

    async def pause_over(self) -> None:
        """Returns when no announced pause is running. To be called last before sending: a pause may
        begin while a slot is held."""
        no_event = asyncio.Event()  # only time ends a pause
        while (wait := self.paused_seconds) > 0:
            await self._wait(no_event, wait)

    def pause(self, seconds: float) -> None:
        """No request starts for `seconds`; a longer pause that is running stays."""
        now = self._clock()
        until = max(self._paused_until, now + seconds)
        self._paused_total += until - max(self._paused_until, now)
        self._paused_until = until

    def rate_limited(self, started: float) -> None:
        """A request that started at `started` was answered with 429."""
        self._rate_limits += 1
        if started > self._slowed_at:
            self._allowed = max(self._allowed * SLOWER, 1.0)
            self._slowed_at = self._clock()

    def answered(self, estimated_tokens: int, real_tokens: int) -> None:
        """A good answer came; the minute's account is corrected."""
        self._allowed = min(self._allowed + 1 / self._allowed, float(self._limits.concurrency))
        if self._limits.tokens_per_minute is not None:
            self._tokens = min(
                self._tokens + estimated_tokens - real_tokens, float(self._limits.tokens_per_minute)
            )
        self._changed.set()

    def _seconds_to_wait(self, tokens: int) -> float:
        now = self._clock()
        if self._in_flight >= self.allowed:
            return 3600.0  # the end of a request wakes the waiter
        wait = max(self._paused_until, self._next_start) - now
        if self._limits.tokens_per_minute is not None:
            per_minute = max(self._limits.tokens_per_minute // self._processes, 1)
            self._tokens = min(
                self._tokens + (now - self._tokens_at) * per_minute / 60, float(per_minute)
            )
            self._tokens_at = now
            missing = (
                min(tokens, per_minute) - self._tokens
            )  # a request above the whole minute's share starts when nothing else is owed
            wait = max(wait, missing * 60 / per_minute)
        return max(wait, 0.0)

    def _take(self, tokens: int) -> None:
        self._in_flight += 1
        self._tokens -= tokens
        if self._limits.requests_per_second is not None:
            self._next_start = (
                max(self._next_start, self._clock())
                + self._processes / self._limits.requests_per_second
            )


def shared_limiter(base_url: str, limits: ProviderLimits) -> Limiter:
    """The limiter of this event loop for an endpoint: flows that run side by side keep one pace."""
    of_loop = _SHARED.setdefault(asyncio.get_running_loop(), {})
    return of_loop.setdefault((base_url, limits), Limiter(limits))
