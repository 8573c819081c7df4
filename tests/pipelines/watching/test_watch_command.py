"""`docmill watch` and `docmill serve` as a user runs them: real processes, the offline engine,
signals."""

import contextlib
import json
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.documents import write_pdf
from tests.support.projects import EXAMPLES, Project

STEPS = "      - einvoice: {}\n      - render: {}\n      - write: {jsonl: out/records.jsonl}\n"


class Running:
    """A started command whose lines on stderr can be waited for."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process, self.log = process, log

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def until(self, pattern: str, seconds: float = 30.0) -> re.Match[str]:
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.said())):
            assert time.monotonic() < end, (
                f"waited {seconds} s for {pattern!r}; it said {self.said()}"
            )
            assert self.process.poll() is None or re.search(pattern, self.said()), (
                f"it ended: {self.said()}"
            )
            time.sleep(0.02)
        return found

    def health(self) -> httpx.Response:
        return httpx.get(self.until(r"health: (http://\S+)")[1], timeout=10)

    def end(self, by: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(by)
        return self.process.wait(40)


@contextlib.contextmanager
def started(project: Project, *words: str) -> Iterator[Running]:
    log = project.folder / f"{words[0]}-{time.monotonic_ns()}.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            project.command(*words),
            cwd=project.folder,
            env=project.environment(),
            stdout=stderr,
            stderr=stderr,
            text=True,
        )
        try:
            yield Running(process, log)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(10)


@pytest.fixture
def watched(project: Project) -> Project:
    project.write_flows(STEPS, more="watch: {settle_seconds: 0.3, poll_seconds: 1}")
    project.inbox.mkdir(exist_ok=True)
    return project


def records(project: Project) -> list[dict[str, object]]:
    file = project.folder / "out/records.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_watch_processes_files_and_ends_cleanly_by_signal(
    watched: Project, by: signal.Signals
) -> None:
    with started(watched, "watch", "invoices", "--local", "--health-port", "0") as watch:
        watch.until("watching")
        for name in ("lieferant-e-invoice.pdf", "contoso-picture.jpg"):
            shutil.copy(EXAMPLES / name, watched.inbox / name)
        (watched.inbox / "broken.pdf").write_bytes(b"%PDF-1.4\nbroken\n%%EOF\n")
        watch.until("lieferant-e-invoice.pdf ->")
        watch.until("contoso-picture.jpg ->")
        watch.until("broken.pdf ->")
        health = watch.health()
        assert (health.status_code, health.json()["watches"][0]["finished"]) == (
            200,
            {"done": 2, "failed": 1},
        )
        assert watch.end(by) == 0
    assert {Path(str(record["path"])).name for record in records(watched)} == {
        "lieferant-e-invoice.pdf",
        "contoso-picture.jpg",
    }
    assert sorted(path.name for path in (watched.inbox / "failed").iterdir()) == [
        "broken.pdf",
        "broken.pdf.error.txt",
    ]


def test_record_is_there_within_a_second_of_settling(watched: Project) -> None:
    """The promise of the folder watch, with an invoice that has a text layer. Best of three: the
    machine may be busy."""
    invoice = (EXAMPLES / "coolblue.pdf").read_bytes()
    took = []
    with started(watched, "watch", "invoices", "--local") as watch:
        watch.until("watching")
        for number in range(3):
            name = f"coolblue-{number}.pdf"
            (watched.inbox / name).write_bytes(invoice + b"\n%%%d" % number)
            written = time.monotonic()
            while not any(name in str(record["path"]) for record in records(watched)):
                assert time.monotonic() - written < 20, watch.said()
                time.sleep(0.01)
            took.append(time.monotonic() - written)
        watch.end()
    assert min(took) < 0.3 + 1.0, took


def test_output_inside_the_watched_folder_is_refused_before_anything_starts(
    watched: Project,
) -> None:
    done = watched.run("watch", "invoices", "--local", "--out", "inbox/records")
    assert done.returncode == 2
    assert "written into the watched folder" in done.stderr


def test_missing_key_ends_the_watch_as_a_wrong_call(project: Project) -> None:
    steps = (
        "      - render: {}\n      - extract: {model: vision}\n      - write: {jsonl: "
        "out/records.jsonl}\n"
    )
    project.write_flows(steps, more="watch: {settle_seconds: 0.1}")
    shutil.copy(EXAMPLES / "coolblue.pdf", project.inbox / "coolblue.pdf")
    done = project.run("watch", "invoices")
    assert done.returncode == 2
    assert "MISTRAL_API_KEY" in done.stderr
    assert (project.inbox / "coolblue.pdf").exists()


def test_serve_watches_without_prefect_and_answers_for_its_health(watched: Project) -> None:
    with started(watched, "serve", "--local", "--health-port", "0") as serve:
        assert serve.health().json()["ok"] is True
        shutil.copy(EXAMPLES / "lieferant-e-invoice.pdf", watched.inbox)
        serve.until("lieferant-e-invoice.pdf ->")
        address = str(serve.health().url)
        assert httpx.get(address + "/nothing", timeout=5).status_code == 404
        assert httpx.post(address, timeout=5).status_code == 405
        shutil.rmtree(watched.inbox)
        serve.until("cannot be read")
        assert serve.health().status_code == 503
        assert serve.end() == 0


@pytest.mark.parametrize("command", [("serve", "--health-port", "0"), ("watch", "invoices")])
def test_missing_key_is_told_before_a_file_needs_it(
    watched: Project, command: tuple[str, ...]
) -> None:
    with started(watched, *command) as watch:
        watch.until("note: invoices: MISTRAL_API_KEY is not set")
        assert watch.end() == 0


def test_serve_without_anything_to_serve_is_a_wrong_call(project: Project) -> None:
    project.write_flows(STEPS)
    done = project.run("serve", "--health-port", "0")
    assert done.returncode == 2
    assert "nothing to serve" in done.stderr


def test_two_watchers_of_one_folder_do_each_document_once(watched: Project) -> None:
    with (
        started(watched, "watch", "invoices", "--local") as one,
        started(watched, "watch", "invoices", "--local") as other,
    ):
        one.until("watching")
        other.until("watching")
        for number in range(20):
            write_pdf(
                watched.inbox / f"{number}.pdf",
                [f"BT /F1 12 Tf 72 700 Td (Invoice {number}) Tj ET".encode()],
            )
        end = time.monotonic() + 30
        while list(watched.inbox.glob("*.pdf")):
            assert time.monotonic() < end, one.said() + other.said()
            time.sleep(0.05)
        assert (one.end(), other.end()) == (0, 0)
    assert len(list((watched.inbox / "processed").iterdir())) == 20
    assert len(records(watched)) == 20
    with contextlib.closing(
        sqlite3.connect(next((watched.folder / ".docmill").glob("*.db*")))
    ) as ledger:
        assert ledger.execute(
            "select count(*), sum(status = 'done') from documents"
        ).fetchone() == (20, 20)
