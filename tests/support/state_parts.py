"""Documents, calls, owners and processes for the tests of the state. Imported by the processes too,
so it imports little."""

import asyncio
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

from schemas.document import Document
from schemas.flow import BudgetSpec
from schemas.record import DocumentResult, Status
from schemas.usage import Usage
from tasks.ledger.connection.owners import Owner, this_process
from tasks.ledger.ledger import Ledger
from tasks.ledger.money.calls import Bound, CallBook, CallIntent, SettledCall, StoredAnswer

REPOSITORY = Path(__file__).resolve().parents[2]


def document(name: str = "invoice.pdf") -> Document:
    return Document(
        document_id=hashlib.sha256(name.encode()).hexdigest(),
        path=Path("/inbox") / name,
        media_type="application/pdf",
        size_bytes=1,
    )


def result_of(one: Document, status: Status = Status.DONE, **record: object) -> DocumentResult:
    return DocumentResult(
        path=str(one.path),
        document_id=one.document_id,
        status=status,
        pages=2,
        record=record or {"number": "A-1"},
    )


def dead_owner() -> Owner:
    """A process of this machine that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    me = this_process()
    return Owner(uuid4().hex, me.host, me.boot_id, me.pid_namespace, ended.pid, "1")


def owner_elsewhere() -> Owner:
    return Owner(uuid4().hex, "other-machine", "other-boot", "pid:[1]", 4242, "1")


def book(
    ledger: Ledger,
    *,
    run_id: str = "run-1",
    tokens: int | None = None,
    cost: int | None = None,
    warnings: list[str] | None = None,
    **options: object,
) -> CallBook:
    """A call book whose budget holds for all runs together; `cost` in whole dollars."""
    budget = options.pop(
        "budget", BudgetSpec(tokens=tokens, cost=cost, per="total") if tokens or cost else None
    )
    limits = {"max_tokens": None, "max_cost_nano": None, **options}
    said = [] if warnings is None else warnings
    return CallBook(
        ledger, flow="invoices", run_id=run_id, budget=budget, on_warning=said.append, **limits
    )


def intent(tokens: int, key: str | None = None, cost_nano: int | None = 0) -> CallIntent:
    return CallIntent(
        document().document_id,
        (1,),
        "extract",
        1,
        "vision",
        "mistral",
        "pixtral-large-2411",
        key,
        Bound(tokens, cost_nano),
    )


def answered(tokens: int, *, text: str | None = None, cost_nano: int | None = 0) -> SettledCall:
    answer = None if text is None else StoredAnswer(text, "stop", "pixtral-large-2411", tokens, 0)
    return SettledCall(
        Usage(requests=1, prompt_tokens=tokens, cost_nano=cost_nano), "ok", 200, 0.3, 0, answer
    )


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
        sys.executable,
        "-c",
        script,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        cwd=REPOSITORY,
    )
