"""Delay before a retry: Retry-After in both forms, and exponential backoff with jitter."""

import email.utils
import random
import time
from collections.abc import Mapping

from schemas.flow import RetrySpec

FIRST_WAIT_SECONDS = 0.5
CAPACITY_WAIT_FACTOR = (
    4  # the backend is full, which takes longer to pass than one's own rate limit
)
LONGEST_PAUSE_SECONDS = 600.0  # a longer Retry-After is not waited for: the documents are deferred
MARGIN_SECONDS = 0.02  # timers may fire a little early


def retry_after_seconds(headers: Mapping[str, str], wall: float | None = None) -> float | None:
    """The wait that an answer asks for: whole or fractional seconds, or an HTTP date. None when it
    asks for nothing that can be read.

    A date is taken against the answer's own `Date`, so that a wrong clock on either side does no
    harm.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        until = _date(value)
        if until is None:
            return None
        now = _date(headers.get("date", "")) or (time.time() if wall is None else wall)
        return max(until - now, 0.0)
    return max(seconds, 0.0) if seconds < float("inf") else None


def _date(value: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def backoff_seconds(retry: RetrySpec, failures: int) -> float:
    """Half a second, doubled with each failure up to `max_wait_seconds`; a random half of it is
    taken off, so that tasks spread out."""
    longest: float = min(FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, 20), retry.max_wait_seconds)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads requests, guards nothing
