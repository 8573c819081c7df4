"""Read-only view of a ledger: nothing is claimed, reserved or created."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection, inspect, select

from schemas.errors import StateError
from schemas.record import Status
from tasks.ledger.connection.database import Database
from tasks.ledger.connection.location import LEDGER_FILE, STATE_FOLDER, database_url
from tasks.ledger.connection.migrations import MIGRATIONS
from tasks.ledger.connection.tables import schema_version
from tasks.ledger.documents import claims, listing
from tasks.ledger.documents.listing import DocumentRow
from tasks.ledger.money import answers, resolutions, usage
from tasks.ledger.money.answers import CacheStats, StoredAnswer
from tasks.ledger.money.budgets import Limits
from tasks.ledger.money.usage import BudgetState, By, Spent
from tasks.ledger.money.window_totals import Sums

T = TypeVar("T")


class ReadOnlyLedger:
    """Reads what is committed, beside processes that write. Blocking. A project in which nothing
    was ever run has an empty one.

    Raises StateError when the database cannot be read, or was made by another version of docmill.
    """

    def __init__(self, url: str | None, folder: Path) -> None:
        """`url` and `folder` as for `Ledger.open`."""
        self._database = _existing(url, folder)

    def __enter__(self) -> Self:
        if self._database is not None and not self._database.read_now(_is_ours):
            self._close()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def documents(
        self, flow: str | None = None, status: Status | None = None
    ) -> tuple[DocumentRow, ...]:
        """The newest definition of each document only, latest change first."""
        return (
            self.read(lambda connection: listing.listing(connection, flow=flow, status=status))
            or ()
        )

    def find_documents(self, wanted: str) -> tuple[str, ...]:
        """Ids of the documents that `wanted` may mean: an id or its beginning, a path or a name."""
        return self.read(lambda connection: listing.find(connection, wanted)) or ()

    def settled_documents(
        self, flow: str, definition_hash: str, document_attempts: int
    ) -> dict[str, tuple[Status, int]]:
        """Status and pages, by document_id, of what `Ledger.claim` would not give to a run."""

        def job(connection: Connection) -> dict[str, tuple[Status, int]]:
            return claims.settled_documents(connection, flow, definition_hash, document_attempts)

        return self.read(job) or {}

    def spent(self, by: By, *, flow: str | None = None, timezone: str = "UTC") -> list[Spent]:
        """Settled calls, summed up; days newest first, everything else dearest first."""
        return (
            self.read(lambda connection: usage.spent(connection, by, flow=flow, timezone=timezone))
            or []
        )

    def budget_states(self, flow: str, limits: Limits, now: float) -> list[BudgetState]:
        """The windows that a call made at `now` would count in."""
        found = self.read(lambda connection: usage.budget_states(connection, flow, limits, now))
        if found is not None:
            return found
        untouched = Sums(0, 0, 0, 0)
        return [BudgetState(window, limit, untouched) for window, limit in limits.at(now).items()]

    def answer_stats(self) -> CacheStats:
        """What the answer cache holds."""
        return self.read(answers.stats) or CacheStats(0, 0, 0, 0, None)

    def answer(self, key: str) -> StoredAnswer | None:
        return self.read(lambda connection: answers.get(connection, key, 0.0))

    def resolution(self, endpoint: str, role: str) -> str | None:
        """See `Ledger.resolution`."""
        return self.read(lambda connection: resolutions.get(connection, endpoint, role))

    def read(self, job: Callable[[Connection], T]) -> T | None:
        """What `job` finds, for queries without a method; None when nothing was ever run."""
        return None if self._database is None else self._database.read_now(job)

    def _close(self) -> None:
        if self._database is not None:
            self._database.dispose()
            self._database = None


def _existing(url: str | None, folder: Path) -> Database | None:
    """None where there is no file yet: reading must not make one."""
    if url is None and not (folder / STATE_FOLDER / LEDGER_FILE).exists():
        return None
    found = database_url(url, folder)
    if found.get_backend_name() == "sqlite" and not Path(found.database or "").exists():
        return None
    return Database(found)


def _is_ours(connection: Connection) -> bool:
    """False for a database without a ledger."""
    if not inspect(connection).has_table(schema_version.name):
        return False
    found, known = (
        int(connection.execute(select(schema_version.c.version)).scalar_one()),
        len(MIGRATIONS) + 1,
    )
    if found != known:
        raise StateError(
            f"the ledger has version {found}, and this docmill reads version {known}. "
            + ("`docmill run` brings it up to date." if found < known else "Upgrade docmill.")
        )
    return True
