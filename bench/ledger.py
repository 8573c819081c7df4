"""What does the ledger cost per paid call? `python -m bench.ledger [DATABASE_URL]`: calls/s, ms of
wall time and of CPU per call.

A call is all that the gateway does for one: cache look-up, single flight, reservation, marking as
sent, settlement with its answer.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from schemas.flow import BudgetSpec
from schemas.usage import Usage
from tasks.ledger.ledger import Ledger
from tasks.ledger.money.calls import Bound, CallBook, CallIntent, SettledCall, StoredAnswer

CALLS = 2_000
ANSWER = StoredAnswer("x" * 2_000, "stop", "pixtral-large-2411", 1_400, 600)


async def pay(book: CallBook, key: str) -> None:
    if await book.answer(key) is not None:
        return
    async with book.sole(key) as stored:
        if stored is not None:
            return
        call_id = await book.reserve(
            CallIntent(
                "d" * 64,
                (1,),
                "extract",
                1,
                "vision",
                "mistral",
                "pixtral-large-2411",
                key,
                Bound(6_000, 30_000),
            )
        )
        await book.mark_sent(call_id)
        await book.settle(
            call_id,
            SettledCall(
                Usage(requests=1, prompt_tokens=1_400, completion_tokens=600, cost_nano=9_000),
                "ok",
                200,
                0.3,
                0,
                ANSWER,
            ),
        )


async def measure(name: str, at_one_time: int, work: Callable[[int], Awaitable[None]]) -> None:
    turns = asyncio.Semaphore(at_one_time)

    async def one(number: int) -> None:
        async with turns:
            await work(number)

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one(number) for number in range(CALLS)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(
        f"{name}, {at_one_time:>3} at one time: {CALLS / wall:7,.0f} calls/s  "
        f"{wall / CALLS * 1e3:6.3f} ms wall  {cpu / CALLS * 1e3:6.3f} ms CPU"
    )


async def main(url: str | None) -> None:
    with TemporaryDirectory() as folder:
        async with await Ledger.open(url, Path(folder)) as ledger:
            budget = BudgetSpec(tokens=10**12, cost=10**9, per="day")
            book = CallBook(
                ledger,
                flow="bench",
                run_id=uuid4().hex,
                budget=budget,
                max_tokens=None,
                max_cost_nano=None,
                on_warning=print,
            )
            names = [uuid4().hex for _ in range(3)]
            for name, at_one_time in zip(names, (1, 8, 32), strict=True):
                await measure(
                    "bought", at_one_time, lambda number, name=name: pay(book, f"{name} {number}")
                )
            for at_one_time in (1, 32):
                await measure(
                    "cached", at_one_time, lambda number: pay(book, f"{names[0]} {number}")
                )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
