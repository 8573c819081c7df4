"""Ledgers, documents and processes for the tests of the state: every backend that is there, and owners that are alive or dead."""

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from schemas.document import Document
from schemas.flow import BudgetSpec
from schemas.record import DocumentResult, Status
from schemas.usage import Usage
from tasks.state.calls import Bound, CallBook, CallIntent, SettledCall, StoredAnswer
from tasks.state.ledger import Ledger
from tasks.state.owners import Owner

POSTGRES = os.environ.get("DOCMILL_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
REPOSITORY = Path(__file__).resolve().parents[1]


def _postgres_is_missing() -> str:
    try:
        engine = create_engine(POSTGRES.replace("postgresql://", "postgresql+psycopg://"), connect_args={"connect_timeout": 2})
        with engine.connect():
            pass
        engine.dispose()
    except (OperationalError, ImportError) as exc:
        return f"no PostgreSQL at 127.0.0.1:5432 with a database `test` ({type(exc).__name__})"
    return ""


_missing = _postgres_is_missing()
BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.skipif(bool(_missing), reason=_missing or "there"))]
every_backend = pytest.mark.parametrize("backend", BACKENDS)


@contextmanager
def state_url(backend: str) -> Iterator[str | None]:
    """A database of one's own: None is SQLite in the project folder; PostgreSQL gets a schema that is dropped afterwards."""
    if backend == "sqlite":
        yield None
        return
    schema = f"docmill_test_{uuid4().hex[:12]}"
    engine = create_engine(POSTGRES.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    try:
        yield f"{POSTGRES}?options=-csearch_path%3D{schema}"
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()


@asynccontextmanager
async def open_ledger(backend: str, folder: Path) -> AsyncIterator[Ledger]:
    with state_url(backend) as url:
        async with await Ledger.open(url, folder) as ledger:
            yield ledger


def document(name: str = "invoice.pdf") -> Document:
    return Document(document_id=hashlib.sha256(name.encode()).hexdigest(), path=Path("/inbox") / name, media_type="application/pdf", size_bytes=1)


def result_of(one: Document, status: Status = Status.DONE, **record: object) -> DocumentResult:
    return DocumentResult(path=str(one.path), document_id=one.document_id, status=status, pages=2, record=record or {"number": "A-1"})


def dead_owner() -> Owner:
    """A process of this machine that has ended."""
    from tasks.state.owners import this_process

    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    me = this_process()
    return Owner(uuid4().hex, me.host, me.boot_id, me.pid_namespace, ended.pid, "1")


def owner_elsewhere() -> Owner:
    return Owner(uuid4().hex, "other-machine", "other-boot", "pid:[1]", 4242, "1")


def book(ledger: Ledger, *, run_id: str = "run-1", tokens: int | None = None, cost: int | None = None, warnings: list[str] | None = None, **options: object) -> CallBook:
    """A call book whose budget holds for all runs together; `cost` in whole dollars."""
    budget = options.pop("budget", BudgetSpec(tokens=tokens, cost=cost, per="total") if tokens or cost else None)
    limits = {"max_tokens": None, "max_cost_nano": None, **options}
    said = [] if warnings is None else warnings
    return CallBook(ledger, flow="invoices", run_id=run_id, budget=budget, on_warning=said.append, **limits)


def intent(tokens: int, key: str | None = None, cost_nano: int | None = 0) -> CallIntent:
    return CallIntent(document().document_id, (1,), "extract", 1, "vision", "mistral", "pixtral-large-2411", key, Bound(tokens, cost_nano))


def answered(tokens: int, *, text: str | None = None, cost_nano: int | None = 0) -> SettledCall:
    answer = None if text is None else StoredAnswer(text, "stop", "pixtral-large-2411", tokens, 0)
    return SettledCall(Usage(requests=1, prompt_tokens=tokens, cost_nano=cost_nano), "ok", 200, 0.3, 0, answer)


LOST = SettledCall(None, "lost")


async def buy(calls: CallBook, bound: int, used: int | None = None) -> None:
    """One call from reservation to settlement; `used` None: its answer is lost."""
    call_id = await calls.reserve(intent(bound))
    await calls.mark_sent(call_id)
    await calls.settle(call_id, LOST if used is None else answered(used))


async def start_script(script: str, *arguments: str) -> asyncio.subprocess.Process:
    """A process that runs `script` with the repository's packages."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, *arguments, stdout=asyncio.subprocess.PIPE, env=environment, cwd=REPOSITORY
    )
