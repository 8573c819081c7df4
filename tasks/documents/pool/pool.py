"""Pool of worker processes that read pages.

As many as cores and memory allow; each is replaced when it dies.
"""

import asyncio
import os
from collections import deque
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.errors import DocmillError, LimitError, MachineError, WorkerError
from tasks.documents.pool import frames as wire
from tasks.documents.pool.process import WorkerDiedError, WorkerLateError, WorkerProcess

RENDER_MB = 400  # of memory planned for a worker that renders
OCR_MB = 1_000  # of memory planned for a worker that reads pictures
START_ATTEMPTS = 3
_LOOK_AHEAD = 8  # waiting requests among which a worker prefers one for a document that it has open


@dataclass(slots=True, eq=False)
class Request:
    """One thing asked of any worker. `seconds` bound the work, not the wait for a free worker."""

    header: Mapping[str, Any]
    document_id: str
    seconds: float
    ocr: bool = False
    answer: "asyncio.Future[wire.Frame]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    worked_seconds: float = 0.0
    passed_over: int = 0
    retried: bool = False

    def fail(self, error: DocmillError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)

    def succeed(self, frame: wire.Frame) -> None:
        if not self.answer.done():
            self.answer.set_result(frame)


class WorkerPool:
    """`settings` are sent to each worker when it starts: at `start`, or with the first request.
    Nothing of it outlives `close`."""

    def __init__(self, settings: Mapping[str, Any], *, workers: int | None = None) -> None:
        self._settings = settings
        self.size = workers or _affordable(RENDER_MB)
        ocr_slots = min(self.size, _affordable(OCR_MB))
        self._ocr_slots = asyncio.Semaphore(ocr_slots)
        self._threads = max(
            1, _cores() // ocr_slots
        )  # of one OCR engine; more than that would only wait for each other
        self._queue: deque[Request] = deque()
        self._idle: dict[WorkerProcess, asyncio.Future[Request]] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._outstanding: set[Request] = set()
        self._given_up = 0  # places in the pool where no process starts
        self._broken: DocmillError | None = None
        self.processes: set[WorkerProcess] = set()

    def start(self) -> None:
        """Start all workers in the background; requests wait for the first that is ready."""
        self._keepers = [asyncio.create_task(self._keep_worker()) for _ in range(self.size)]

    async def close(self) -> None:
        """End all workers, also busy ones. Requests that still wait fail, and those that come
        later."""
        self._broken = WorkerError("the run ended before this page was read")
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(
            *(process.stop() for process in self.processes)
        )  # those whose keeper was cancelled while stopping them
        self.processes.clear()
        self._fail_all(self._broken)

    async def ask(self, request: Request) -> wire.Frame:
        """Raises LimitError when the work takes longer than `request.seconds`, WorkerError when the
        worker died of it."""
        if self._broken is not None:
            raise self._broken
        if not self._keepers:
            self.start()
        async with self._ocr_slots if request.ocr else nullcontext():
            self._outstanding.add(request)
            try:
                self._submit(request)
                return await request.answer
            finally:
                self._outstanding.discard(request)

    def _submit(self, request: Request) -> None:
        ready = [process for process in self._idle if process.is_alive]
        if not ready:
            self._queue.append(request)
            return
        chosen = max(ready, key=lambda process: self._fitness(process, request))
        self._idle.pop(chosen).set_result(request)

    async def _keep_worker(self) -> None:
        """One place in the pool: start a worker, serve with it, replace it when it dies."""
        again: Request | None = None
        while True:
            process = await self._started()
            if process is None:
                return
            try:
                again = await self._serve(process, again)
            finally:
                self._idle.pop(process, None)
                await process.stop()
                self.processes.discard(process)

    async def _started(self) -> WorkerProcess | None:
        for _ in range(START_ATTEMPTS):
            process = WorkerProcess(self._settings, threads=self._threads)
            self.processes.add(process)
            try:
                await process.start()
            except (WorkerDiedError, WorkerLateError, OSError):
                self.processes.discard(process)
            else:
                return process
        self._given_up += 1
        if self._given_up == self.size:
            self._broken = MachineError(
                "worker processes do not start; `python -m tasks.documents.worker` in a "
                "shell shows why"
            )
            self._fail_all(self._broken)
        return None

    async def _serve(self, process: WorkerProcess, again: Request | None) -> Request | None:
        """Serve until the process dies; returns the request to be asked once more of its successor,
        if it may be innocent."""
        while True:
            request = again or await self._next(process)
            again = None
            if request.answer.done():  # nobody waits any more
                continue
            if not process.is_alive:
                return request
            try:
                await self._ask(process, request)
            except WorkerLateError:
                request.fail(
                    LimitError(
                        f"reading took longer than {request.seconds:g} s (`render.page_seconds`, "
                        "`render.document_seconds`); it was stopped"
                    )
                )
                return None
            except WorkerDiedError as error:
                is_fresh = (
                    process.answered == 0 and not error.from_outside
                )  # it had done nothing else that could have hurt it
                if is_fresh or request.retried:
                    request.fail(
                        WorkerError(
                            f"the process reading it died ({error.cause}): the file is "
                            "damaged or hostile, or needs too much memory"
                        )
                    )
                    return None
                request.retried = True
                return request

    async def _ask(self, process: WorkerProcess, request: Request) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            frame = await process.ask(
                request.header, document_id=request.document_id, seconds=request.seconds
            )
        finally:
            request.worked_seconds += loop.time() - begun
        process.knows_ocr |= request.ocr
        request.succeed(frame)

    async def _next(self, process: WorkerProcess) -> Request:
        if self._queue:
            return self._picked(process)
        self._idle[process] = asyncio.get_running_loop().create_future()
        return await self._idle[process]

    def _picked(self, process: WorkerProcess) -> Request:
        first = self._queue[0]
        ahead = [self._queue[index] for index in range(min(_LOOK_AHEAD, len(self._queue)))]
        best = (
            first
            if first.passed_over >= _LOOK_AHEAD
            else max(ahead, key=lambda request: self._fitness(process, request))
        )
        if best is not first:
            first.passed_over += 1
        self._queue.remove(best)
        return best

    def _fitness(self, process: WorkerProcess, request: Request) -> tuple[bool, bool, bool]:
        """A loaded OCR engine saves 1.5 s; an open document its fonts and what else was parsed, so
        it is left to the worker that has it."""
        is_open = process.has_open(request.document_id)
        others = any(
            other.has_open(request.document_id) for other in self.processes if other is not process
        )
        return request.ocr and process.knows_ocr, is_open, not others

    def _fail_all(self, error: DocmillError) -> None:
        self._queue.clear()
        for request in self._outstanding:
            request.fail(error)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _affordable(megabytes_each: int) -> int:
    available = _available_mb()
    return _cores() if available is None else max(1, min(_cores(), available // megabytes_each))


def _available_mb() -> int | None:
    """Free memory, or what the container may still use; None where the system does not say."""
    amounts = []
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    amounts += [int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable:")]
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii").strip()
        if limit != "max":
            amounts.append(max(0, int(limit) - int(used)) >> 20)
    except OSError:
        pass  # no such limit
    return min(amounts, default=None)
