"""A page is read once: words and kinds are kept by document, and what is lost is read again."""

import asyncio
import stat
import sys
from pathlib import Path

import pytest

from schemas.document import Box, Page, PageKind, RenderSettings, Word
from schemas.errors import OcrMissingError
from schemas.flow import RenderSettingsSpec
from tasks.documents.blobs import FolderBlobs, RemoteBlobs, blobs_at
from tasks.documents.identify import identify
from tasks.documents.page_store import MOST_WAITING, PageStore
from tasks.documents.reader import DocumentReader
from tests.support.documents import make_pdf, make_scan_pdf

PAGE = Page(
    page_number=3,
    kind=PageKind.TEXT,
    width_pt=595,
    height_pt=842,
    words=(Word("Ünïcode", Box(0.1, 0.2, 0.3, 0.4), 0.5),),
    words_from="text_layer",
)
ID = "ab" * 32
JSON = PAGE.model_dump_json().encode()


def reader_at(store: Path | str) -> DocumentReader:
    return DocumentReader(RenderSettingsSpec(), store_url=str(store), workers=1)


def stored_below(folder: Path, pattern: str) -> list[Path]:
    return list(folder.rglob(pattern))


@pytest.mark.parametrize("scheme", ["", "file://", "local://"])
async def test_a_page_comes_back_as_it_was_stored(tmp_path: Path, scheme: str) -> None:
    store = PageStore(f"{scheme}{tmp_path}/store")
    assert await store.get(ID, 3) is None
    await store.put(ID, 3, JSON)
    assert await store.get(ID, 3) == PAGE  # not yet written
    await store.flush()
    assert await store.get(ID, 3) == PAGE
    assert await store.get(ID, 4) is None
    await store.forget(ID)
    await store.forget(ID)
    assert await store.get(ID, 3) is None
    assert not stored_below(tmp_path, "*.json")


def test_only_remote_stores_need_fsspec(tmp_path: Path) -> None:
    assert isinstance(blobs_at(str(tmp_path)), FolderBlobs)
    assert isinstance(blobs_at("memory://pages"), RemoteBlobs)


async def test_a_damaged_page_file_counts_as_missing(tmp_path: Path) -> None:
    store = PageStore(str(tmp_path))
    await store.put(ID, 3, JSON)
    await store.flush()
    for content in (b"", b'{"version":1,"page', b'{"version":2}'):
        stored_below(tmp_path, "3.json")[0].write_bytes(content)
        assert await store.get(ID, 3) is None


async def test_the_last_version_of_a_page_wins(tmp_path: Path) -> None:
    store, better = PageStore(str(tmp_path)), PAGE.model_copy(update={"words_from": "ocr"})
    for page in [PAGE, better] * 20:
        await store.put(ID, 3, page.model_dump_json().encode())
    await store.flush()
    assert await PageStore(str(tmp_path)).get(ID, 3) == better


@pytest.mark.parametrize("scheme", ["", "local://"])
async def test_very_many_pages_at_one_time_are_all_stored(tmp_path: Path, scheme: str) -> None:
    store, numbers = PageStore(f"{scheme}{tmp_path}/store"), range(1, 301)
    await asyncio.gather(*(store.put(ID, number, JSON) for number in numbers))
    assert (
        len(stored_below(tmp_path, "*.json")) >= len(numbers) - MOST_WAITING
    )  # memory is bounded: who puts more has to wait
    await store.flush()
    assert len(stored_below(tmp_path, "*.json")) == len(numbers)
    assert not stored_below(tmp_path, ".*")  # nothing half-written


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
async def test_only_the_owner_may_look_into_the_store(tmp_path: Path) -> None:
    store = PageStore(str(tmp_path / "a" / "store"))
    await store.put(ID, 3, JSON)
    await store.flush()
    folders = [path for path in stored_below(tmp_path / "a", "*") if path.is_dir()]
    assert folders
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


async def test_a_store_that_cannot_be_written_is_said_once_and_does_not_stop_reading(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")
    document = identify(make_pdf(2, tmp_path / "a.pdf"))
    async with reader_at(tmp_path / "store") as reader:
        pages = [await reader.page(document, number, ocr=False) for number in (1, 2)]
    assert all(page.words for page in pages)
    assert len([record for record in caplog.records if "page store" in record.message]) == 1


async def test_a_visited_page_is_not_read_again(tmp_path: Path) -> None:
    document = identify(make_pdf(2, tmp_path / "a.pdf"))
    async with reader_at(tmp_path / "store") as reader:
        visited = await reader.image(document, 1, RenderSettings(max_side_px=256))
    document.path.unlink()
    async with reader_at(tmp_path / "store") as reader:
        assert await reader.page(document, 1, ocr=False) == visited.page
        assert await reader.page(document, 1, ocr=True) == visited.page
        assert all(process.answered == 0 for process in reader._pool.processes)


async def test_a_stored_scan_is_read_by_ocr_when_its_words_are_wanted(tmp_path: Path) -> None:
    """Whether or not the extra is installed: without it, the error names the command."""
    document = identify(make_scan_pdf(tmp_path / "scan.pdf"))
    async with reader_at(tmp_path / "store") as reader:
        assert (await reader.page(document, 1, ocr=False)).words_from == "none"
        try:
            page = await reader.page(document, 1, ocr=True)
        except OcrMissingError as error:
            # either outcome is right, depending on what is installed
            assert 'pip install "docmill[ocr]"' in str(error)  # noqa: PT017
        else:
            assert page.words_from == "ocr"
            assert await reader.page(document, 1, ocr=False) == page
