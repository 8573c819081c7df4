"""What only one process at a time may do: asking for one answer, rebuilding one output.

A lock is a row with its owner; the lock of a dead owner is taken over (see owners.py). Whether a
row of this owner is in use is known here, not in the database: one that could not be given back
(full disk, server gone) is taken again without waiting, and given back as soon as that works.
"""

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, bindparam, delete, select

from schemas.errors import StateError
from tasks.ledger.connection.database import Database
from tasks.ledger.connection.tables import locks, owners
from tasks.ledger.connection.upsert import insert_into

Found = TypeVar("Found")

log = logging.getLogger("docmill.state")

SECONDS_UNTIL_REPORTED = 10.0
LONGEST_WAIT_SECONDS = 3_600.0  # longer than any answer or output takes

_VALUES: dict[str, Any] = {"name": bindparam("of_name"), "owner_id": bindparam("of_owner")}
_GIVE_BACK = delete(locks).where(
    locks.c.name == bindparam("of_name"), locks.c.owner_id == bindparam("of_owner")
)
_OWN = select(locks.c.name).where(
    locks.c.name == bindparam("of_name"), locks.c.owner_id == bindparam("of_owner")
)
_HOLDER = (
    select(owners.c.host, owners.c.pid)
    .join(locks, locks.c.owner_id == owners.c.owner_id)
    .where(locks.c.name == bindparam("of_name"))
)


class Locks:
    """The locks of one open ledger. A lock is held by one task at a time, also in this process."""

    def __init__(self, database: Database, owner_id: str) -> None:
        self._database, self._owner_id = database, owner_id
        self._held: set[str] = set()
        self._not_given_back: set[str] = set()

    async def try_take(self, name: str) -> bool:
        """False when another process has it, or another task of this one."""
        return await self.find_or_take(name, lambda _: None) is True

    async def find_or_take(
        self, name: str, find: Callable[[Connection], Found | None]
    ) -> Found | bool:
        """What `find` finds, or else whether the lock was taken, in one transaction."""
        if name in self._held:
            found = await self._database.read(find)
            return False if found is None else found
        self._held.add(name)  # before the write: nobody else may take the row for a left-over

        def job(connection: Connection) -> Found | bool:
            found = find(connection)
            return self._take_row(connection, name) if found is None else found

        outcome: Found | bool = False
        try:
            outcome = await self._database.write(job)
        finally:
            if outcome is not True:
                self._held.discard(name)
        return outcome

    async def give_back(self, name: str) -> None:
        """Raises StateError when that cannot be written; it is then repeated by itself."""
        try:
            await self._database.write(lambda connection: self.give_back_row(connection, name))
        except BaseException:
            self._not_given_back.add(name)
            raise
        finally:
            self._held.discard(name)

    def give_back_row(self, connection: Connection, name: str) -> None:
        """Within another transaction. `forget` follows once that is committed."""
        connection.execute(_GIVE_BACK, self._key(name))

    def forget(self, name: str) -> None:
        self._held.discard(name)

    def give_back_left_overs(self, connection: Connection) -> None:
        """Gives back what could not be given back before. A job of the writer, repeated."""
        for name in tuple(self._not_given_back - self._held):
            self.give_back_row(connection, name)
            self._not_given_back.discard(name)

    @asynccontextmanager
    async def alone(
        self, name: str, wait: Callable[[float], Awaitable[object]], pauses: tuple[float, float]
    ) -> AsyncIterator[None]:
        """Holds the lock; until it is free, calls `wait` with a pause that doubles.

        Raises StateError when it is not free after an hour.
        """
        waiting = Waiting(self, name, pauses)
        while not await self.try_take(name):
            await wait(await waiting.next_pause())
        try:
            yield
        finally:
            await self.give_back(name)

    async def holder(self, name: str) -> str:
        row = await self._database.read(
            lambda connection: connection.execute(_HOLDER, {"of_name": name}).first()
        )
        return "another process" if row is None else f"process {row.pid} on {row.host}"

    def _take_row(self, connection: Connection, name: str) -> bool:
        key = self._key(name)
        taken = connection.execute(_take(connection.dialect.name), key).first() is not None
        return taken or connection.execute(_OWN, key).first() is not None

    def _key(self, name: str) -> dict[str, str]:
        return {"of_name": name, "of_owner": self._owner_id}


class Waiting:
    """One wait for a lock: says what it waits for, and ends."""

    def __init__(self, of: Locks, name: str, pauses: tuple[float, float]) -> None:
        self._locks, self._name = of, name
        self._pause, self._longest_pause = pauses
        self._since = time.monotonic()
        self._reported = False

    async def next_pause(self) -> float:
        """Seconds until the next attempt. Raises StateError when the wait was too long."""
        waited = time.monotonic() - self._since
        if waited > SECONDS_UNTIL_REPORTED and not self._reported:
            self._reported = True
            holder = await self._locks.holder(self._name)
            log.warning("waiting for %r, which %s holds", self._name, holder)
        if waited > LONGEST_WAIT_SECONDS:
            raise StateError(
                f"{await self._locks.holder(self._name)} has held {self._name!r} for "
                f"{LONGEST_WAIT_SECONDS / 60:.0f} minutes; end that process and run again. "
                "All records are safe in the ledger."
            )
        pause, self._pause = self._pause, min(self._pause * 2, self._longest_pause)
        return pause


@cache
def _take(dialect_name: str) -> Executable:
    return (
        insert_into(locks, dialect_name)
        .values(_VALUES)
        .on_conflict_do_nothing()
        .returning(locks.c.name)
    )
