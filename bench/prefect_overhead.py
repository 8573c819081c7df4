"""What does Prefect cost? 200 documents against a local server with 300 ms latency: directly,
through Prefect, and over workers.

    python bench/prefect_overhead.py [--documents 200] [--workers 1 2]

Prints the time from the start of the command to the last record, and the promise: direct + 5 s + 30
ms for each task run.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.documents import make_pdf
from tests.support.fake_mistral.process import FakeMistralProcess
from tests.support.prefect_server import PrefectApi, prefect_server
from tests.support.prefect_worker import Worker
from tests.support.projects import Project

LATENCY_SECONDS = 0.3
STEPS = """\
      - render: {}
      - extract: {model: vision}
      - write: {jsonl: out/records.jsonl}
"""
TASKS_OF_A_DOCUMENT = 3
AT_ONE_TIME = "concurrency: {documents: 32, pages: 32}\n"
SCALED = """\
scale: {batch: 50, deployment: batch}
deployments:
  - {name: all, work_pool: bench}
  - {name: batch, work_pool: bench}
"""


def new_project(folder: Path, documents: int, url: str) -> Project:
    project = Project(folder, env={"MISTRAL_BASE_URL": url, "MISTRAL_API_KEY": "bench"})
    folder.mkdir()
    write_flows(project)
    for number in range(documents):
        with make_pdf(1, project.inbox / f"{number:04}.pdf").open("ab") as file:
            file.write(b"\n%% %d" % number)
    return project


def write_flows(project: Project, more: str = "") -> None:
    project.write_flows(
        STEPS, flow="bench", more=AT_ONE_TIME + more, top="models: {vision: [mistral-medium-3-5]}\n"
    )


def count_records(project: Project) -> int:
    file = project.folder / "out/records.jsonl"
    return len(file.read_text().splitlines()) if file.exists() else 0


def start_again(project: Project) -> None:
    for name in (".docmill", "out"):
        shutil.rmtree(project.folder / name, ignore_errors=True)


def run_here(project: Project, *words: str) -> float:
    start_again(project)
    started = time.monotonic()
    done = project.run("run", "bench", *words, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return time.monotonic() - started


def drain(api: PrefectApi) -> None:
    """Wait until the server has digested the task runs of the measurement before: it lags behind
    its clients."""
    seen, still_since = -1, time.monotonic()
    while time.monotonic() - still_since < 4:
        if (
            count := api.post(
                "task_runs/count", task_runs={"state": {"type": {"any_": ["COMPLETED"]}}}
            )
        ) != seen:
            seen, still_since = count, time.monotonic()
        time.sleep(0.5)


def run_on_workers(project: Project, api: PrefectApi, count: int, documents: int) -> float:
    """From creating the flow run to the last record: workers are up and idle, as they are in the
    morning."""
    start_again(project)
    workers = [
        Worker(api, "bench", f"w{number}", project.folder / f"worker-{number}.log", **project.env)
        for number in range(count)
    ]
    for worker in workers:
        worker.__enter__()
    try:
        while not all("started!" in worker.said() for worker in workers):
            time.sleep(0.2)
        time.sleep(2)
        deployment = api.deployment("bench/all")
        started = time.monotonic()
        api.post(f"deployments/{deployment['id']}/create_flow_run")
        while count_records(project) < documents:
            assert time.monotonic() - started < 300, workers[0].said()[-3000:]
            time.sleep(0.1)
        took = time.monotonic() - started
        still_going = {"state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING"]}}}
        while api.post("flow_runs/count", flow_runs=still_going):
            time.sleep(0.5)
        return took
    finally:
        for worker in workers:
            worker.__exit__()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "prefect-home"
        home.mkdir()
        with (
            FakeMistralProcess(Path(place) / "log.jsonl", latency=LATENCY_SECONDS) as mistral,
            prefect_server(home) as api,
        ):
            project = new_project(Path(place) / "project", wanted.documents, mistral.url)
            direct = run_here(project, "--no-prefect")
            tell("direct", direct)
            tell("allowed with Prefect", direct + 5 + 0.03 * TASKS_OF_A_DOCUMENT * wanted.documents)
            project.env |= {
                name: value
                for name, value in api.environment.items()
                if name.startswith("PREFECT_")
            }
            tell("Prefect, in this process", run_here(project, "--prefect"))
            api.create_pool("bench")
            write_flows(project, SCALED)
            assert project.run("deploy").returncode == 0
            for count in wanted.workers:
                drain(api)
                tell(
                    f"Prefect, {count} worker(s)",
                    run_on_workers(project, api, count, wanted.documents),
                )


def tell(name: str, seconds: float) -> None:
    print(f"{name:<26} {seconds:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
