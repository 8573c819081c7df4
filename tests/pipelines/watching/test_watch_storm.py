"""The folder watch in a storm: 500 files from 4 writers who do all that scanners and people do, the
watcher killed five times."""

import hashlib
import json
import os
import random
import sqlite3
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.pipelines.watching.test_watch_command import Running, started
from tests.support.documents import write_pdf
from tests.support.projects import Project

pytestmark = pytest.mark.slow

FILES = 500
WRITERS = 4
KILLS = 5
ODD_NAMES = [
    "spaced name",
    "ünï→code",
    "semi;colon",
    "quote'\"",
    "dollar$(x)",
    "-dash",
    "#hash",
    "per%cent",
    "back\\slash",
    "new\nline",
    "[glob]*?",
]
STEPS = (
    "      - einvoice: {}\n      - render: {}\n      - extract: {model: vision}\n      - "
    "write: {jsonl: out/records.jsonl}\n"
)


class Writer(threading.Thread):
    """Drops its share of the files; remembers the content of each that it left complete."""

    def __init__(self, number: int, inbox: Path, scratch: Path) -> None:
        super().__init__(name=f"writer-{number}")
        self.number, self.inbox, self.scratch = number, inbox, scratch
        self.good: set[str] = set()
        self.broken: set[str] = set()
        self.random = random.Random(number)
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            for index in range(FILES // WRITERS):
                self._drop(index)
                time.sleep(self.random.uniform(0, 0.08))
        except Exception as error:  # noqa: BLE001 - told by the test
            self.error = error

    def _drop(self, index: int) -> None:
        odd = self.random.choice(ODD_NAMES) if index % 5 == 0 else "scan"
        path = self.inbox / f"{odd}-{self.number}-{index}.pdf"
        kind = index % 10
        if kind == 4:
            self._broken(path)
            return
        content = self._content(f"{self.number}-{index}")
        if kind == 0:
            self._slowly(path, content)
        elif kind == 1:
            self._renamed_into_place(path, content)
        elif kind == 2:  # the same bytes under two names
            path.write_bytes(content)
            path.with_name(f"again {path.name}").write_bytes(content)
        elif kind == 3:  # replaced, perhaps while it is read
            path.write_bytes(self._content(f"{self.number}-{index}-first", remember=False))
            time.sleep(self.random.uniform(0.0, 0.6))
            self._renamed_into_place(path, content)
        elif kind == 5:
            (self.inbox / f"folder-{self.number}-{index}.pdf").mkdir()
            path.write_bytes(content)
        elif kind == 6:  # a copy under a temporary name, then renamed, as browsers do
            part = path.with_name(path.name + ".part")
            self._slowly(part, content)
            part.rename(path)
        else:
            path.write_bytes(content)

    def _content(self, text: str, *, remember: bool = True) -> bytes:
        place = self.scratch / f"{self.name}.pdf"
        write_pdf(place, [f"BT /F1 12 Tf 72 700 Td (Invoice {text}) Tj ET".encode()])
        content = place.read_bytes()
        if remember:
            self.good.add(hashlib.sha256(content).hexdigest())
        return content

    def _slowly(self, path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            for start in range(0, len(content), 200):
                file.write(content[start : start + 200])
                file.flush()
                time.sleep(0.02)

    def _renamed_into_place(self, path: Path, content: bytes) -> None:
        hidden = path.with_name(f".{path.name}")
        hidden.write_bytes(content)
        hidden.replace(path)

    def _broken(self, path: Path) -> None:
        content = b"%%PDF-1.4 broken %d %d\n%%%%EOF" % (self.number, self.random.randrange(10**9))
        path.write_bytes(content)
        self.broken.add(hashlib.sha256(content).hexdigest())


def waiting(inbox: Path) -> list[Path]:
    return [path for path in inbox.iterdir() if path.is_file()]


def filed(folder: Path) -> Counter[str]:
    """Contents in a folder of finished files, each with how often it lies there."""
    return Counter(
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if not path.name.endswith(".error.txt")
    )


def test_each_content_is_done_once_and_nothing_is_left_behind(
    project: Project, tmp_path: Path
) -> None:
    project.write_flows(
        STEPS,
        more="watch: {settle_seconds: 0.3, poll_seconds: 1, batch: 40}\nretry: "
        "{document_attempts: 1}",
    )
    inbox = project.inbox
    writers = [Writer(number, inbox, tmp_path) for number in range(WRITERS)]
    chance = random.Random(7)
    for writer in writers:
        writer.start()
    for _ in range(KILLS):
        with started(project, "watch", "invoices", "--local") as watch:
            watch.until("watching")
            time.sleep(chance.uniform(1.0, 4.0))
            watch.process.kill()
    for writer in writers:
        writer.join()
        assert writer.error is None
    with started(project, "watch", "invoices", "--local") as watch:
        watch.until(
            "watching"
            # all may be filed before, and a signal that comes while Python starts is nobody's to
            # handle
        )
        until_empty(inbox, watch)
        assert watch.end() == 0
        said = watch.said()
    good = set().union(*(writer.good for writer in writers))
    broken = set().union(*(writer.broken for writer in writers))
    done, failed = filed(inbox / "processed"), filed(inbox / "failed")
    check_nothing_is_lost_or_half_read(good, broken, done, failed)
    check_each_is_done_once(project, set(done), said)


def until_empty(inbox: Path, watch: Running) -> None:
    end = time.monotonic() + 180
    while waiting(inbox):
        assert time.monotonic() < end, (
            [path.name for path in waiting(inbox)],
            watch.said()[-3000:],
        )
        assert watch.process.poll() is None, watch.said()[-3000:]
        time.sleep(0.2)


def check_nothing_is_lost_or_half_read(
    good: set[str], broken: set[str], done: Counter[str], failed: Counter[str]
) -> None:
    assert good <= set(done), "a complete file is missing among the processed ones"
    assert broken <= set(failed)
    replaced = (
        set(done) - good
    )  # the first content of replaced files, where the watcher was faster than the writer
    assert len(replaced) <= FILES // 10
    empty = hashlib.sha256(b"").hexdigest()
    assert set(failed) - {empty} == broken, "a file was read before it was complete"


def check_each_is_done_once(project: Project, done: set[str], said: str) -> None:
    records = [
        json.loads(line) for line in (project.folder / "out/records.jsonl").read_text().splitlines()
    ]
    assert Counter(record["document_id"] for record in records) == Counter(
        dict.fromkeys(done, 1)
    ), said[-2000:]
    with closing(sqlite3.connect(project.folder / ".docmill/ledger.db")) as ledger:
        rows = Counter(
            ledger.execute("select document_id from documents where status = 'done'").fetchall()
        )
        held = ledger.execute(
            "select count(*) from documents where claim_owner is not null"
        ).fetchone()[0]
    assert set(rows.values()) == {1}
    assert held == 0


@pytest.mark.skipif(sys.platform != "linux", reason="names that are not UTF-8 exist on Linux only")
def test_name_that_is_not_utf8_is_processed(project: Project) -> None:
    project.write_flows(STEPS, more="watch: {settle_seconds: 0.1}")
    name = os.fsencode(project.inbox) + b"/caf\xe9.pdf"
    write_pdf(Path(os.fsdecode(name)), [b"BT /F1 12 Tf 72 700 Td (Invoice 1) Tj ET"])
    with started(project, "watch", "invoices", "--local") as watch:
        watch.until("caf.*->")
        assert watch.end() == 0
    assert Path(os.fsdecode(os.fsencode(project.inbox) + b"/processed/caf\xe9.pdf")).exists()
