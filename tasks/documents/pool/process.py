"""One worker process: start, requests, end."""

import asyncio
import contextlib
import os
import signal
import sys
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tasks
from tasks.documents.pool import frames as wire

START_SECONDS = 60.0  # a machine under full load needs several; afterwards something is wrong
_STOP_SECONDS = 1.0
_STREAM_BYTES = 1 << 20
_REMEMBERED = 4  # documents a worker keeps open (`worker.OPEN_DOCUMENTS`)
_ROOT = Path(tasks.__path__[0]).resolve().parent
_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SYSTEMROOT",
    "LD_LIBRARY_PATH",
    "VIRTUAL_ENV",
)
_PASSED_ON_PREFIXES = ("PYTHON", "COV_", "COVERAGE_", "OMP_", "ORT_")


class WorkerDiedError(Exception):
    """The process ended while it was asked. `signal_name` tells by what, if by a signal."""

    def __init__(self, returncode: int | None) -> None:
        super().__init__(returncode)
        self.returncode = returncode

    @property
    def from_outside(self) -> bool:
        """Killed by the system or a person; what a document does to its reader ends in other
        signals."""
        return self.returncode == -getattr(signal, "SIGKILL", 0)

    @property
    def cause(self) -> str:
        if self.returncode is None or self.returncode >= 0:
            return f"exit code {self.returncode}"
        with contextlib.suppress(ValueError):
            return signal.Signals(-self.returncode).name
        return f"signal {-self.returncode}"


class WorkerLateError(Exception):
    """No answer in time; the process was killed."""


class WorkerProcess:
    """One child. Asked for one thing at a time; after an error of this module it is dead and `stop`
    cleans up."""

    def __init__(self, settings: Mapping[str, Any], *, threads: int) -> None:
        self._settings, self._threads = dict(settings), threads
        self._process: asyncio.subprocess.Process | None = None
        self._recent: OrderedDict[str, None] = OrderedDict()
        self.knows_ocr = False
        self.answered = 0

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def has_open(self, document_id: str) -> bool:
        return document_id in self._recent

    async def start(self) -> None:
        """Returns when the process is ready. Raises WorkerDiedError or WorkerLateError when it does
        not come up."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # the working directory may hold a `tasks` folder of its own
            "-m",
            "tasks.documents.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(os.environ, self._threads),
            limit=_STREAM_BYTES,
            start_new_session=True,
        )
        await self._exchange(self._settings, START_SECONDS)

    async def ask(
        self, request: Mapping[str, Any], *, document_id: str, seconds: float
    ) -> wire.Frame:
        """Raises WorkerDiedError, or WorkerLateError after `seconds`; the process is gone then."""
        self._recent[document_id] = None
        self._recent.move_to_end(document_id)
        if len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)
        frame = await self._exchange(request, seconds)
        self.answered += 1
        return frame

    async def stop(self) -> None:
        """Kill it: a child keeps nothing that could be lost, and one that is still starting would
        take its time to hear of the end."""
        await self._kill()

    async def _exchange(self, request: Mapping[str, Any], seconds: float) -> wire.Frame:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise WorkerDiedError(None)
        try:
            async with asyncio.timeout(seconds):
                process.stdin.write(wire.encode(wire.Frame(dict(request))))
                await process.stdin.drain()
                return await wire.receive(process.stdout)
        except TimeoutError as error:
            await self._kill()
            raise WorkerLateError from error
        except (asyncio.IncompleteReadError, OSError, ValueError) as error:
            await self._ended()
            raise WorkerDiedError(process.returncode) from error

    async def _ended(self) -> None:
        """Wait for a process that is about to end, so that its own signal is seen; kill it if it
        does not."""
        if self._process is None:
            return
        try:
            async with asyncio.timeout(
                _STOP_SECONDS
            ):  # not wait_for: before Python 3.12 it can swallow a cancellation
                await self._process.wait()
        except TimeoutError:
            await self._kill()

    async def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                # Not Process.kill(): it polls first and may take the exit status away from
                # asyncio's own watcher.
                os.kill(self._process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
            await self._process.wait()


def _environment(environ: Mapping[str, str], threads: int) -> dict[str, str]:
    """What a worker needs, and no secret: whoever takes one over by a hostile file finds no API
    key."""
    kept = {
        name: value
        for name, value in environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    kept.setdefault("OMP_NUM_THREADS", str(threads))
    kept["PYDANTIC_DISABLE_PLUGINS"] = (
        "__all__"  # no foreign code beside hostile files; looking for it takes 10 ms
    )
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (str(_ROOT), environ.get("PYTHONPATH"))))
    return kept
