"""Amount of work, for code that must stay cheap on hostile input: the same on every machine."""

import sys
from collections.abc import Callable
from types import FrameType


class TooMuchWorkError(AssertionError):
    """More calls than allowed; raised in the code under test, so that it ends there."""


def within_calls(limit: int, work: Callable[[], object]) -> int:
    """Runs `work`, and ends it at `limit` function calls. Returns how many there were."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        if event in ("call", "c_call"):
            calls += 1
            if calls > limit:
                sys.setprofile(before)
                raise TooMuchWorkError(f"more than {limit:,} calls")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls
