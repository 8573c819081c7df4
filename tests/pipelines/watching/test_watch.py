"""A watched folder, with real files and folders; what processes them is a recorder that answers
like a run does."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest

from pipelines.watching import filing
from pipelines.watching.places import Places, places_of
from pipelines.watching.watcher import STALLED_SECONDS, FolderWatch
from schemas.errors import CallError, MissingKeyError, StateError
from schemas.flow import FlowSpec, FolderSource, StepSpec, WriteSettings
from schemas.flow.deployment import WatchSpec
from schemas.record import DocumentResult, ErrorInfo, Status

PDF = b"%PDF-1.4\nsome content\n%%EOF\n"


class Recorder:
    """Processes like a run: reads each file, remembers its content, answers with a result."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.contents: list[bytes] = []
        self.status: dict[str, Status] = {}
        self.before_answer: list[object] = []

    async def __call__(self, paths: Sequence[Path]) -> Mapping[Path, DocumentResult]:
        self.batches.append([path.name for path in paths])
        results = {path: self._result(path) for path in paths}
        for action in self.before_answer:
            if isinstance(action, Exception):
                self.before_answer.remove(action)
                raise action
            action()
        return results

    def _result(self, path: Path) -> DocumentResult:
        content = path.read_bytes()
        self.contents.append(content)
        status = self.status.get(path.name, Status.DONE)
        error = {
            Status.FAILED: ErrorInfo(
                code="password", message="encrypted, and no known password opens it"
            ),
            Status.DEFERRED: ErrorInfo(code="budget", message="later"),
        }
        return DocumentResult(
            path=str(path),
            document_id=hashlib.sha256(content).hexdigest(),
            status=status,
            pages=1,
            error=error.get(status),
        )


class Watched:
    """A watch with a clock: time.monotonic until `stop_clock`, then a test turns it."""

    def __init__(self, folder: Path, spec: WatchSpec, places: Places) -> None:
        self.inbox, self.process, self.lines = folder, Recorder(), []
        self.places = places
        self.now: float | None = None
        self.watch = FolderWatch(
            places, spec, self.process, self.lines.append, clock=self._clock_seconds
        )
        self.stop = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.watch.run(self.stop))
        try:
            yield
        finally:
            self.stop.set()
            await task

    def _clock_seconds(self) -> float:
        return time.monotonic() if self.now is None else self.now

    def stop_clock(self) -> None:
        self.now = time.monotonic()

    async def turn(self, seconds: float) -> None:
        """Move the stopped clock, then let the watch act on it."""
        assert self.now is not None
        self.now += seconds
        await self.looks(2)  # the second look begins after the first one has been acted on

    async def looks(self, count: int) -> None:
        for _ in range(count):
            last = self.watch.health.last_look
            await self.until(lambda last=last: self.watch.health.last_look != last)

    async def until(self, condition, seconds: float = 5.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited {seconds} s in vain; said {self.lines}"
            await asyncio.sleep(0.01)


def watched(tmp_path: Path, **settings) -> Watched:
    inbox = tmp_path / "inbox"
    inbox.mkdir(exist_ok=True)
    spec = WatchSpec(**{"settle_seconds": 0.05, "poll_seconds": 0.2, **settings})
    flow = FlowSpec(
        source=FolderSource(folder="inbox"),
        steps=(StepSpec(name="write", settings=WriteSettings()),),
    )
    return Watched(inbox, spec, places_of(flow, spec, tmp_path))


async def test_finished_file_is_moved_to_processed(tmp_path: Path) -> None:
    it = watched(tmp_path)
    async with it.running():
        (it.inbox / "a.pdf").write_bytes(PDF)
        await it.until((it.inbox / "processed/a.pdf").exists)
    assert (it.inbox / "processed/a.pdf").read_bytes() == PDF
    assert it.process.contents == [PDF]
    assert it.watch.health.finished == {"done": 1}


async def test_files_that_came_while_nobody_watched_are_taken(tmp_path: Path) -> None:
    it = watched(tmp_path)
    (it.inbox / "early.pdf").write_bytes(PDF)
    async with it.running():
        await it.until((it.inbox / "processed/early.pdf").exists)


async def test_failed_file_goes_to_failed_with_a_note_that_says_what_to_do(tmp_path: Path) -> None:
    it = watched(tmp_path)
    it.process.status["locked.pdf"] = Status.FAILED
    async with it.running():
        (it.inbox / "locked.pdf").write_bytes(PDF)
        await it.until((it.inbox / "failed/locked.pdf").exists)
    note = (it.inbox / "failed/locked.pdf.error.txt").read_text()
    assert "encrypted, and no known password opens it" in note
    assert "render.passwords_file" in note
    assert str(it.inbox) in note


async def test_deferred_file_stays_and_is_taken_up_later(tmp_path: Path) -> None:
    it = watched(tmp_path, poll_seconds=0.1)
    it.process.status["later.pdf"] = Status.DEFERRED
    (it.inbox / "later.pdf").write_bytes(PDF)
    async with it.running():
        await it.until(lambda: it.process.batches)
        assert (it.inbox / "later.pdf").exists()
        it.process.status.clear()
        await it.until((it.inbox / "processed/later.pdf").exists)


async def test_file_that_still_grows_is_left_alone_until_it_is_still(tmp_path: Path) -> None:
    it = watched(tmp_path, settle_seconds=2, poll_seconds=0.05)
    it.stop_clock()
    async with it.running():
        for length in range(1, len(PDF), 9):
            (it.inbox / "slow.pdf").write_bytes(PDF[:length])
            await it.looks(2)
            await it.turn(1.5)
            assert it.process.contents == []
        (it.inbox / "slow.pdf").write_bytes(PDF)
        await it.looks(2)
        await it.turn(2)
        await it.until((it.inbox / "processed/slow.pdf").exists)
    assert it.process.contents == [PDF]


@pytest.mark.skipif(not Path("/proc/self/mountinfo").exists(), reason="only Linux tells of writers")
async def test_file_that_a_program_holds_open_for_writing_is_left_alone(tmp_path: Path) -> None:
    it = watched(tmp_path, poll_seconds=0.05)
    if not it.watch._ask_for_writers:
        pytest.skip("this file system does not tell of writers")
    it.stop_clock()
    async with it.running():
        with (it.inbox / "scan.pdf").open("wb") as scanner:
            scanner.write(PDF)
            scanner.flush()
            for _ in range(3):
                await it.turn(10)
                assert it.process.contents == []
            scanner.write(b"% another page\n%%EOF\n")
        await it.looks(2)
        await it.turn(10)
        await it.until((it.inbox / "processed/scan.pdf").exists)
    assert it.process.contents == [PDF + b"% another page\n%%EOF\n"]


async def test_pdf_without_its_end_waits_longer_but_is_taken_in_the_end(tmp_path: Path) -> None:
    it = watched(tmp_path, settle_seconds=1, poll_seconds=0.05)
    (it.inbox / "stalled.pdf").write_bytes(PDF[:12])
    it.stop_clock()
    async with it.running():
        await it.looks(2)
        await it.turn(4.9)
        assert it.process.contents == []
        await it.turn(1.1)
        await it.until(lambda: it.process.contents)


async def test_temporary_hidden_and_unwanted_names_are_ignored(tmp_path: Path) -> None:
    it = watched(tmp_path)
    ignored = [
        ".hidden.pdf",
        "~$open.pdf",
        "copy.pdf.part",
        "page.pdf.tmp",
        "backup.pdf~",
        "notes.txt",
        "Thumbs.db",
    ]
    for name in ignored:
        (it.inbox / name).write_bytes(PDF)
    (it.inbox / "folder.pdf").mkdir()
    async with it.running():
        (it.inbox / "real.PDF").write_bytes(PDF)
        await it.until((it.inbox / "processed/real.PDF").exists)
    assert it.process.batches == [["real.PDF"]]
    assert all((it.inbox / name).exists() for name in ignored)


async def test_link_that_leads_outside_is_refused_and_said_once(tmp_path: Path) -> None:
    it = watched(tmp_path)
    (tmp_path / "secret.pdf").write_bytes(PDF)
    (it.inbox / "link.pdf").symlink_to(tmp_path / "secret.pdf")
    it.stop_clock()
    async with it.running():
        await it.looks(2)
        await it.turn(60)
    assert it.process.batches == []
    assert [line for line in it.lines if "link.pdf" in line] == [
        (
            "link.pdf is a link that leads out of the watched folder; it is not followed. Put "
            "the file itself here."
        )
    ]


async def test_same_name_twice_is_kept_apart(tmp_path: Path) -> None:
    it = watched(tmp_path)
    async with it.running():
        (it.inbox / "scan.pdf").write_bytes(PDF + b"1")
        await it.until((it.inbox / "processed/scan.pdf").exists)
        (it.inbox / "scan.pdf").write_bytes(PDF + b"2")
        await it.until((it.inbox / "processed/scan (2).pdf").exists)
    assert (it.inbox / "processed/scan.pdf").read_bytes() == PDF + b"1"
    assert (it.inbox / "processed/scan (2).pdf").read_bytes() == PDF + b"2"


async def test_file_replaced_while_it_is_worked_on_is_not_filed_under_the_old_result(
    tmp_path: Path,
) -> None:
    it = watched(tmp_path)
    newer = PDF + b"newer"

    def replace() -> None:
        if len(it.process.contents) == 1:
            (tmp_path / "new.pdf").write_bytes(newer)
            (tmp_path / "new.pdf").replace(it.inbox / "a.pdf")

    it.process.before_answer = [replace]
    async with it.running():
        (it.inbox / "a.pdf").write_bytes(PDF)
        await it.until((it.inbox / "processed/a.pdf").exists)
    assert it.process.contents == [PDF, newer]
    assert (it.inbox / "processed/a.pdf").read_bytes() == newer


async def test_trouble_with_the_state_leaves_every_file_in_place_and_is_survived(
    tmp_path: Path,
) -> None:
    it = watched(tmp_path, poll_seconds=0.1)
    it.process.before_answer = [StateError("the ledger cannot be written")]
    async with it.running():
        (it.inbox / "a.pdf").write_bytes(PDF)
        await it.until((it.inbox / "processed/a.pdf").exists)
    assert any("the ledger cannot be written" in line for line in it.lines)
    assert it.watch.health.trouble is None


async def test_wrong_call_ends_the_watch(tmp_path: Path) -> None:
    it = watched(tmp_path)
    it.process.before_answer = [MissingKeyError("mistral", "MISTRAL_API_KEY")]
    (it.inbox / "a.pdf").write_bytes(PDF)
    with pytest.raises(MissingKeyError):
        await it.watch.run(it.stop)
    assert (it.inbox / "a.pdf").exists()


async def test_batches_hold_no_more_files_than_declared(tmp_path: Path) -> None:
    it = watched(tmp_path, batch=3)
    for number in range(10):
        (it.inbox / f"{number}.pdf").write_bytes(PDF + bytes([number]))
    async with it.running():
        await it.until(lambda: len(it.process.contents) == 10)
    assert max(len(batch) for batch in it.process.batches) == 3


async def test_recursive_watch_keeps_the_sub_folders(tmp_path: Path) -> None:
    it = watched(tmp_path, recursive=True)
    (it.inbox / "acme/2026").mkdir(parents=True)
    async with it.running():
        (it.inbox / "acme/2026/a.pdf").write_bytes(PDF)
        await it.until((it.inbox / "processed/acme/2026/a.pdf").exists)
        it.stop_clock()
        await it.looks(2)
        await it.turn(60)
    assert len(it.process.batches) == 1, "what is in processed/ is never taken"


@pytest.mark.parametrize(
    "name",
    [
        "a b.pdf",
        "ünï→.pdf",
        "new\nline.pdf",
        "*[x]?.pdf",
        "-rf.pdf",
        "'\"$(x).pdf",
        "x" * 251 + ".pdf",
    ],
)
async def test_odd_names_are_filed_under_the_same_name(tmp_path: Path, name: str) -> None:
    it = watched(tmp_path)
    (it.inbox / name).write_bytes(PDF)
    async with it.running():
        await it.until(lambda: it.watch.health.finished["done"] == 1)
    assert (it.inbox / "processed" / name).read_bytes() == PDF


async def test_long_name_of_a_failed_file_leaves_room_for_its_note(tmp_path: Path) -> None:
    it = watched(tmp_path)
    name = "ü" * 125 + ".pdf"
    it.process.status[name] = Status.FAILED
    (it.inbox / name).write_bytes(PDF)
    async with it.running():
        await it.until(lambda: it.watch.health.finished["failed"] == 1)
    names = sorted(path.name for path in (it.inbox / "failed").iterdir())
    assert len(names) == 2
    assert names[1] == names[0] + ".error.txt"


async def test_folder_that_goes_away_and_comes_back_is_survived(tmp_path: Path) -> None:
    it = watched(tmp_path, poll_seconds=0.1)
    async with it.running():
        await it.until(lambda: it.watch.health.last_look)
        it.inbox.rename(tmp_path / "unmounted")
        await it.until(lambda: it.watch.health.trouble)
        (tmp_path / "unmounted").rename(it.inbox)
        await it.until(lambda: it.watch.health.trouble is None)  # though no file comes
        (it.inbox / "a.pdf").write_bytes(PDF)
        await it.until((it.inbox / "processed/a.pdf").exists)


async def test_still_file_is_processed_without_waiting_for_the_next_scan(tmp_path: Path) -> None:
    it = watched(tmp_path, settle_seconds=0.1, poll_seconds=3_600)
    (it.inbox / "a.pdf").write_bytes(PDF)
    async with it.running():
        await it.until(lambda: it.process.contents)


async def test_stop_waits_for_what_is_in_work(tmp_path: Path) -> None:
    it = watched(tmp_path)
    release = asyncio.Event()
    record = it.process._result

    async def slow(paths: Sequence[Path]) -> Mapping[Path, DocumentResult]:
        it.process.batches.append([path.name for path in paths])
        await release.wait()
        return {path: record(path) for path in paths}

    it.watch._process = slow
    (it.inbox / "a.pdf").write_bytes(PDF)
    async with it.running():
        await it.until(lambda: it.process.batches)
        it.stop.set()
        await it.until(lambda: any(line.startswith("stopping") for line in it.lines))
        assert not (it.inbox / "processed").exists()
        release.set()
    assert (it.inbox / "processed/a.pdf").exists()


def flow_with(**write) -> FlowSpec:
    return FlowSpec(
        source=FolderSource(folder="inbox"),
        steps=(StepSpec(name="write", settings=WriteSettings(**write)),),
    )


@pytest.mark.parametrize(
    "write", [{"jsonl": "inbox/out.jsonl"}, {"csv": "inbox/x/y.csv"}, {"json": "inbox"}]
)
def test_output_inside_the_watched_folder_is_refused(tmp_path: Path, write: dict[str, str]) -> None:
    (tmp_path / "inbox").mkdir()
    with pytest.raises(CallError, match="written into the watched folder"):
        places_of(flow_with(**write), WatchSpec(), tmp_path)


def test_output_in_the_processed_folder_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    places_of(flow_with(jsonl="inbox/processed/records.jsonl"), WatchSpec(), tmp_path)


@pytest.mark.parametrize(
    "settings",
    [{"done": "inbox"}, {"failed": "inbox"}, {"done": "."}, {"done": "x", "failed": "x"}],
)
def test_filing_where_files_would_be_taken_again_is_refused(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    (tmp_path / "inbox").mkdir()
    with pytest.raises(CallError, match="watch"):
        places_of(flow_with(), WatchSpec(**settings), tmp_path)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CallError, match="does not exist"):
        places_of(flow_with(), WatchSpec(), tmp_path)


async def test_health_tells_that_files_wait_and_none_is_finished(
    tmp_path: Path,
) -> None:
    it = watched(tmp_path)
    it.process.status["later.pdf"] = Status.DEFERRED
    async with it.running():
        (it.inbox / "later.pdf").write_bytes(PDF)
        await it.until(lambda: it.watch.health.unfinished_since is not None)
        it.stop_clock()
        await it.turn(STALLED_SECONDS + 1)
        assert it.watch.health.problem is not None
        assert "1 files wait, and none was finished" in str(it.watch.health.as_json()["trouble"])
        it.process.status.clear()
        await it.turn(600)
        await it.until((it.inbox / "processed/later.pdf").exists)
        await it.until(lambda: it.watch.health.problem is None)


def places(tmp_path: Path) -> Places:
    (tmp_path / "inbox").mkdir()
    return places_of(flow_with(), WatchSpec(), tmp_path)


def a_result(content: bytes, status: Status = Status.DONE) -> DocumentResult:
    return DocumentResult(
        path="x", document_id=hashlib.sha256(content).hexdigest(), status=status, pages=1
    )


def test_file_that_changed_since_is_not_moved(tmp_path: Path) -> None:
    where = places(tmp_path)
    path = where.folder / "a.pdf"
    path.write_bytes(PDF)
    taken = filing.Fingerprint.of(path)
    path.write_bytes(PDF + b"more")
    assert filing.file_away(path, taken, a_result(PDF), where).outcome is filing.Filed.CHANGED
    assert path.exists()


def test_file_that_vanished_is_no_error(tmp_path: Path) -> None:
    where = places(tmp_path)
    gone = where.folder / "a.pdf"
    gone.write_bytes(PDF)
    taken = filing.Fingerprint.of(gone)
    gone.unlink()
    assert filing.file_away(gone, taken, a_result(PDF), where).outcome is filing.Filed.GONE
