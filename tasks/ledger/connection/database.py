"""Access to the ledger's database: one writer thread that batches jobs, and readers beside it.

A job is a plain function of a connection; it runs in the writer's (or a reader's) thread and
returns what the caller awaits. All write transactions of all processes follow one another (SQLite:
BEGIN IMMEDIATE; PostgreSQL: one advisory lock), so that a job may read, decide and write without
another one between. A job must be repeatable: a batch in which one job fails is rolled back and its
halves run again, down to single jobs, so that only the failing one fails.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, create_engine, event, text
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from schemas.errors import DocmillError, StateError

log = logging.getLogger("docmill.state")

T = TypeVar("T")
Job = Callable[[Connection], T]

BATCH = 256
BUSY_SECONDS = 30.0  # what one process waits for the others' write transactions
READERS = 2
WRITER_LOCK = "SELECT pg_advisory_xact_lock(hashtext('docmill ' || current_schema()))"
SQLITE_PRAGMAS = (
    # WAL's NORMAL could lose the last commits, and so charges, in a power cut
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}",
    "PRAGMA secure_delete=FAST",
)
POSTGRES_SETTINGS = (  # a machine that vanishes in a transaction must not hold the others for ever
    "SET idle_in_transaction_session_timeout = '30s'",
    f"SET lock_timeout = '{int(BUSY_SECONDS)}s'",
)
# a network that goes silent is an error after half a minute, not after TCP's two hours
POSTGRES_CONNECTION = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": int(BUSY_SECONDS * 1000) + 5_000,  # milliseconds
}


@dataclass(frozen=True, slots=True)
class _Pending:
    job: Job[Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


_Outcome = tuple[_Pending, Any, BaseException | None]


class Database:
    """One open database. Close it with `close()`; until then it owns threads and connections."""

    def __init__(
        self, url: URL, *, on_tick: Job[Any] | None = None, tick_seconds: float = 15.0
    ) -> None:
        """`on_tick` runs in the writer every `tick_seconds`, also while the event loop is busy (the
        heartbeat)."""
        self.name = url.render_as_string(hide_password=True)
        self._engine = _engine(url)
        self._jobs: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._on_tick, self._tick_seconds = on_tick, tick_seconds
        self._next_tick = time.monotonic() + tick_seconds
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="ledger-reader")
        self._writer = threading.Thread(
            target=self._write_forever, name="ledger-writer", daemon=True
        )
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    def start(self, setup: Sequence[Job[Any]] = ()) -> None:
        """Runs `setup` in one write transaction and starts the writer. Blocking; raises
        StateError."""
        try:
            if self._engine.dialect.name == "sqlite":
                _switch_to_wal(self._engine)
            with self._transaction() as connection:
                for job in setup:
                    job(connection)
        except DBAPIError as exc:
            self._engine.dispose()
            raise self._translated(exc) from exc
        except DocmillError:
            self._engine.dispose()
            raise
        self._writer.start()

    async def write(self, job: Job[T]) -> T:
        """The job's result, once it is committed. Raises StateError when the database refuses, and
        what the job raises.

        A caller that is cancelled meanwhile does not stop the job.
        """
        if self._closed:
            raise StateError(f"{self.name}: the ledger is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Pending(job, loop, future))
        return await future

    async def read(self, job: Job[T]) -> T:
        """The job's result from what is committed; runs beside the writer."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, job)

    def read_now(self, job: Job[T]) -> T:
        """As `read`, in the calling thread."""
        try:
            with self._engine.connect() as connection:
                return job(connection)
        except DBAPIError as exc:
            raise self._translated(exc) from exc

    async def truncate_log(self) -> None:
        """Empties SQLite's write-ahead log, so that what was deleted is in no file any more.
        PostgreSQL does so by itself (VACUUM)."""
        if self._engine.dialect.name == "sqlite":
            await self.read(
                lambda connection: connection.exec_driver_sql(
                    "PRAGMA wal_checkpoint(TRUNCATE)"
                ).all()
            )

    def close(self, last_job: Job[Any] | None = None) -> None:
        """Finishes what is queued, runs `last_job` and closes every connection. Blocking."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        self._writer.join()
        self._readers.shutdown()
        try:
            if last_job is not None:
                with self._transaction() as connection:
                    last_job(connection)
        except DBAPIError as exc:
            raise self._translated(exc) from exc
        finally:
            self._engine.dispose()

    def dispose(self) -> None:
        """Closes the connections of a database that was never started and only read."""
        self._closed = True
        self._readers.shutdown()
        self._engine.dispose()

    def _transaction(self) -> "_WriteTransaction":
        return _WriteTransaction(self._engine)

    def _write_forever(self) -> None:
        while True:
            batch, last = self._next_batch()
            if batch:
                _hand_back(self._run_batch(batch))
            if self._on_tick is not None and time.monotonic() >= self._next_tick:
                self._next_tick = time.monotonic() + self._tick_seconds
                self._tick(self._on_tick)
            if last:
                return

    def _next_batch(self) -> tuple[list[_Pending], bool]:
        """Waits for a job, then takes what else is there. The second value is True when the writer
        shall end."""
        batch: list[_Pending] = []
        try:
            item = self._jobs.get(
                timeout=max(0.0, self._next_tick - time.monotonic()) if self._on_tick else None
            )
            while item is not None:
                batch.append(item)
                if len(batch) == BATCH:
                    return batch, False
                item = self._jobs.get_nowait()
        except queue.Empty:
            return batch, False
        return batch, True

    def _run_batch(self, batch: list[_Pending]) -> list[_Outcome]:
        transaction = self._transaction()
        try:
            with transaction as connection:
                return [(pending, pending.job(connection), None) for pending in batch]
        except Exception as exc:  # noqa: BLE001
            # any error belongs to the job's caller, who gets it
            half = len(batch) // 2
            if half and transaction.begun:
                return self._run_batch(batch[:half]) + self._run_batch(batch[half:])
            # A database that cannot be reached fails all jobs at once: to wait for it again for
            # each job would take hours.
            error = self._translated(exc) if isinstance(exc, DBAPIError) else exc
            return [(pending, None, error) for pending in batch]

    def _tick(self, job: Job[Any]) -> None:
        try:
            with self._transaction() as connection:
                job(connection)
        except Exception as exc:  # noqa: BLE001
            # without the writer everybody would wait for ever; the next tick tries again
            log.warning(
                "%s: the heartbeat could not be written (%s)", self.name, type(exc).__name__
            )

    def _translated(self, exc: DBAPIError) -> StateError:
        return StateError(
            f"{self.name}: {_cause(exc.orig)}. What was committed before is safe; correct "
            "this and run the command again."
        )


class _WriteTransaction:
    """`with` block that holds the one write lock of the database. A plain class: contextlib's costs
    more than the commit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.begun = False  # whether the lock was had

    def __enter__(self) -> Connection:
        self._connection = connection = self._engine.connect()
        try:
            if self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql(WRITER_LOCK)
        except BaseException:
            connection.close()
            raise
        self.begun = True
        return connection

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._connection.commit()
            else:
                self._connection.rollback()
        finally:
            self._connection.close()


def _hand_back(outcomes: list[_Outcome]) -> None:
    """Wakes each caller's event loop once for all its jobs."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome[0].loop, []).append(outcome)
    for loop, its in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, its)
        except RuntimeError:
            continue  # that loop was closed: nobody waits any more


def _resolve(outcomes: list[_Outcome]) -> None:
    for pending, result, error in outcomes:
        if pending.future.done():  # its caller was cancelled
            continue
        if error is None:
            pending.future.set_result(result)
        else:
            pending.future.set_exception(error)


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        # autocommit at the driver: our own BEGIN decides, and readers see the newest commit
        engine = create_engine(
            url,
            connect_args={
                "check_same_thread": False,
                "timeout": BUSY_SECONDS,
                "isolation_level": None,
            },
        )
        settings: tuple[str, ...] = SQLITE_PRAGMAS
    else:
        engine = create_engine(url, pool_pre_ping=True, connect_args=POSTGRES_CONNECTION)
        settings = POSTGRES_SETTINGS

    def configure(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for setting in settings:
            cursor.execute(setting)
        cursor.close()
        if engine.dialect.name != "sqlite":
            connection.commit()

    event.listen(engine, "connect", configure)
    return engine


def _switch_to_wal(engine: Engine) -> None:
    """SQLite does not wait for others while it changes the journal mode, so that simultaneous first
    starts take turns here."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            with engine.connect() as connection:
                connection.execute(text("PRAGMA journal_mode=WAL"))
                return
        except DBAPIError as exc:
            if (
                getattr(exc.orig, "sqlite_errorcode", None)
                not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
                or time.monotonic() > deadline
            ):
                raise
            time.sleep(0.02)


def _cause(error: BaseException | None) -> str:
    """What the driver said, by its code where it has one. Drivers' messages name files and servers,
    never rows."""
    code = getattr(error, "sqlite_errorcode", None)
    known = {
        sqlite3.SQLITE_FULL: "the disk is full",
        sqlite3.SQLITE_READONLY: "the file or its folder is read-only",
        sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
        sqlite3.SQLITE_CORRUPT: "the file is damaged",
        sqlite3.SQLITE_NOTADB: "the file is not a SQLite database",
        sqlite3.SQLITE_BUSY: f"another process held the database for more than {BUSY_SECONDS:.0f} "
        "s",
    }
    if code is not None and code & 0xFF in known:
        return known[code & 0xFF]
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
