"""Loop of a watch: look, wait until files are complete, process them in batches, file them."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from watchfiles import awatch

from pipelines.watching.candidates import Fingerprint, find_candidates
from pipelines.watching.filing import Filed, Filing, file_away
from pipelines.watching.places import Places
from pipelines.watching.readiness import Readiness, readiness, tells_of_writers
from pipelines.watching.set_aside import recover
from pipelines.watching.settling import Settling
from schemas.errors import CallError, DeferReason, DocmillError
from schemas.flow.deployment import WatchSpec
from schemas.record import DocumentResult, Status

Process = Callable[[Sequence[Path]], Awaitable[Mapping[Path, DocumentResult]]]
"""Process one batch: returns when every result is safe in the ledger. A path that is missing in the
answer stays where it is."""

BATCHES_AT_ONCE = 2  # so that one long document does not hold up the next file
STALLED_SECONDS = 600.0  # files wait for longer, and none is finished: health turns red
_SHORTEST_PAUSE_SECONDS = 0.05
_GRACE_SECONDS = 25.0  # below systemd's 90 s and Docker's 30 s (`docker stop --time 30`)
_UNFINISHED_FACTOR = (
    5  # a PDF without its end waits so many times longer before it is taken as damaged
)


@dataclass(slots=True)
class WatchHealth:
    """What a watch is doing, for the health endpoint and the last line of a watch."""

    folder: str
    waiting: int = 0
    in_work: int = 0
    finished: Counter[str] = field(default_factory=Counter)
    last_look: float | None = None  # seconds since the epoch
    trouble: str | None = None  # why the last look or batch did not work; None when it did
    unfinished_since: float | None = (
        None  # by `clock`: batches end, and no file of them is finished
    )
    clock: Callable[[], float] = time.monotonic

    @property
    def problem(self) -> str | None:
        """What a person should look at; None when all is well."""
        if self.trouble is not None or self.unfinished_since is None:
            return self.trouble
        seconds = self.clock() - self.unfinished_since
        if self.waiting == 0 or seconds < STALLED_SECONDS:
            return None
        return f"{self.waiting} files wait, and none was finished for {seconds / 60:.0f} minutes"

    def as_json(self) -> dict[str, object]:
        return {
            "folder": self.folder,
            "waiting": self.waiting,
            "in_work": self.in_work,
            "finished": dict(self.finished),
            "last_look": self.last_look,
            "trouble": self.problem,
        }


class FolderWatch:
    """Watches one folder until `stop` is set.

    `say` gets one line for everything a person may want to know. How long files have been unchanged
    is measured by `clock`, in seconds; how often the folder is scanned, by the event loop.
    """

    def __init__(
        self,
        places: Places,
        spec: WatchSpec,
        process: Process,
        say: Callable[[str], None],
        *,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`quiet`: a file that needs no person gets no line."""
        self._places, self._spec, self._process, self._say = places, spec, process, say
        self._quiet, self._clock = quiet, clock
        self._settling = Settling(spec.settle_seconds)
        self._taken: dict[Path, Fingerprint] = {}
        self._batches: set[asyncio.Task[None]] = set()
        self._said: set[str] = set()
        self._wake = asyncio.Event()
        self._ask_for_writers = tells_of_writers(places.folder)
        self._broken: CallError | None = None
        self._is_away = False  # the folder
        self.health = WatchHealth(str(places.folder), clock=clock)

    async def run(self, stop: asyncio.Event) -> WatchHealth:
        """Watch until `stop` is set, then finish what is in work (25 s at most; what is left is
        deferred).

        Raises CallError when flows.yaml or the call turns out to be wrong, such as a missing API
        key.
        """
        await self._undo_interrupted_moves()
        helpers = [asyncio.create_task(self._listen()), asyncio.create_task(self._wake_on(stop))]
        try:
            while not stop.is_set() and self._broken is None:
                self._wake.clear()
                pause = await self._look_and_take()
                await self._sleep(pause)
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            await self._finish_batches()
        if self._broken is not None:
            raise self._broken
        return self.health

    async def _undo_interrupted_moves(self) -> None:
        places = self._places
        folders = (places.folder, places.done, places.failed)
        for path in await asyncio.to_thread(recover, folders, self._say_once):
            self._say(f"{path.name}: will be processed after an interrupted move")

    async def _listen(self) -> None:
        """Events only shorten the wait; what they say is not used, so that one lost event loses no
        file."""
        while True:
            try:
                async for _ in awatch(
                    self._places.folder,
                    watch_filter=None,
                    recursive=self._places.recursive,
                    debounce=200,
                    step=20,
                    ignore_permission_denied=True,
                ):
                    self._wake.set()
            except (
                OSError,
                RuntimeError,
                # RuntimeError: watchfiles' own errors, such as the limit of inotify watches
            ) as error:
                self._say_once(
                    f"no file events ({error}); looking every {self._spec.poll_seconds:g} s instead"
                )
            await asyncio.sleep(self._spec.poll_seconds)

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _look_and_take(self) -> float:
        """One look at the folder; returns the seconds for which events are not acted on, so that
        looking never becomes all we do."""
        started = time.monotonic()
        try:
            found = await asyncio.to_thread(find_candidates, self._places, self._say_once)
        except OSError as error:
            self._is_away = True
            self._trouble(
                f"the watched folder cannot be read ({error.strerror}); trying again every "
                f"{self._spec.poll_seconds:g} s"
            )
            return _SHORTEST_PAUSE_SECONDS
        if self._is_away:
            self._is_away, self.health.trouble = False, None
            self._say("the watched folder can be read again")
        self.health.last_look = time.time()
        self._settling.look(found, self._clock())
        await self._take_still_files()
        self.health.waiting = max(0, len(self._settling) - len(self._taken))
        self.health.in_work = len(self._taken)
        return max(_SHORTEST_PAUSE_SECONDS, 2 * (time.monotonic() - started))

    async def _sleep(self, pause: float) -> None:
        due = (
            self._settling.next_due(but=self._taken)
            if len(self._batches) < BATCHES_AT_ONCE
            else None
        )
        wait = (
            self._spec.poll_seconds
            if due is None
            else min(self._spec.poll_seconds, due - self._clock())
        )
        await asyncio.sleep(pause)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), timeout=max(0.0, wait - pause))

    async def _take_still_files(self) -> None:
        while len(self._batches) < BATCHES_AT_ONCE:
            still = self._settling.still(self._clock(), but=self._taken)
            batch: dict[Path, Fingerprint] = {}
            for path, fingerprint in still.items():
                if len(batch) == self._spec.batch:
                    break
                if await self._is_ready(path):
                    batch[path] = fingerprint
            if not batch:
                return
            self._taken.update(batch)
            task = asyncio.create_task(self._work_on(batch))
            self._batches.add(task)
            task.add_done_callback(self._batch_ended)

    async def _is_ready(self, path: Path) -> bool:
        state = await asyncio.to_thread(readiness, path, ask_for_writers=self._ask_for_writers)
        now = self._clock()
        if (
            state is Readiness.UNFINISHED
            and self._settling.still_for(path, now)
            >= _UNFINISHED_FACTOR * self._spec.settle_seconds
        ):
            return True
        if state is Readiness.UNREADABLE:
            self._say_once(
                f"{path.name}: cannot be opened for reading; trying again every "
                f"{self._spec.poll_seconds:g} s"
            )
        if state is not Readiness.READY:
            self._settling.wait_again(path, now, max(self._spec.settle_seconds, 0.2))
        return state is Readiness.READY

    def _batch_ended(self, task: asyncio.Task[None]) -> None:
        self._batches.discard(task)
        self._wake.set()

    async def _work_on(self, batch: Mapping[Path, Fingerprint]) -> None:
        try:
            finished_before = self.health.finished.total()
            results = await self._process(list(batch))
            self.health.trouble = None
            for path, fingerprint in batch.items():
                await self._file(path, fingerprint, results.get(path))
            self._note_progress(finished_before)
        except CallError as error:
            self._broken = error
        except Exception as error:  # noqa: BLE001
            # the border of one batch: a watch outlives whatever one batch does
            reason = str(error) if isinstance(error, DocmillError) else type(error).__name__
            self._trouble(
                f"{len(batch)} files could not be processed ({reason}); they stay and are "
                "tried again"
            )
            for path in batch:
                self._settling.postpone(path, self._clock(), self._spec.poll_seconds)
        finally:
            for path in batch:
                self._taken.pop(path, None)

    def _note_progress(self, finished_before: int) -> None:
        if self.health.finished.total() > finished_before:
            self.health.unfinished_since = None
        elif self.health.unfinished_since is None:
            self.health.unfinished_since = self._clock()

    async def _file(
        self, path: Path, fingerprint: Fingerprint, result: DocumentResult | None
    ) -> None:
        if result is None or result.status is Status.DEFERRED:
            elsewhere = (
                result is not None
                and result.error is not None
                and result.error.code == DeferReason.CLAIMED_ELSEWHERE
            )
            postpone = self._settling.wait_again if elsewhere else self._settling.postpone
            postpone(
                path,
                self._clock(),
                min(self._spec.poll_seconds, 2.0) if elsewhere else self._spec.poll_seconds,
            )
            return
        try:
            filing = await asyncio.to_thread(file_away, path, fingerprint, result, self._places)
        except OSError as error:
            self._trouble(
                f"{path.name} is {result.status} but could not be moved "
                f"({error.strerror}); its record is safe, it stays"
            )
            self._settling.postpone(path, self._clock(), self._spec.poll_seconds)
            await self._undo_interrupted_moves()
            return
        self._report(path, result, filing)

    def _report(self, path: Path, result: DocumentResult, filing: Filing) -> None:
        name = path.relative_to(self._places.folder)
        if filing.outcome is Filed.MOVED:
            self.health.finished[result.status] += 1
            if not self._quiet or result.status not in (Status.DONE, Status.SKIPPED):
                self._say(f"{result.status:<12} {name} -> {filing.place}")
        elif filing.outcome is Filed.CHANGED:
            self._say(
                f"{result.status:<12} {name}: replaced while it was worked on; the new "
                "content is processed next"
            )

    async def _finish_batches(self) -> None:
        if self._batches:
            if not self._quiet:
                self._say(f"stopping: finishing {len(self._taken)} files")
            await asyncio.wait(self._batches, timeout=_GRACE_SECONDS)
        for task in list(self._batches):
            task.cancel()
        await asyncio.gather(*self._batches, return_exceptions=True)

    def _trouble(self, message: str) -> None:
        if message != self.health.trouble:
            self._say(message)
        self.health.trouble = message

    def _say_once(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self._say(message)
