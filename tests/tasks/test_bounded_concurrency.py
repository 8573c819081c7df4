import asyncio
from contextlib import aclosing

import pytest

from tasks.bounded_concurrency import bounded, in_order


async def test_results_are_in_order_and_no_more_than_the_limit_are_worked_on() -> None:
    at_work, most = 0, 0

    async def work(item: int) -> int:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        for _ in range(5 - item):  # later items end earlier
            await asyncio.sleep(0)
        at_work -= 1
        return item * 10

    assert await bounded(range(5), work, 2) == [0, 10, 20, 30, 40]
    assert most == 2


@pytest.mark.parametrize("finish_begun", [True, False])
async def test_after_an_error_nothing_is_begun_and_what_was_begun_ends(finish_begun: bool) -> None:
    begun, finished = [], []
    failed = asyncio.Event()

    async def work(item: int) -> None:
        begun.append(item)
        if item == 1:
            failed.set()
            raise ValueError(item)
        await failed.wait()
        await asyncio.sleep(0)
        finished.append(item)

    slots = asyncio.Semaphore(2)
    with pytest.raises(ValueError, match="1"):
        await bounded(range(9), work, slots, finish_begun=finish_begun)
    assert begun == [0, 1]
    assert finished == ([0] if finish_begun else [])
    assert slots._value == 2


async def test_a_cancellation_gives_all_slots_back_also_of_items_that_never_ran() -> None:
    slots = asyncio.Semaphore(3)
    begun = asyncio.Event()

    async def work(item: int) -> None:
        begun.set()
        await asyncio.Event().wait()

    whole = asyncio.create_task(bounded(range(9), work, slots))
    await begun.wait()
    whole.cancel()
    with pytest.raises(asyncio.CancelledError):
        await whole
    early = asyncio.create_task(bounded(range(9), work, slots))
    await asyncio.sleep(0)
    early.cancel()  # its first three items have not had a turn yet
    with pytest.raises(asyncio.CancelledError):
        await early
    assert slots._value == 3


async def test_what_was_begun_ahead_is_cancelled_when_nobody_wants_it() -> None:
    begun, ended = [], []

    async def work(item: int) -> int:
        begun.append(item)
        try:
            if item > 1:
                await asyncio.Event().wait()
        finally:
            ended.append(item)
        return item

    async with aclosing(in_order(range(9), work, 3)) as results:
        assert [await anext(results), await anext(results)] == [0, 1]
    assert set(begun) == set(ended) == {0, 1, 2}
