"""HTTP client of the model API; the only file that knows httpx, and the only one that retries."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx
from pydantic import SecretStr

from schemas.errors import (
    AnswerInvalidError,
    CallError,
    ModelError,
    ProviderDownError,
)
from schemas.flow import ProviderSpec, RetrySpec
from tasks.models.http.backoff import (
    CAPACITY_WAIT_FACTOR,
    LONGEST_PAUSE_SECONDS,
    MARGIN_SECONDS,
    backoff_seconds,
    retry_after_seconds,
)
from tasks.models.http.breaker import Breaker
from tasks.models.http.limiter import Limiter
from tasks.models.http.refusals import refusal_error
from tasks.models.http.wire import (
    BrokenAnswerError,
    Completion,
    Request,
    read_completion,
    read_error,
)
from tasks.models.price.metering import Meter

log = logging.getLogger("docmill.models")

OK = 200
RATE_LIMITED = 429
SERVER_ERRORS = 500
RETRIED_REFUSALS = (408, RATE_LIMITED)
CAPACITY = {"service_tier_capacity_exceeded", "3505"}
DEPRECATION_HEADER = "x-model-deprecation-timestamp"
# an unusable answer is paid for, so it is asked for again less often than one that never came
BROKEN_ANSWERS = 3
NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.ProxyError,
)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One request on its way. `started`: the limiter's time at which its slot began; `began`: when
    it was sent."""

    request: Request
    meter: Meter
    call_id: int
    started: float
    began: float

    @property
    def latency(self) -> float:
        return time.monotonic() - self.began


@dataclass(frozen=True, slots=True)
class _Failure:
    """One attempt that may be repeated. `pause`: seconds that the server asked for. `error` is
    raised when no attempt is left."""

    error: ModelError
    reason: str
    is_rate_limit: bool = False
    is_broken_answer: bool = False
    pause: float | None = None
    wait_factor: float = 1.0


class ChatClient:
    """Asks one provider for chat completions. Raises `ModelError`s only; httpx's own errors stop
    here.

    `limiter` and `breaker` are shared by all calls to the endpoint. The key is in the request
    header and nowhere else.
    """

    def __init__(
        self,
        provider: ProviderSpec,
        api_key: SecretStr | None,
        retry: RetrySpec,
        limiter: Limiter,
        breaker: Breaker,
        on_deprecated: Callable[[str, str], None],
    ) -> None:
        self._provider, self._retry, self._limiter, self._breaker = (
            provider,
            retry,
            limiter,
            breaker,
        )
        self._on_deprecated = (
            on_deprecated  # model id, and the day from which it is not served any more
        )
        base = httpx.URL(provider.base_url)
        self._url = base.copy_with(path=base.path.rstrip("/") + "/chat/completions")
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "docmill",
        }
        self._key = SecretStr("" if api_key is None else _checked(api_key, provider.api_key_env))
        if api_key is not None:
            headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        most = provider.limits.concurrency
        self._http = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(
                provider.read_timeout_seconds, connect=provider.connect_timeout_seconds, pool=None
            ),
            limits=httpx.Limits(max_connections=most, max_keepalive_connections=most),
            verify=base.scheme
            # a context with all certificates takes 20 ms to make, and plain HTTP has no use for it
            == "https",
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def complete(self, request: Request, meter: Meter, deadline: float) -> Completion:
        """Sends the request until a complete answer came. `deadline`: event-loop time that bounds
        everything, waits included.

        Attempts are counted for server errors, lost connections and broken answers; waits for a
        rate limit are bounded by `deadline` alone. Raises BudgetExceededError before an attempt
        that does not fit, and the `ModelError` of the last attempt.
        """
        loop = asyncio.get_running_loop()
        began, failures, limited, broken = self._breaker.now(), 0, 0, 0
        try:
            async with asyncio.timeout_at(deadline):
                while True:
                    self._breaker.check()
                    outcome = await self._attempt(request, meter)
                    if isinstance(outcome, Completion):
                        return outcome
                    limited += outcome.is_rate_limit
                    failures += not outcome.is_rate_limit
                    broken += outcome.is_broken_answer
                    if failures >= self._retry.attempts or broken >= BROKEN_ANSWERS:
                        if not outcome.is_broken_answer:
                            self._breaker.gave_up(began, outcome.reason)
                        raise outcome.error
                    await self._wait(
                        outcome,
                        limited if outcome.is_rate_limit else failures,
                        deadline - loop.time(),
                    )
        except TimeoutError:
            message = (
                f"{self._provider.base_url}: the time for all calls of this document "
                "(`retry.document_seconds`) is used up."
            )
            raise ProviderDownError(message) from None

    async def _wait(self, failure: _Failure, failures: int, seconds_left: float) -> None:
        if failure.pause:
            if failure.pause > min(seconds_left, LONGEST_PAUSE_SECONDS):
                raise ProviderDownError(
                    f"{self._provider.base_url} asks to wait {failure.pause:.0f} s "
                    f"({failure.reason}), longer than this document may take."
                )
            return  # the limiter holds everybody back until then
        await asyncio.sleep(backoff_seconds(self._retry, failures) * failure.wait_factor)

    async def _attempt(self, request: Request, meter: Meter) -> Completion | _Failure:
        async with self._limiter.slot(request.tokens) as started:
            call_id = await meter.reserve()
            try:
                await self._limiter.pause_over()
                await meter.mark_sent(call_id)
                await self._limiter.pause_over()
            except asyncio.CancelledError:
                await meter.not_sent(call_id, 0.0)
                raise
            except BaseException:
                await meter.release(call_id)
                raise
            attempt = _Attempt(request, meter, call_id, started, time.monotonic())
            try:
                response = await self._http.post(self._url, content=request.body)
            except asyncio.CancelledError:
                await meter.lost(call_id, "cancelled", attempt.latency)
                raise
            except httpx.RequestError as error:
                return await self._not_answered(error, attempt)
            correlation = response.headers.get("mistral-correlation-id", "-")
            log.debug(
                "%s: HTTP %d in %.2f s, correlation %s",
                request.model,
                response.status_code,
                attempt.latency,
                correlation,
            )
            return await (
                self._read(response, attempt)
                if response.status_code == OK
                else self._refused(response, attempt)
            )

    async def _not_answered(self, error: httpx.RequestError, attempt: _Attempt) -> _Failure:
        reason = type(error).__name__
        if isinstance(error, NOT_SENT):
            await attempt.meter.not_sent(attempt.call_id, attempt.latency)
            words = "cannot be reached"
        else:
            await attempt.meter.lost(attempt.call_id, "lost", attempt.latency)
            words = "did not finish its answer"
        log.debug("%s %s: %s", self._provider.base_url, words, reason)
        return _Failure(
            ProviderDownError(f"{self._provider.base_url} {words} ({reason}), {self._tried()}."),
            reason,
        )

    async def _read(self, response: httpx.Response, attempt: _Attempt) -> Completion | _Failure:
        self._breaker.answered()
        model, tokens = attempt.request.model, attempt.request.tokens
        deprecated = response.headers.get(DEPRECATION_HEADER)
        if deprecated:
            self._on_deprecated(model, deprecated)
        try:
            completion = read_completion(response.content, model)
        except BrokenAnswerError as broken:
            await attempt.meter.broken(attempt.call_id, broken.usage, OK, attempt.latency)
            error = AnswerInvalidError(f"{model}: {broken.reason}, also after retries.", status=OK)
            return _Failure(error, broken.reason, is_broken_answer=True)
        await attempt.meter.answered(attempt.call_id, completion, attempt.latency)
        used = completion.usage
        self._limiter.answered(
            tokens, tokens if used is None else used.prompt_tokens + used.completion_tokens
        )
        return completion

    async def _refused(self, response: httpx.Response, attempt: _Attempt) -> _Failure:
        status = response.status_code
        may_pass = status in RETRIED_REFUSALS or status >= SERVER_ERRORS
        pause = retry_after_seconds(response.headers) if may_pass else None
        # Nothing is awaited before the pause is set: no other task may start a request in the
        # announced time.
        if status == RATE_LIMITED:
            self._limiter.rate_limited(attempt.started)
        if status < SERVER_ERRORS:
            self._breaker.answered()
        if pause is not None and pause <= LONGEST_PAUSE_SECONDS:
            self._limiter.pause(pause + MARGIN_SECONDS)
        elif pause is not None:
            self._breaker.open_for(pause, f"it asks to wait {pause:.0f} s")
        said = read_error(response.content, self._key.get_secret_value())
        await attempt.meter.refused(
            attempt.call_id,
            "rate_limited" if status == RATE_LIMITED else f"http_{status}",
            status,
            attempt.latency,
        )
        if not may_pass:
            raise refusal_error(self._provider, status, said, attempt.request.model)
        factor = CAPACITY_WAIT_FACTOR if CAPACITY & {said.kind, said.code} else 1.0
        error = ProviderDownError(
            f"{self._provider.base_url} answered HTTP {status} ({said.message}), {self._tried()}.",
            status=status,
        )
        return _Failure(
            error,
            f"HTTP {status}",
            is_rate_limit=status == RATE_LIMITED,
            pause=pause,
            wait_factor=factor,
        )

    def _tried(self) -> str:
        return f"tried {self._retry.attempts} times" if self._retry.attempts > 1 else "tried once"


def _checked(api_key: SecretStr, env: str | None) -> str:
    """The key as a header may hold it. Raises CallError, which says nothing of the value."""
    key = api_key.get_secret_value().strip()
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise CallError(
            f"the value of {env} is not an API key: it has spaces or characters that no key "
            "has; nothing was sent."
        )
    return key
