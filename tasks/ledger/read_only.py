"""Read-only view of a ledger: nothing is claimed, reserved or created."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection, inspect, select

from schemas.errors import StateError
from tasks.ledger.connection.database import Database
from tasks.ledger.connection.location import LEDGER_FILE, STATE_FOLDER, database_url
from tasks.ledger.connection.migrations import MIGRATIONS
from tasks.ledger.connection.tables import schema_version

T = TypeVar("T")


class LedgerView:
    """Reads what is committed, beside processes that write. Blocking. A project in which nothing
    was ever run has an empty view.

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

    @property
    def is_empty(self) -> bool:
        """Nothing was ever run."""
        return self._database is None

    def read(self, job: Callable[[Connection], T]) -> T | None:
        """What `job` finds; None when nothing was ever run."""
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
