"""Book of paid calls: `CallBook` reserves, marks as sent and settles each call of a run.

Stored answers are found through it too (see single_flight.py).
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from schemas.errors import BoundBrokenError, BudgetExceededError, CallError, StateError
from schemas.flow import BudgetSpec
from tasks.ledger.connection.uninterrupted import in_background, unless_cancelled
from tasks.ledger.money import reservations
from tasks.ledger.money.answers import StoredAnswer
from tasks.ledger.money.budgets import Limits
from tasks.ledger.money.reservations import CallIntent, Reserved, SettledCall
from tasks.ledger.money.single_flight import POLL_SECONDS, SingleFlight
from tasks.ledger.money.window_limits import Broken, Full, Warned
from tasks.ledger.money.window_totals import Bound, Place

if TYPE_CHECKING:
    from tasks.ledger.ledger import Ledger

__all__ = ["Bound", "CallBook", "CallIntent", "SettledCall", "StoredAnswer"]

SECONDS_BETWEEN_ATTEMPTS = 2.0


class CallBook:
    """The calls of one run of a flow. All calls of a process for one run go through one book;
    processes meet in the database.

    `fresh` takes no answer that was stored before this book was opened. `on_warning` gets one line,
    once for each budget window.
    """

    def __init__(
        self,
        ledger: "Ledger",
        *,
        flow: str,
        run_id: str,
        budget: BudgetSpec | None,
        max_tokens: int | None,
        max_cost_nano: int | None,
        on_warning: Callable[[str], None],
        fresh: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger, self._database, self._owner_id = (
            ledger,
            ledger.database,
            ledger.owner.owner_id,
        )
        self._flow, self._run_id = flow, run_id
        self._limits = Limits(run_id, budget, max_tokens=max_tokens, max_cost_nano=max_cost_nano)
        self._on_warning, self._clock = on_warning, clock
        self._flight = SingleFlight(ledger, stored_after=clock() if fresh else 0.0)
        self._open: dict[int, tuple[CallIntent, Place]] = {}
        self._turn = (
            asyncio.Lock()
        )  # one waiter at a time looks whether its bound fits now; the others queue behind it
        self._waiting = 0
        self._freed = asyncio.Event()

    @property
    def limited(self) -> bool:
        """Whether any budget or command-line limit holds for this run."""
        return bool(self._limits.at(self._clock()))

    async def answer(self, key: str) -> StoredAnswer | None:
        return await self._flight.answer(key)

    async def resolution(self, endpoint: str, role: str) -> str | None:
        """See `Ledger.resolution`: the gateway knows the ledger through its call book only."""
        return await self._ledger.resolution(endpoint, role)

    async def keep_resolution(self, endpoint: str, role: str, model: str) -> None:
        await self._ledger.keep_resolution(endpoint, role, model)

    def sole(self, key: str) -> AbstractAsyncContextManager[StoredAnswer | None]:
        """See `SingleFlight.sole`."""
        return self._flight.sole(key)

    async def reserve(self, intent: CallIntent) -> int:
        """Takes the bound of one attempt from the budget and returns the call's id. Waits while
        calls in flight may still free enough.

        Raises BudgetExceededError when spent + bound > limit, BoundBrokenError when a call of this
        run used more than its bound.
        """
        self._refuse_unknown_price(intent)
        if not self._waiting:
            reserved = await self._try_reserve(intent)
            if reserved is not None:
                return reserved
        return await self._when_freed(lambda: self._try_reserve(intent))

    async def mark_sent(self, call_id: int) -> None:
        """Must be committed before the first byte leaves. In a new window (midnight) the
        reservation moves there, as `reserve` would."""
        intent, place = self._open[call_id]
        now = self._clock()
        if self._limits.at(place.counted_at).keys() != self._limits.at(now).keys():
            try:
                await self._when_freed(lambda: self._try_move(call_id))
            except BudgetExceededError:
                await self.release(call_id)
                raise
        if not await self._database.write(
            lambda connection: reservations.mark_sent(connection, call_id)
        ):
            del self._open[call_id]
            raise StateError(
                f"call {call_id} of {intent.step} was given up by another process, which "
                "saw no heartbeat of this one for a minute; it was not sent"
            )

    async def settle(self, call_id: int, settled: SettledCall) -> None:
        """Charges the call: usage as reported, or the bound. The answer, if there is one, is stored
        in the same transaction."""
        intent, place = self._open[call_id]
        key = intent.answer_key if settled.answer is not None else None

        def job(connection: Connection) -> tuple[Warned, ...]:
            limits = self._limits.at(place.counted_at)
            warned = reservations.settle(
                connection,
                call_id,
                place,
                intent,
                settled,
                limits,
                now=self._clock(),
                warn_at=self._limits.warn_at,
            )
            if key is not None:
                self._flight.end_within(connection, key)
            return warned

        async def work() -> None:
            warnings = await self._database.write(job)
            self._open.pop(call_id, None)
            if key is not None:
                self._flight.has_ended(key)
            self._freed.set()
            for warning in warnings:
                self._on_warning(_warning_line(self._flow, warning))

        await unless_cancelled(work())

    async def release(self, call_id: int) -> None:
        """Gives a reservation back that was not marked as sent."""
        if call_id not in self._open:
            return
        intent, place = self._open.pop(call_id)

        async def work() -> None:
            await self._database.write(
                lambda connection: reservations.release(connection, call_id, place, intent.bound)
            )
            self._freed.set()

        await unless_cancelled(work())

    async def _try_reserve(self, intent: CallIntent) -> int | None:
        """None: wait, calls in flight may still free enough."""
        place = Place(self._flow, self._run_id, self._clock())
        limits = self._limits.at(place.counted_at)

        async def work() -> int | None:
            outcome = await self._database.write(
                lambda connection: reservations.reserve(
                    connection, place, self._owner_id, intent, limits
                )
            )
            if isinstance(outcome, Reserved):
                self._open[outcome.call_id] = intent, place
                return outcome.call_id
            self._refuse(outcome)
            return None

        return await unless_cancelled(work(), undo=self._release_soon)

    async def _try_move(self, call_id: int) -> int | None:
        intent, old = self._open[call_id]
        new = replace(old, counted_at=self._clock())
        limits = self._limits.at(new.counted_at)
        refusal = await self._database.write(
            lambda connection: reservations.move(
                connection, call_id, old, new, intent.bound, limits
            )
        )
        if refusal is not None:
            self._refuse(refusal)
            return None
        self._open[call_id] = intent, new
        self._freed.set()
        return call_id

    async def _when_freed(self, attempt: Callable[[], Coroutine[Any, Any, int | None]]) -> int:
        """Repeats `attempt` whenever a call of this process ends, and now and then for those of
        other processes."""
        self._waiting += 1
        try:
            async with self._turn:
                pause = POLL_SECONDS[0]
                while True:
                    self._freed.clear()
                    done = await attempt()
                    if done is not None:
                        return done
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._freed.wait(), pause)
                    if pause == POLL_SECONDS[1]:
                        await self._ledger.take_over_from_the_dead()
                    pause = min(pause * 2, POLL_SECONDS[1])
        finally:
            self._waiting -= 1

    def _refuse(self, outcome: Full | Broken) -> None:
        if isinstance(outcome, Broken):
            raise BoundBrokenError(self._flow, outcome.model)
        if outcome.for_good:
            raise BudgetExceededError(
                self._flow, outcome.unit, outcome.limit, outcome.spent, outcome.wanted
            )

    def _refuse_unknown_price(self, intent: CallIntent) -> None:
        if intent.bound.cost_nano is None and any(
            limit.cost_nano is not None for limit in self._limits.at(self._clock()).values()
        ):
            raise CallError(
                f"the price of model {intent.model!r} is not known, so a budget in money cannot "
                "hold; nothing was sent. Set `catalogue: "
                f"{{{intent.model}: {{input_per_million: ..., output_per_million: ...}}}}` in "
                "flows.yaml, or budget `tokens`."
            )

    def _release_soon(self, call_id: int | None) -> None:
        if call_id is not None:
            in_background(self._release_in_the_end(call_id))

    async def _release_in_the_end(self, call_id: int) -> None:
        """Nobody waits for it, so a ledger that cannot be written for a while is tried again."""
        held = self._open.get(call_id)
        while held is not None and not self._database.closed:
            self._open[call_id] = held
            try:
                await self.release(call_id)
            except StateError:
                await asyncio.sleep(SECONDS_BETWEEN_ATTEMPTS)
            else:
                return


def _warning_line(flow: str, warned: Warned) -> str:
    used = f"{warned.spent / warned.limit:.0%}"
    amounts = (
        f"{warned.spent:,} of {warned.limit:,} tokens"
        if warned.unit == "tokens"
        else f"{warned.spent / 1e9:.4f} of {warned.limit / 1e9:.4f} USD"
    )
    return f"flow {flow!r} has used {used} of its budget: {amounts}"
