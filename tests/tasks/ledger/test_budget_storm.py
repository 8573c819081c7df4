"""The whole program under storm and kill: real processes, a real HTTP server with faults, one
ledger."""

import json
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select

from tasks.ledger.connection import tables
from tasks.ledger.read_only import ReadOnlyLedger
from tests.support.documents import make_pdf, write_pdf
from tests.support.fake_mistral.process import FakeMistralProcess
from tests.support.projects import Project
from tests.support.state_backends import every_backend, state_url

pytestmark = pytest.mark.slow

STEPS = """\
      - render: {}
      - extract: {model: vision, max_tokens: 300}
      - write: {jsonl: out/pages.jsonl}
"""
MODELS = "models: {vision: [pixtral-large-2411]}\n"
LOSING = ("reset_before", "reset_after", "reset_mid", "truncated", "no_usage")
HARMLESS = ("429_fraction", "429_bare", "500", "503", "502_html")
KILLS = 30
PAGES_AT_ONCE = 4


def calls_of(url: str | None, project: Project) -> Sequence[Row[Any]]:
    with ReadOnlyLedger(url, project.folder) as ledger:
        return (
            ledger.read(
                lambda c: c.execute(select(tables.calls).order_by(tables.calls.c.call_id)).all()
            )
            or []
        )


def start(project: Project, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        project.command("run", *words, "--json"),
        cwd=project.folder,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def invoices(folder: Path, count: int) -> None:
    for number in range(count):
        lines = (
            f"BT /F1 12 Tf 72 700 Td (Invoice INV-{number:05}) Tj 0 -20 Td (Total {number}.50 "
            "EUR) Tj ET"
        )
        write_pdf(folder / f"{number:03}.pdf", [lines.encode()])


@every_backend
@pytest.mark.parametrize(
    ("faults", "really_used"),
    [(HARMLESS, 0.97), ((*HARMLESS, *LOSING), 0.80)],
    ids=["answers kept", "answers lost"],
)
def test_four_processes_under_faults_hold_the_budget_and_use_it(
    project, tmp_path, backend, faults, really_used
) -> None:
    """400 documents, 20 % faults, a budget for about half of them."""
    budget = 400_000
    rates = dict.fromkeys(faults, 0.2 / len(faults))
    with (
        FakeMistralProcess(tmp_path / "requests.jsonl", fault_rates=rates, latency=0.02) as server,
        state_url(backend) as url,
    ):
        project.env |= {"MISTRAL_BASE_URL": server.url, "MISTRAL_API_KEY": "test-key"} | (
            {"DOCMILL_STATE": url} if url else {}
        )
        limits = (
            f"budget: {{tokens: {budget}, per: day, on_exceeded: defer}}\nretry: "
            f"{{attempts: 6, max_wait_seconds: 0.2}}\n"
        )
        project.write_flows(
            STEPS, top=MODELS, more=limits + "concurrency: {documents: 8, pages: 8}\n"
        )
        invoices(project.inbox, 400)
        running = [start(project, "invoices") for _ in range(4)]
        told = [json.loads(process.communicate(timeout=240)[0]) for process in running]
        billed = sum(entry["prompt_tokens"] + entry["completion_tokens"] for entry in server.log())
        spent = sum(row.tokens for row in calls_of(url, project))
        with ReadOnlyLedger(url, project.folder) as ledger:
            statuses = Counter(
                ledger.read(lambda c: list(c.execute(select(tables.documents.c.status)).scalars()))
                or []
            )
    assert [process.returncode for process in running] == [0, 0, 0, 0]
    assert billed <= spent <= budget
    assert billed >= really_used * budget
    assert set(statuses) == {"done", "deferred"}
    assert statuses.total() == 400
    in_output = [
        json.loads(line)["document_id"]
        for line in (project.folder / "out" / "pages.jsonl").read_text().splitlines()
    ]
    assert len(in_output) == len(set(in_output)) == statuses["done"]
    assert all(len(answer["documents"]) == 400 for answer in told)


def test_nothing_received_is_bought_again_after_30_kills(project, tmp_path) -> None:
    """Each run of 60 pages is killed in the middle of its requests; the last one completes."""
    dice = random.Random(7)
    with FakeMistralProcess(tmp_path / "requests.jsonl", latency=0.05) as server:
        project.env |= {"MISTRAL_BASE_URL": server.url, "MISTRAL_API_KEY": "test-key"}
        project.write_flows(
            STEPS, top=MODELS, more=f"concurrency: {{documents: 1, pages: {PAGES_AT_ONCE}}}\n"
        )
        make_pdf(60, project.inbox / "long.pdf")
        for _ in range(KILLS):
            seen = len(server.log())
            process = start(project, "invoices")
            while len(server.log()) == seen and process.poll() is None:
                time.sleep(0.002)
            time.sleep(dice.uniform(0, 0.06))
            process.send_signal(signal.SIGKILL)
            with closing(process.stdout):
                process.wait()
        # a dead process of this machine is not waited for: its lease would last 60 s
        (answer,) = project.run_json("invoices", timeout=50)["documents"]
        sent = server.log()
    assert (answer["status"], answer["pages"]) in {("done", 60), ("skipped", 60)}
    outcomes: dict[str, list[str]] = {}
    for row in calls_of(None, project):
        outcomes.setdefault(row.page_numbers, []).append(row.outcome)
    assert len(outcomes) == 60
    for of_page in outcomes.values():
        assert of_page[-1] == "ok"
        assert set(of_page[:-1]) <= {
            "owner_died"
        }  # in flight at a kill: charged, and bought again; never after an answer was kept
    charged = sum(row.tokens for row in calls_of(None, project))
    assert sum(entry["prompt_tokens"] + entry["completion_tokens"] for entry in sent) <= charged
    repeated = Counter(entry["sha"] for entry in sent)
    assert len(repeated) == 60
    assert repeated.total() - 60 <= KILLS * PAGES_AT_ONCE
