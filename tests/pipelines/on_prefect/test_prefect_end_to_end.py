"""Everything at once, as a platform team runs it: server, work pool, workers, `docmill deploy`,
`prefect deployment run`."""

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy

from pipelines.on_prefect.deployments.dead_runs import mark_dead_runs
from tests.pipelines.on_prefect.test_prefect_run import artifacts_of, flow_run_of, task_runs_of
from tests.pipelines.watching.test_watch_command import started
from tests.support.documents import make_pdf
from tests.support.fake_mistral.process import FakeMistralProcess
from tests.support.prefect_server import PrefectApi, prefect_server
from tests.support.prefect_worker import Worker
from tests.support.projects import EXAMPLES, Project

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("prefect")]

DOCUMENTS = 200
POSTGRES = "postgresql+psycopg://postgres@127.0.0.1:5432"


def prefect(api: PrefectApi, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "prefect", *words]
    return subprocess.run(
        command, env=api.environment, capture_output=True, text=True, timeout=timeout, check=False
    )


def until_ended(api: PrefectApi, flow: str, seconds: float) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while (run := flow_run_of(api, flow))["state_type"] not in (
        "COMPLETED",
        "FAILED",
        "CRASHED",
        "CANCELLED",
    ):
        assert time.monotonic() < end, f"{run['name']} is still {run['state_name']}"
        time.sleep(0.5)
    return run


def test_deployed_flow_runs_on_a_worker(project: Project, prefect_api: PrefectApi) -> None:
    project.env |= {
        name: value
        for name, value in prefect_api.environment.items()
        if name.startswith("PREFECT_")
    }
    prefect_api.create_pool("end-to-end")
    steps = "      - einvoice: {}\n      - render: {}\n      - write: {jsonl: out/x.jsonl}\n"
    project.write_flows(
        steps,
        flow="end_to_end",
        more="deployments: [{name: nightly, work_pool: end-to-end, tags: [night]}]",
    )
    (project.folder / "schemas").mkdir()  # a project's own folder must not hide ours in a worker
    (project.folder / "schemas/__init__.py").write_text("raise ImportError('the wrong package')\n")
    shutil.copy(EXAMPLES / "lieferant-e-invoice.pdf", project.inbox)
    shutil.copy(EXAMPLES / "coolblue.pdf", project.folder / "elsewhere.pdf")
    assert project.run("deploy", "--local").returncode == 0
    with Worker(prefect_api, "end-to-end", "one", project.folder / "worker.log") as worker:
        assert (
            "bogus"
            in prefect(
                prefect_api, "deployment", "run", "end_to_end/nightly", "--param", "bogus=1"
            ).stdout
        )
        done = prefect(prefect_api, "deployment", "run", "end_to_end/nightly", "--watch")
        assert done.returncode == 0, done.stdout + worker.said()
        run = until_ended(prefect_api, "end_to_end", 90)
        assert (run["state_name"], run["state"]["message"]) == ("Completed", "1 document: 1 done")
        assert set(run["tags"]) == {"docmill", "night"}
        done = prefect(
            prefect_api,
            "deployment",
            "run",
            "end_to_end/nightly",
            "--param",
            'paths=["elsewhere.pdf"]',
            "--watch",
        )
        assert done.returncode == 0, done.stdout + worker.said()
    records = [
        json.loads(line) for line in (project.folder / "out/x.jsonl").read_text().splitlines()
    ]
    assert sorted(Path(record["path"]).name for record in records) == [
        "elsewhere.pdf",
        "lieferant-e-invoice.pdf",
    ]
    second = flow_run_of(prefect_api, "end_to_end")
    assert second["name"] == "end_to_end elsewhere.pdf"
    assert {task["name"] for task in task_runs_of(prefect_api, second, 2)} == {
        "einvoice elsewhere.pdf",
        "render elsewhere.pdf",
    }
    row = json.loads(artifacts_of(prefect_api, second)["end-to-end-documents"]["data"])[0]
    assert (row["document"], row["status"], row["pages"], row["tokens"]) == (
        "elsewhere.pdf",
        "done",
        1,
        0,
    )


def test_serve_runs_deployments_without_a_work_pool(
    project: Project, prefect_api: PrefectApi
) -> None:
    project.env |= {
        name: value
        for name, value in prefect_api.environment.items()
        if name.startswith("PREFECT_")
    }
    deployments = (
        "deployments:\n  - {name: here, overlap: {limit: 1, on_collision: wait}}\n  - {name: "
        "elsewhere, work_pool: another}\n"
    )
    project.write_flows(
        "      - einvoice: {}\n      - write: {jsonl: out/x.jsonl}\n",
        flow="served",
        more=deployments,
    )
    shutil.copy(EXAMPLES / "lieferant-e-invoice.pdf", project.inbox)
    with started(project, "serve", "--local", "--health-port", "0") as serve:
        serve.until("health:")
        end = time.monotonic() + 60
        while prefect_api.deployment("served/here") is None:
            assert time.monotonic() < end, serve.said()
            time.sleep(0.2)
        assert prefect_api.deployment("served/elsewhere") is None, (
            "what a work pool runs is left to `docmill deploy`"
        )
        done = prefect(prefect_api, "deployment", "run", "served/here", "--watch")
        assert done.returncode == 0, done.stdout + serve.said()
        assert serve.health().json() == {"ok": True, "watches": [], "schedules": "served"}
        assert serve.end() == 0
    assert flow_run_of(prefect_api, "served")["state"]["message"] == "1 document: 1 done"
    prefect_api.create_pool("another")
    said = project.run("deploy", "--local", "--dry-run").stdout
    assert "served/here" in said
    assert "unchanged" in said.splitlines()[0], f"serve registers exactly what deploy would: {said}"


async def test_run_without_heartbeats_is_marked_crashed(
    prefect_api: PrefectApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    for automation in prefect_api.post("automations/filter"):
        prefect_api.delete(f"automations/{automation['id']}")
    monkeypatch.setenv("PREFECT_API_URL", prefect_api.url)
    with temporary_settings({PREFECT_API_URL: prefect_api.url}):
        assert await mark_dead_runs(silent_seconds=10) == "created"
    ours, theirs = (running_flow_run(prefect_api, tag) for tag in ("docmill", "somebody-else"))
    end = time.monotonic() + 60
    while (state := prefect_api.get(f"flow_runs/{ours}")["state"])["name"] == "Running":
        assert time.monotonic() < end
        await asyncio.sleep(1)
    assert (state["name"], state["message"]) == (
        "Crashed",
        "No heartbeat: the machine or process that ran it is gone.",
    )
    assert prefect_api.get(f"flow_runs/{theirs}")["state"]["name"] == "Running"


def running_flow_run(api: PrefectApi, tag: str) -> str:
    """A flow run that has sent one heartbeat, and sends no more."""
    flow = api.post("flows/", name="silent")
    run = api.post("flow_runs/", flow_id=flow["id"], tags=[tag], state={"type": "RUNNING"})
    event = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "prefect.flow-run.heartbeat",
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run['id']}"},
        "related": [{"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{tag}"}],
        "payload": {},
    }
    httpx.post(f"{api.url}/events", json=[event], timeout=30).raise_for_status()
    return run["id"]


def postgres_is_there() -> bool:
    try:
        engine = sqlalchemy.create_engine(
            f"{POSTGRES}/postgres", connect_args={"connect_timeout": 3}
        )
        with engine.connect():
            return True
    except (sqlalchemy.exc.OperationalError, ModuleNotFoundError):
        return False
    finally:
        if "engine" in locals():
            engine.dispose()


@pytest.fixture
def databases() -> Iterator[tuple[str, str]]:
    """Two fresh databases on PostgreSQL: for the Prefect server and for the ledger."""
    if not postgres_is_there():
        pytest.skip("no PostgreSQL on 127.0.0.1:5432 that trusts user postgres")
    names = (f"docmill_prefect_{uuid4().hex[:8]}", f"docmill_ledger_{uuid4().hex[:8]}")
    admin = sqlalchemy.create_engine(f"{POSTGRES}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for name in names:
            connection.exec_driver_sql(f"create database {name}")
    yield names
    with admin.connect() as connection:
        for name in names:
            connection.exec_driver_sql(f"drop database if exists {name} with (force)")
    admin.dispose()


STEPS = """\
      - render: {}
      - extract: {model: vision, max_tokens: 200}
      - summarise:
          model: text
          max_tokens: 300
          fields: {number: string, total: {type: decimal, optional: true}}
      - write: {jsonl: out/records.jsonl}
"""
SCALED = """\
budget: {tokens: 3000000, per: run}
concurrency: {documents: 2, pages: 4}
scale: {batch: 25, deployment: batch}
deployments:
  - {name: all, work_pool: scaled}
  - {name: batch, work_pool: scaled}
"""


def test_worker_killed_half_way_loses_and_repeats_nothing(
    project: Project, databases: tuple[str, str], tmp_path: Path
) -> None:
    """200 documents, two workers, server and ledger on PostgreSQL, SIGKILL for one worker and its
    flow runs half way."""
    prefect_database, ledger_database = databases
    for number in range(DOCUMENTS):
        make_numbered(project.inbox / f"{number:03}.pdf", number)
    project.write_flows(
        STEPS,
        flow="scaled",
        more=SCALED,
        top="models: {vision: [mistral-medium-3-5], text: [mistral-large-2512]}\n",
    )
    home = tmp_path / "prefect-home"
    home.mkdir()
    url = f"postgresql+asyncpg://postgres@127.0.0.1:5432/{prefect_database}"
    ledger_url = f"postgresql://postgres@127.0.0.1:5432/{ledger_database}"
    with (
        FakeMistralProcess(tmp_path / "requests.jsonl", latency=0.3) as mistral,
        prefect_server(home, PREFECT_SERVER_DATABASE_CONNECTION_URL=url) as api,
    ):
        secrets = {
            "MISTRAL_BASE_URL": mistral.url,
            "MISTRAL_API_KEY": "test-key-7f3a",
            "DOCMILL_STATE": ledger_url,
        }
        api.create_pool("scaled")
        project.env |= {
            name: value for name, value in api.environment.items() if name.startswith("PREFECT_")
        } | secrets
        deployed = project.run("deploy")
        assert deployed.returncode == 0, deployed.stderr
        ledger = sqlalchemy.create_engine(f"{POSTGRES}/{ledger_database}")
        logs = [project.folder / f"worker-{number}.log" for number in (1, 2)]
        with (
            Worker(api, "scaled", "one", logs[0], limit=3, **secrets) as first,
            Worker(api, "scaled", "two", logs[1], limit=3, **secrets) as second,
        ):
            assert (
                prefect(
                    api,
                    "deployment",
                    "run",
                    "scaled/batch",
                    "--param",
                    'paths=["inbox/000.pdf"]',
                    "--watch",
                ).returncode
                == 0
            )
            assert prefect(api, "deployment", "run", "scaled/all").returncode == 0
            half_way = until_finished(ledger, DOCUMENTS // 2, 240)
            parent_is_with_first = "batches for scaled/batch" in first.said()
            (second if parent_is_with_first else first).kill()
            run = parent_run(api)
            while run["state_type"] not in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
                assert time.monotonic() < half_way + 400, (
                    first.said()[-3000:] + second.said()[-3000:]
                )
                time.sleep(1)
                run = parent_run(api)
            said = first.said() + second.said()
        assert run["state_name"] == "Completed", run["state"]["message"] + said[-3000:]
        assert "handed out again" in said
        check_the_ledger(ledger, mistral)
        ledger.dispose()
    records = [
        json.loads(line) for line in (project.folder / "out/records.jsonl").read_text().splitlines()
    ]
    assert len({record["document_id"] for record in records}) == len(records) == DOCUMENTS
    assert all("Executing" in log.read_text() or "Flow run" in log.read_text() for log in logs), (
        "both workers were used"
    )


def make_numbered(path: Path, number: int) -> None:
    make_pdf(1, path)
    with path.open("ab") as file:
        file.write(b"\n%% %d" % number)


def parent_run(api: PrefectApi) -> dict[str, Any]:
    runs = api.post(
        "flow_runs/filter",
        flow_runs={"name": {"any_": ["scaled"]}},
        sort="START_TIME_DESC",
        limit=1,
    )
    return runs[0]


def until_finished(ledger: sqlalchemy.Engine, count: int, seconds: float) -> float:
    end = time.monotonic() + seconds
    while True:
        with ledger.connect() as connection:
            finished = connection.exec_driver_sql(
                "select count(*) from documents where status in ('done', 'needs_review')"
            ).scalar_one()
        if finished >= count:
            return time.monotonic()
        assert time.monotonic() < end, f"only {finished} documents in {seconds} s"
        time.sleep(0.3)


def check_the_ledger(ledger: sqlalchemy.Engine, mistral: FakeMistralProcess) -> None:
    with ledger.connect() as connection:
        statuses = Counter(connection.exec_driver_sql("select status from documents").scalars())
        errors = set(
            connection.exec_driver_sql(
                "select error_code, error_message from documents where error_code is not null"
            ).all()
        )
        claims = connection.exec_driver_sql(
            "select count(*) from documents where claim_owner is not null"
        ).scalar_one()
        charged = connection.exec_driver_sql(
            "select coalesce(sum(tokens), 0) from calls"
        ).scalar_one()
        at_bound = connection.exec_driver_sql(
            "select count(*) from calls where outcome <> 'ok'"
        ).scalar_one()
        answers = connection.exec_driver_sql("select count(*) from answers").scalar_one()
    assert sum(statuses[status] for status in ("done", "needs_review")) == DOCUMENTS, (
        statuses,
        errors,
    )
    assert claims == 0
    answered = [entry for entry in mistral.log() if entry["status"] == 200]
    counted = sum(entry["prompt_tokens"] + entry["completion_tokens"] for entry in answered)
    assert counted <= charged <= 3_000_000
    assert answers == 2 * DOCUMENTS
    assert len(answered) - answers <= at_bound, (
        "only requests in flight at the kill were sent again, and each was charged"
    )
