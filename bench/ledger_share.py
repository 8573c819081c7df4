"""What do the ledger, the answer cache and the budget cost? The same runs with them and without, in
turn, and the difference.

    python -m bench.ledger_share --runs 5
    python -m bench.ledger_share --runs 5 --pdf-folder invoices/

Without: claims, records, calls, reservations, answers, locks and outputs are kept in memory by
stand-ins, in the process that the bench starts, so that everything else is the same code. Loading
SQLAlchemy (once a process) is measured apart, because the run without loads it too. Prints the best
wall and CPU of both (a busy machine only ever adds), and what is more with the ledger as a share.
"""
# ruff: noqa: ARG002, ARG003 - stand-ins have the signatures of what they stand for

import argparse
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

from bench.process_tree import Measured, measure
from bench.throughput import LATENCY_SECONDS, make_project
from tests.support.fake_mistral.process import FakeMistralProcess

ROOT = Path(__file__).resolve().parents[1]


class NoBook:
    """A CallBook that remembers nothing: every question is new, and there is room for every
    call."""

    def __init__(self, *_: object, **__: object) -> None:
        self._numbers = itertools.count()

    async def answer(self, key: str) -> None: ...

    @asynccontextmanager
    async def sole(self, key: str) -> AsyncIterator[None]:
        yield None

    async def reserve(self, intent: object) -> int:
        return next(self._numbers)

    async def mark_sent(self, call_id: int) -> None: ...
    async def settle(self, call_id: int, settled: object) -> None: ...
    async def release(self, call_id: int) -> None: ...
    async def resolution(self, endpoint: str, role: str) -> None: ...
    async def keep_resolution(self, endpoint: str, role: str, model: str) -> None: ...

    def __getattr__(self, name: str) -> Any:
        """Whether something is limited, for one."""
        return False


class NoLedger:
    """A Ledger that gives every document to this run and forgets it."""

    @classmethod
    async def open(cls, url: str | None, folder: Path) -> Self:
        return cls()

    async def start_run(self, flow: str, run_id: str) -> str:
        return run_id

    async def claim(
        self, flow: str, document: Any, definition_hash: str, run_id: str, **_: object
    ) -> Any:
        from tasks.ledger.documents.claims import Claimed

        return Claimed(flow, document.document_id, definition_hash, run_id, "")

    async def finish(self, *_: object) -> bool:
        return True

    async def finish_run(self, run_id: str, summary: object) -> None: ...
    async def remove_old_answers(self, flow: str, keep_days: int | None) -> None: ...
    async def close(self) -> None: ...


class NoOutputs:
    places = ()

    @classmethod
    def of(cls, *_: object) -> Self:
        return cls()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...
    async def add(self, *_: object) -> None: ...
    def listing(self, *_: object) -> None: ...


def run_without(words: list[str]) -> None:
    """`docmill WORDS` in this process, with the stand-ins."""
    from pipelines import cli
    from pipelines.running import run

    # that is the bench
    run.CallBook, run.Ledger, run.OutputViews = NoBook, NoLedger, NoOutputs  # type: ignore[misc,assignment]
    sys.argv = ["docmill", *words]
    cli.main()


def one_run(project: Path, url: str, *, ledger: bool) -> Measured:
    shutil.rmtree(project / ".docmill", ignore_errors=True)
    words = ["run", "pages", "inbox", "--no-prefect", "--json"]
    program = (
        ["-m", "pipelines.cli", *words]
        if ledger
        else ["-m", "bench.ledger_share", "--without", *words]
    )
    environment = {
        **os.environ,
        "MISTRAL_BASE_URL": url,
        "MISTRAL_API_KEY": "bench-key",
        "PYTHONPATH": str(ROOT),
    }
    measured = measure([sys.executable, *program], env=environment, cwd=project)
    if measured.exit_code:
        raise SystemExit(measured.output[-2000:])
    return measured


def import_seconds() -> float:
    """Loading what the ledger needs beyond what a run loads anyway."""
    code = (
        "import time, asyncio, pydantic; begun = time.perf_counter(); import sqlalchemy, "
        "sqlite3; print(time.perf_counter() - begun)"
    )
    return statistics.median(
        float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5)
    )


def compare(title: str, project: Path, url: str, runs: int) -> None:
    taken: dict[bool, list[Measured]] = {True: [], False: []}
    for number in range(runs):
        for ledger in (
            (True, False) if number % 2 else (False, True)
        ):  # in turn, so that a busy machine is unfair to neither
            taken[ledger].append(one_run(project, url, ledger=ledger))
    wall, cpu = (
        SimpleNamespace(
            **{
                side: min(getattr(one, name) for one in taken[side == "there"])
                for side in ("there", "gone")
            }
        )
        for name in ("wall_seconds", "cpu_seconds")
    )
    share = (wall.there - wall.gone) / wall.there
    print(
        f"{title:<24} with {wall.there:5.2f} s (CPU {cpu.there:5.2f})   without "
        f"{wall.gone:5.2f} s (CPU {cpu.gone:5.2f})   "
        f"ledger, cache and budget: {share:6.1%} of wall"
    )


def main() -> None:
    if sys.argv[1:2] == ["--without"]:
        run_without(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--pdf-folder", type=Path)
    options = parser.parse_args()
    print(
        f"loading SQLAlchemy and sqlite3: {import_seconds():.2f} s, once a process (in "
        "both columns below)"
    )
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        with FakeMistralProcess(
            root / "server.jsonl", latency=LATENCY_SECONDS, validate=False
        ) as server:
            for title, count in (("100 documents", 100), ("one 500-page PDF", 1)):
                project, _ = make_project(root, title, count, options.pdf_folder)
                compare(title, project, server.url, options.runs)


if __name__ == "__main__":
    main()
