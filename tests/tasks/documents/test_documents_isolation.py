"""A hostile document costs its own page and nothing else; no process outlives its reader."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from schemas.document import Document, RenderSettings
from schemas.errors import DocumentError, LimitError, MachineError, UnreadableError, WorkerError
from schemas.flow import RenderSettingsSpec
from tasks.documents.identify import identify
from tasks.documents.reader import DocumentReader
from tests.support.documents import make_endless_pdf, make_pdf

SIZE = RenderSettings(max_side_px=256)
linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="memory limits and /proc exist only on Linux"
)


def reader_at(folder: Path, *, workers: int = 1, **settings: float) -> DocumentReader:
    return DocumentReader(
        RenderSettingsSpec.model_validate(settings),
        store_url=str(folder / "store"),
        workers=workers,
    )


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


async def outcome(reader: DocumentReader, document: Document, page_number: int = 1) -> str:
    try:
        return (await reader.image(document, page_number, SIZE)).image.media_type
    except DocumentError as error:
        return error.code


async def test_a_page_that_never_ends_is_stopped_and_the_others_go_on(tmp_path: Path) -> None:
    endless, good = (
        identify(make_endless_pdf(tmp_path / "endless.pdf")),
        identify(make_pdf(6, tmp_path / "good.pdf")),
    )
    async with reader_at(tmp_path, page_seconds=0.6) as reader:
        await reader.open(good)
        outcomes = await asyncio.gather(
            outcome(reader, endless), *(outcome(reader, good, number) for number in range(1, 7))
        )
        assert outcomes == ["limit", *["image/jpeg"] * 6]
        with pytest.raises(
            LimitError, match=r"page 1: reading took longer than 0\.6 s \(`render\.page_seconds`"
        ):
            await reader.image(endless, 1, SIZE)


@linux_only
async def test_a_page_that_eats_memory_kills_only_its_worker(tmp_path: Path) -> None:
    endless, good = (
        identify(make_endless_pdf(tmp_path / "endless.pdf")),
        identify(make_pdf(1, tmp_path / "good.pdf")),
    )
    async with reader_at(tmp_path, memory_mb=256) as reader:
        with pytest.raises(WorkerError, match="page 1: the process reading it died"):
            await reader.image(endless, 1, SIZE)
        assert (await reader.image(good, 1, SIZE)).image.data


async def test_a_document_may_not_take_longer_than_its_time(tmp_path: Path) -> None:
    document = identify(make_pdf(3, tmp_path / "a.pdf"))
    async with reader_at(tmp_path, document_seconds=0.000_001) as reader:
        with pytest.raises(LimitError, match="document_seconds"):
            await reader.open(document)


async def test_a_document_that_kills_worker_after_worker_is_given_up(tmp_path: Path) -> None:
    document = identify(make_endless_pdf(tmp_path / "endless.pdf"))
    async with reader_at(tmp_path, page_seconds=0.1) as reader:
        messages = []
        for _ in range(7):
            with pytest.raises(DocumentError) as caught:
                await reader.image(document, 1, SIZE)
            messages.append(str(caught.value))
        assert "killed 5 worker processes" in messages[-1]


@linux_only
async def test_a_worker_that_was_killed_from_outside_is_replaced_and_no_page_is_lost(
    tmp_path: Path,
) -> None:
    document = identify(make_pdf(60, tmp_path / "long.pdf"))
    async with reader_at(tmp_path, workers=2) as reader:
        await reader.open(document)
        pages = [
            asyncio.create_task(reader.image(document, number, SIZE)) for number in range(1, 61)
        ]
        await asyncio.wait(pages, return_when=asyncio.FIRST_COMPLETED)
        victims = reader.worker_pids
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        visited = await asyncio.gather(*pages)
        assert [visit.page.page_number for visit in visited] == list(range(1, 61))
        assert not set(victims) & set(reader.worker_pids)


@linux_only
async def test_an_idle_worker_that_died_is_noticed(tmp_path: Path) -> None:
    document = identify(make_pdf(1, tmp_path / "a.pdf"))
    async with reader_at(tmp_path) as reader:
        await reader.open(document)
        os.kill(reader.worker_pids[0], signal.SIGKILL)
        assert (await reader.image(document, 1, SIZE)).image.data


@linux_only
async def test_no_process_is_left_when_the_reader_closes_in_the_middle_of_work(
    tmp_path: Path,
) -> None:
    document = identify(make_endless_pdf(tmp_path / "endless.pdf"))
    async with reader_at(tmp_path, workers=2) as reader:
        await reader.open(document)
        busy = [asyncio.create_task(outcome(reader, document)) for _ in range(2)]
        await asyncio.sleep(0.3)
        pids = reader.worker_pids
        assert len(pids) == 2
    assert not any(is_running(pid) for pid in pids)
    await asyncio.wait_for(asyncio.gather(*busy), 1)


async def test_a_page_asked_for_too_late_is_an_error_and_not_a_wait(tmp_path: Path) -> None:
    document = identify(make_pdf(1, tmp_path / "late.pdf"))
    async with reader_at(tmp_path) as reader:
        await reader.open(document)
    with pytest.raises(WorkerError, match="the run ended"):
        await asyncio.wait_for(reader.image(document, 1, SIZE), 5)


async def test_who_stops_waiting_for_a_page_costs_no_worker(tmp_path: Path) -> None:
    document = identify(make_pdf(2, tmp_path / "a.pdf"))
    async with reader_at(tmp_path) as reader:
        await reader.open(document)
        pids = reader.worker_pids
        impatient = asyncio.create_task(reader.image(document, 1, SIZE))
        await asyncio.sleep(0)
        impatient.cancel()
        assert (await reader.image(document, 2, SIZE)).image.data
        assert reader.worker_pids == pids


PARENT = """
    import asyncio, sys
    from pathlib import Path
    from schemas.document import RenderSettings
    from schemas.flow import RenderSettingsSpec
    from tasks.documents.identify import identify
    from tasks.documents.reader import DocumentReader

    async def main():
        async with DocumentReader(RenderSettingsSpec(), store_url=sys.argv[2], workers=2) as reader:
            document = identify(Path(sys.argv[1]))
            await reader.open(document)
            print(*reader.worker_pids, flush=True)
            await reader.image(document, 1, RenderSettings(max_side_px=256))

    asyncio.run(main())
"""


@linux_only
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_workers_that_are_busy_end_with_their_parent_however_it_ends(
    tmp_path: Path, ending: signal.Signals
) -> None:
    endless = make_endless_pdf(tmp_path / "endless.pdf")
    (tmp_path / "parent.py").write_text(textwrap.dedent(PARENT))
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py"), str(endless), str(tmp_path / "store")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(root)},
    ) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert pids
        parent.send_signal(ending)
        parent.wait(timeout=10)
    until = time.monotonic() + 5
    while any(is_running(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(is_running(pid) for pid in pids)


async def test_foreign_packages_in_the_working_directory_do_not_hide_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tasks", "schemas", "pypdfium2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('foreign')")
    monkeypatch.chdir(tmp_path)
    document = identify(make_pdf(1, tmp_path / "a.pdf"))
    async with reader_at(tmp_path) as reader:
        assert (await reader.image(document, 1, SIZE)).image.data


async def test_a_file_that_went_away_or_changed_is_not_taken_for_the_document_that_was_found(
    tmp_path: Path,
) -> None:
    gone, changed = (
        identify(make_pdf(1, tmp_path / "gone.pdf")),
        identify(make_pdf(1, tmp_path / "changed.pdf")),
    )
    gone.path.unlink()
    make_pdf(2, changed.path)
    async with reader_at(tmp_path) as reader:
        with pytest.raises(UnreadableError, match="cannot be opened any more"):
            await reader.open(gone)
        with pytest.raises(UnreadableError, match="has changed since it was found"):
            await reader.open(changed)


@linux_only
async def test_workers_know_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MISTRAL_API_KEY", "very-secret")
    async with DocumentReader(
        RenderSettingsSpec(), store_url=str(tmp_path), passwords=["pass-word"], workers=1
    ) as reader:
        await reader.open(identify(make_pdf(1, tmp_path / "a.pdf")))
        for name in ("environ", "cmdline"):
            # /proc does not block
            told = Path(f"/proc/{reader.worker_pids[0]}/{name}").read_bytes()  # noqa: ASYNC240
            assert b"very-secret" not in told
            assert b"pass-word" not in told


async def test_workers_that_cannot_start_end_in_an_error_and_not_in_a_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    async with reader_at(tmp_path) as reader:
        with pytest.raises(MachineError, match="do not start"):
            await reader.open(identify(make_pdf(1, tmp_path / "a.pdf")))
        with pytest.raises(MachineError, match="do not start"):
            await reader.open(identify(make_pdf(2, tmp_path / "b.pdf")))


async def test_the_pages_of_one_long_document_keep_all_workers_busy(tmp_path: Path) -> None:
    document = identify(make_pdf(120, tmp_path / "long.pdf"))
    async with reader_at(tmp_path, workers=2) as reader:
        await reader.open(document)
        await asyncio.gather(*(reader.image(document, number, SIZE) for number in range(1, 121)))
        answered = sorted(process.answered for process in reader._pool.processes)
        assert answered[0] >= 8
