"""Bounded concurrency: work on many items, a few of them at the same time."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def bounded(
    items: Iterable[T],
    work: Callable[[T], Awaitable[R]],
    limit: int | asyncio.Semaphore,
    *,
    finish_begun: bool = False,
) -> list[R]:
    """The results of `work` in the order of `items`. A semaphore as `limit` is shared by callers.

    After an error no further item is begun, and the first error is raised. Items that were begun
    are cancelled, or with `finish_begun` finished first, as when they were paid for.
    A cancellation of the caller cancels all of them.
    """
    slots = limit if isinstance(limit, asyncio.Semaphore) else asyncio.Semaphore(limit)
    results: dict[int, R] = {}
    errors: list[Exception] = []

    async def one(index: int, item: T) -> None:
        try:
            results[index] = await work(item)
        except Exception as error:
            if not finish_begun:
                raise
            errors.append(error)

    try:
        async with asyncio.TaskGroup() as group:
            for index, item in enumerate(items):
                await slots.acquire()
                if errors:
                    slots.release()
                    break
                # A task that is cancelled before its first step runs no `finally`.
                group.create_task(one(index, item)).add_done_callback(lambda _: slots.release())
    except ExceptionGroup as failed:
        raise _first(failed) from failed
    if errors:
        raise errors[0]
    return [results[index] for index in sorted(results)]


async def in_order(
    items: Iterable[T], work: Callable[[T], Coroutine[Any, Any, R]], ahead: int
) -> AsyncGenerator[R, None]:
    """The results of `work`, in the order of `items`; up to `ahead` items are begun early.

    Close the iterator (`contextlib.aclosing`) to cancel what was begun and is not wanted any more.
    """
    waiting: list[asyncio.Task[R]] = []
    try:
        for item in items:
            waiting.append(asyncio.create_task(work(item)))
            if len(waiting) == ahead:
                yield await waiting.pop(0)
        while waiting:
            yield await waiting.pop(0)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def _first(group: ExceptionGroup) -> Exception:
    error: Exception = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
