"""A real Prefect worker of a process pool, in a process group of its own that can be ended or
killed with its flow runs."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from tests.support.prefect_server import PrefectApi


class Worker:
    def __init__(
        self,
        api: PrefectApi,
        pool: str,
        name: str,
        log: Path,
        *,
        limit: int | None = None,
        **environment: str,
    ) -> None:
        self._command = [
            sys.executable,
            "-m",
            "prefect",
            "worker",
            "start",
            "--pool",
            pool,
            "--name",
            name,
        ]
        self._command += [] if limit is None else ["--limit", str(limit)]
        self._environment = {**api.environment, "PREFECT_WORKER_QUERY_SECONDS": "1", **environment}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL for the worker and all its flow runs at once, as when a machine loses power."""
        assert self._process is not None
        for pid in [self._process.pid, *descendants(self._process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(10)


def descendants(pid: int) -> list[int]:
    """Children of a process, and theirs; by /proc, so Linux only."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found: list[int] = []
    pending = [pid]
    while pending:
        children = parents.get(pending.pop(), [])
        found += children
        pending += children
    return found
