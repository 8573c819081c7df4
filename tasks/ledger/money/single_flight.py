"""Single flight: of all who ask the same question at the same time, one buys the answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from tasks.ledger.connection.locks import Waiting
from tasks.ledger.connection.uninterrupted import in_background, unless_cancelled
from tasks.ledger.money import answers
from tasks.ledger.money.answers import StoredAnswer

if TYPE_CHECKING:
    from tasks.ledger.ledger import Ledger

# first and longest pause between two looks at what other processes hold
POLL_SECONDS = (0.02, 0.25)


class SingleFlight:
    """The questions of one run. Processes meet in the ledger's locks, tasks of this one here.

    An answer that was stored before `stored_after` does not count.
    """

    def __init__(self, ledger: "Ledger", *, stored_after: float) -> None:
        self._ledger, self._stored_after = ledger, stored_after
        self._users: dict[str, tuple[asyncio.Lock, int]] = {}
        self._ended: set[str] = set()

    async def answer(self, key: str) -> StoredAnswer | None:
        return await self._ledger.database.read(
            lambda connection: answers.get(connection, key, self._stored_after)
        )

    @asynccontextmanager
    async def sole(self, key: str) -> AsyncIterator[StoredAnswer | None]:
        """Of all who ask the same at the same time, in any process, one gets None and must ask; the
        others wait for its stored answer.

        When that one fails, the next waiter gets None.
        """
        turn, users = self._users.get(key, (asyncio.Lock(), 0))
        self._users[key] = turn, users + 1
        try:
            async with turn:
                stored = await self._take(key)
                try:
                    yield stored
                finally:
                    if stored is None:
                        await self._end(key)
        finally:
            turn, users = self._users[key]
            self._users[key] = turn, users - 1
            if users == 1:
                del self._users[key]

    def end_within(self, connection: Connection, key: str) -> None:
        """Lets the next one look, in the transaction that stores the answer."""
        self._ledger.locks.give_back_row(connection, _flight(key))

    def has_ended(self, key: str) -> None:
        """That transaction is committed."""
        if key in self._users:
            self._ended.add(key)

    async def _take(self, key: str) -> StoredAnswer | None:
        def stored(connection: Connection) -> StoredAnswer | None:
            return answers.get(connection, key, self._stored_after)

        locks, flight = self._ledger.locks, _flight(key)
        waiting = Waiting(locks, flight, POLL_SECONDS)
        while True:
            outcome = await unless_cancelled(
                locks.find_or_take(flight, stored),
                undo=lambda taken: self._end_soon(key) if taken is True else None,
            )
            if isinstance(outcome, StoredAnswer):
                return outcome
            if outcome:
                return None
            pause = await waiting.next_pause()
            await asyncio.sleep(pause)
            if pause == POLL_SECONDS[1]:
                await self._ledger.take_over_from_the_dead()

    async def _end(self, key: str) -> None:
        if key in self._ended:  # in the transaction that stored the answer
            self._ended.discard(key)
            self._ledger.locks.forget(_flight(key))
        else:
            await self._ledger.locks.give_back(_flight(key))

    def _end_soon(self, key: str) -> None:
        in_background(self._ledger.locks.give_back(_flight(key)))


def _flight(key: str) -> str:
    return f"answer {key}"
