"""How do benchmarks and multi-process tests get a fake server that shares no interpreter with them?
As a child process."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[3]


class FakeMistralProcess:
    """`with FakeMistralProcess(log_file, latency=0.3) as server: ... server.url, server.log()`."""

    def __init__(
        self,
        log_file: Path,
        *,
        latency: float = 0.0,
        validate: bool = True,
        fault_rates: Mapping[str, float] | None = None,
        seed: int = 0,
        port: int = 0,
    ) -> None:
        self._log_file = log_file
        self._command = [
            sys.executable,
            "-m",
            "tests.support.fake_mistral",
            "--port",
            str(port),
            "--latency",
            str(latency),
            "--log",
            str(log_file),
        ]
        self._command += ["--seed", str(seed), *([] if validate else ["--no-validate"])]
        self._command += [
            part
            for name, share in (fault_rates or {}).items()
            for part in ("--fault", f"{name}={share}")
        ]
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the fake server did not start")
        self.url = json.loads(line)["url"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.terminate()
        self._process.wait(10)
        self._process.stdout.close()

    def control(self, **wanted: Any) -> dict[str, Any]:
        """Changes behaviour (see `FakeMistral._control`) and returns the totals."""
        request = urllib.request.Request(
            self.url.removesuffix("/v1") + "/control",
            data=json.dumps(wanted).encode(),
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def log(self) -> list[dict[str, Any]]:
        """Every request so far, in the order in which they were answered. A line that is being
        written is left for the next look."""
        written = self._log_file.read_text(encoding="utf-8") if self._log_file.exists() else ""
        return [
            json.loads(line) for line in written.splitlines(keepends=True) if line.endswith("\n")
        ]
