"""Circuit breaker: when the provider is down, other calls fail fast.

They do not wait through a full round of attempts.
"""

import asyncio
import time
import weakref
from collections.abc import Callable

from schemas.errors import ProviderDownError

COOL_DOWN_SECONDS = 30.0
_SHARED: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Breaker]]" = (
    weakref.WeakKeyDictionary()
)


class Breaker:
    """Opens when one call has used up its attempts and no other call was answered meanwhile. While
    it is open calls end at once.

    After `COOL_DOWN_SECONDS` one call may try; its outcome closes the breaker or keeps it open.
    """

    def __init__(self, base_url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._base_url, self._clock = base_url, clock
        self._answered_at = float("-inf")
        self._open_until: float | None = None
        self._reason = ""

    def now(self) -> float:
        return self._clock()

    @property
    def is_open(self) -> bool:
        return self._open_until is not None

    def check(self) -> None:
        """Raises ProviderDownError while the provider is taken to be down. Lets one caller through
        when the time has come to try."""
        if self._open_until is None:
            return
        now = self._clock()
        if now < self._open_until:
            raise ProviderDownError(f"{self._base_url} is down ({self._reason}); nothing was sent.")
        self._open_until = now + COOL_DOWN_SECONDS

    def answered(self) -> None:
        """The provider gave an answer of its own, be it a refusal."""
        self._answered_at, self._open_until = self._clock(), None

    def gave_up(self, first_attempt_at: float, reason: str) -> None:
        """A call that began at `first_attempt_at` has used up its attempts."""
        if self._answered_at < first_attempt_at:
            self.open_for(COOL_DOWN_SECONDS, reason)

    def open_for(self, seconds: float, reason: str) -> None:
        self._open_until, self._reason = self._clock() + seconds, reason


def shared_breaker(base_url: str) -> Breaker:
    """The breaker of this event loop for an endpoint: flows that run side by side learn from each
    other."""
    return _SHARED.setdefault(asyncio.get_running_loop(), {}).setdefault(
        base_url, Breaker(base_url)
    )
