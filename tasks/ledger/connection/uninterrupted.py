"""Work that a cancellation must not leave half done.

It is finished in the background, and undone if need be.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_running: set[asyncio.Task[Any]] = set()  # asyncio itself keeps only weak references to tasks


def in_background(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task


async def unless_cancelled(
    work: Coroutine[Any, Any, T], *, undo: Callable[[T], object] = lambda _: None
) -> T:
    """The result of `work`; when the caller is cancelled meanwhile, `work` ends all the same and
    `undo` gets its result."""
    task = in_background(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(
            lambda ended: (
                undo(ended.result())
                if not ended.cancelled() and ended.exception() is None
                else None
            )
        )
        raise
