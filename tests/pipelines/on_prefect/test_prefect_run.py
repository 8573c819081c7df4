"""A run through Prefect: the same records as a direct run, names and counts on the server, nothing
of the documents."""

import contextlib
import csv
import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.support.prefect_server import PrefectApi
from tests.support.projects import EXAMPLES, Project

pytestmark = pytest.mark.xdist_group("prefect")

CUSTOM_STEP = '''\
async def break_on_words(draft, services):
    """Fails with a message that quotes the document, as a careless step does."""
    raise ValueError("the supplier is Very Secret Supplier GmbH")
'''


@pytest.fixture
def connected(project: Project, prefect_api: PrefectApi) -> Project:
    project.env |= {
        "PREFECT_API_URL": prefect_api.url,
        "PREFECT_HOME": prefect_api.environment["PREFECT_HOME"],
        "DO_NOT_TRACK": "1",
    }
    return project


def flow_run_of(prefect_api: PrefectApi, flow: str) -> dict[str, Any]:
    runs = prefect_api.post(
        "flow_runs/filter", flows={"name": {"any_": [flow]}}, sort="START_TIME_DESC", limit=1
    )
    assert runs, f"no flow run of {flow}"
    return runs[0]


def task_runs_of(
    prefect_api: PrefectApi, flow_run: dict[str, Any], count: int
) -> list[dict[str, Any]]:
    """Rows of task runs arrive late, so this waits for them."""
    for _ in range(100):
        runs = prefect_api.post("task_runs/filter", flow_runs={"id": {"any_": [flow_run["id"]]}})
        if len(runs) >= count and all(run["state_type"] in ("COMPLETED", "FAILED") for run in runs):
            break
        threading.Event().wait(0.1)
    return runs


def artifacts_of(prefect_api: PrefectApi, flow_run: dict[str, Any]) -> dict[str, Any]:
    found = prefect_api.post("artifacts/filter", flow_runs={"id": {"any_": [flow_run["id"]]}})
    return {artifact["key"]: artifact for artifact in found}


def state_of_project(project: Project, answer: dict[str, Any]) -> tuple[Any, ...]:
    """What a run leaves: answers, ledger rows and outputs, without ids and times of the run
    itself."""
    with contextlib.closing(sqlite3.connect(project.folder / ".docmill/ledger.db")) as ledger:
        rows = ledger.execute(
            "select flow, document_id, definition_hash, path, status, pages, confidence, "
            "error_code, result, attempts from documents order by 2"
        ).fetchall()
    lines = sorted((project.folder / "out/invoices.jsonl").read_text().splitlines())
    table = sorted(
        csv.DictReader((project.folder / "out/invoices.csv").read_text().splitlines()),
        key=lambda row: row["path"],
    )
    return (
        answer["documents"],
        answer["usage"],
        rows,
        lines,
        table,
    )  # rows and columns stand in the order in which documents were finished


def test_both_runners_leave_the_same_records_ledger_and_outputs(connected: Project) -> None:
    connected.write_flows()
    for name in ("coolblue.pdf", "free-fiber-two-pages.pdf", "lieferant-e-invoice.pdf"):
        shutil.copy(EXAMPLES / name, connected.inbox)
    (connected.inbox / "broken.pdf").write_bytes(b"%PDF-1.4\nbroken\n%%EOF\n")
    direct = state_of_project(
        connected, connected.run_json("invoices", "--local", "--no-prefect", exit_code=1)
    )
    shutil.rmtree(connected.folder / ".docmill")
    shutil.rmtree(connected.folder / "out")
    through_prefect = state_of_project(
        connected, connected.run_json("invoices", "--local", "--prefect", exit_code=1)
    )
    for part, other in zip(direct, through_prefect, strict=True):
        assert part == other


def test_server_shows_names_and_counts_and_nothing_of_the_documents(
    connected: Project, prefect_api: PrefectApi
) -> None:
    steps = (
        "      - einvoice: {}\n      - render: {}\n      - steps.py:break_on_words: {}\n      "
        "- write: {jsonl: out/x.jsonl}\n"
    )
    (connected.folder / "steps.py").write_text(CUSTOM_STEP)
    connected.write_flows(steps, flow="shown", more="fail_on: failed")
    shutil.copy(EXAMPLES / "lieferant-e-invoice.pdf", connected.inbox)
    done = connected.run("run", "shown", "--local")
    assert done.returncode == 1
    assert "Prefect flow run: http" in done.stderr
    flow_run = flow_run_of(prefect_api, "shown")
    assert flow_run["name"] == "shown"
    assert (flow_run["state_type"], flow_run["state"]["message"]) == (
        "FAILED",
        "1 document: 1 failed",
    )
    tasks = task_runs_of(prefect_api, flow_run, 3)
    assert {run["name"] for run in tasks} == {
        "einvoice lieferant-e-invoice.pdf",
        "render lieferant-e-invoice.pdf",
        "steps.py:break_on_words lieferant-e-invoice.pdf",
    }
    artifacts = artifacts_of(prefect_api, flow_run)
    row = json.loads(artifacts["shown-documents"]["data"])[0]
    assert (row["document"], row["status"], row["tokens"]) == (
        "lieferant-e-invoice.pdf",
        "failed",
        0,
    )
    assert "| failed | 1 |" in artifacts["shown-summary"]["data"]
    logs = prefect_api.post("logs/filter", logs={"flow_run_id": {"any_": [flow_run["id"]]}})
    everything = json.dumps([flow_run, tasks, artifacts, logs])
    for text in ("Very Secret Supplier", "Lieferant GmbH", "529.87", "471102"):
        assert text not in everything


@pytest.mark.slow
def test_failed_documents_do_not_fail_the_flow_run_unless_asked(
    connected: Project, prefect_api: PrefectApi
) -> None:
    connected.write_flows(
        "      - einvoice: {}\n      - render: {}\n      - write: {}\n", flow="lenient"
    )
    (connected.inbox / "broken.pdf").write_bytes(b"%PDF-1.4\nbroken\n%%EOF\n")
    assert connected.run("run", "lenient", "--local").returncode == 1
    assert flow_run_of(prefect_api, "lenient")["state_type"] == "COMPLETED"


def test_api_that_does_not_answer_is_said_at_once(project: Project) -> None:
    project.write_flows()
    project.env["PREFECT_API_URL"] = "http://127.0.0.1:9/api"
    done = project.run("run", "invoices", "--local", timeout=20)
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert "--no-prefect" in done.stderr


@pytest.mark.slow
def test_watch_makes_each_batch_a_flow_run(connected: Project, prefect_api: PrefectApi) -> None:
    from tests.pipelines.watching.test_watch_command import started

    connected.write_flows(
        "      - einvoice: {}\n      - write: {}\n",
        flow="watching",
        more="watch: {settle_seconds: 0.2}",
    )
    connected.inbox.mkdir(exist_ok=True)
    with started(connected, "watch", "watching", "--local") as watch:
        watch.until("watching /")
        shutil.copy(EXAMPLES / "lieferant-e-invoice.pdf", connected.inbox)
        watch.until("lieferant-e-invoice.pdf ->")
        assert watch.end() == 0
    flow_run = flow_run_of(prefect_api, "watching")
    assert (flow_run["state_type"], flow_run["name"]) == (
        "COMPLETED",
        "watching lieferant-e-invoice.pdf",
    )
    assert set(flow_run["tags"]) == {"docmill", "watch"}
    assert flow_run["idempotency_key"]


class Receiver:
    """A web address that keeps what is posted to it."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        got = self.got

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook/secret-part"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    it = Receiver()
    thread = threading.Thread(target=it.server.serve_forever)
    thread.start()
    yield it
    it.server.shutdown()
    it.server.server_close()
    thread.join()


def test_notice_is_posted_once_when_a_run_needs_a_person(
    project: Project, receiver: Receiver
) -> None:
    project.write_flows(
        "      - einvoice: {}\n      - render: {}\n      - write: {}\n",
        more="notify: {webhook_env: HOOK_URL}",
    )
    project.env["HOOK_URL"] = receiver.url
    shutil.copy(EXAMPLES / "lieferant-e-invoice.pdf", project.inbox)
    assert project.run("run", "invoices", "--local").returncode == 0
    assert receiver.got == []
    (project.inbox / "broken.pdf").write_bytes(b"%PDF-1.4\nbroken\n%%EOF\n")
    done = project.run("run", "invoices", "--local")
    assert len(receiver.got) == 1
    assert receiver.got[0]["documents"]["failed"] == 1
    assert receiver.got[0]["text"] == "docmill invoices: 1 failed, 1 skipped."
    assert "secret-part" not in done.stderr + done.stdout + "".join(
        path.read_text() for path in (project.folder / ".docmill/logs").iterdir()
    )
