"""Writing of outputs: a while after a document is safe in the ledger, and at the end of a run.

They are views of the ledger.

An output that is one file is rewritten from all its documents, read and renamed under one lock in
the ledger: of two processes that write it, the later one has read what the earlier one wrote, so
that no row is lost or doubled.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sqlalchemy import Connection

from schemas.errors import StateError
from tasks.ledger.connection.uninterrupted import unless_cancelled
from tasks.ledger.documents import outputs
from tasks.ledger.documents.outputs import Entry, OutputListing
from tasks.outputs import SINKS, Sink
from tasks.outputs.ownership import (
    NotMadeByDocmillError,
    keep_unknown,
    refuse_other_than_files,
)
from tasks.outputs.targets import Target, entry_name, targets_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tasks.flow_definition import FlowDefinition
    from tasks.ledger.ledger import Ledger

SECONDS_BETWEEN = 2.0
# a rebuild that takes 1 s is made every 10 s: long outputs cost no more than a tenth of the time
SHARE_OF_TIME = 10
LOCK_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.02, 0.25


class OutputViews:
    """The outputs of one flow in one run. `async with` writes what is due at the end, also after an
    error."""

    def __init__(self, ledger: "Ledger", flow: str, targets: Sequence[Target]) -> None:
        self._ledger, self._flow, self._targets = ledger, flow, tuple(targets)
        self._changed: dict[str, None] = {}  # document ids since the last rebuild, in order
        self._flushing = asyncio.Lock()
        self._next_at = 0.0
        self._task: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()

    @classmethod
    def of(cls, definition: "FlowDefinition", ledger: "Ledger", out: Path | None) -> Self:
        """Without `write:` there is nothing to write. `out` is the folder of `--out`."""
        name, settings = definition.name, definition.outputs
        targets = () if settings is None else targets_of(settings, name, definition.folder, out)
        return cls(ledger, name, targets)

    @property
    def places(self) -> tuple[Path, ...]:
        return tuple(target.place for target in self._targets)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._ending.set()
        if self._task is not None:
            await self._task
        try:
            await self.flush()
        except StateError:
            if kind is None:  # otherwise the first error is the one to tell
                raise

    def listing(self, document_id: str, path: Path, definition_hash: str) -> OutputListing:
        """The document's place in all outputs, for `Ledger.finish`. Its record shows there once the
        ledger has it."""
        keys = tuple(target.key for target in self._targets)
        name = entry_name(path, self._flow, document_id)
        return OutputListing(keys, self._flow, document_id, definition_hash, name)

    async def add(self, document_id: str, path: Path, definition_hash: str) -> None:
        """Lists a document, and has its outputs written a while later."""
        if not self._targets:
            return
        await self._ledger.list_in_outputs(self.listing(document_id, path, definition_hash))
        self._changed[document_id] = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._flush_later())

    async def flush(self) -> None:
        """Writes what changed since the last time. Raises StateError when an output cannot be
        written; nothing is lost by that."""
        async with self._flushing:
            changed, self._changed = tuple(self._changed), {}
            if not changed:
                return
            started = time.monotonic()
            try:
                for target in self._targets:
                    await write_target(self._ledger, target, changed)
            except BaseException:
                self._changed = dict.fromkeys(changed) | self._changed
                raise
            finally:
                self._next_at = time.monotonic() + max(
                    SECONDS_BETWEEN, SHARE_OF_TIME * (time.monotonic() - started)
                )

    async def rebuild(self) -> None:
        """Writes all outputs whole, with what other processes finished and did not come to write.
        Raises StateError as `flush` does."""
        async with self._flushing:
            for target in self._targets:
                await write_target(self._ledger, target)

    async def _flush_later(self) -> None:
        """A disk that is full now may have room at the end of the run, which tries again and
        tells."""
        while self._changed and not self._ending.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(
                    self._ending.wait(), max(0.0, self._next_at - time.monotonic())
                )
            with suppress(StateError):
                await self.flush()


async def write_target(
    ledger: "Ledger", target: Target, document_ids: Sequence[str] | None = None
) -> None:
    """Brings one output up to date: the whole file, or in a folder the files of `document_ids`
    (None: of all).

    Once begun it ends, also when the caller is cancelled, so that no late rename brings an older
    state back. Raises StateError.
    """
    await unless_cancelled(_write_target(ledger, target, document_ids))


async def _write_target(
    ledger: "Ledger", target: Target, document_ids: Sequence[str] | None
) -> None:
    sink = SINKS[target.kind]
    chosen = None if sink.whole else document_ids

    def entries(connection: Connection) -> Iterator[Entry]:
        return outputs.listed(connection, target.key, chosen)

    def work() -> None:
        ledger.database.read_now(lambda connection: _overwrite(connection, sink, target, entries))

    async with _alone(ledger, f"output {target.key}"):
        try:
            await asyncio.to_thread(work)
        except OSError as exc:
            raise StateError(
                f"{target.place}: cannot be written ({exc.strerror or type(exc).__name__}). All "
                "records are safe in the ledger; correct this and run the same command again: "
                "it writes them without processing the documents again."
            ) from exc


def _overwrite(
    connection: Connection,
    sink: Sink,
    target: Target,
    entries: Callable[[Connection], Iterator[Entry]],
) -> None:
    if sink.whole:
        refuse_other_than_files(target.place)
    keep_unknown(connection, target.place, sink.documents(target.place))
    try:
        sink.write(target.place, entries(connection))
    except NotMadeByDocmillError as exc:
        raise StateError(
            f"{exc}: was not made by docmill, so it is not overwritten. Move it away and run again."
        ) from None


@asynccontextmanager
async def _alone(ledger: "Ledger", name: str) -> "AsyncIterator[None]":
    """Waits until no other process holds the lock; that of a process that died is taken over."""

    async def wait(pause: float) -> None:
        await asyncio.sleep(pause)
        await ledger.take_over_from_the_dead()

    async with ledger.locks.alone(name, wait, (LOCK_POLL_SECONDS, LONGEST_POLL_SECONDS)):
        yield
