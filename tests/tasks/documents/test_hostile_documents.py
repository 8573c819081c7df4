"""Hostile documents end in what can be read of them, or in a named error: a corpus from other
projects' bug trackers, and some made here."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from schemas.document import RenderSettings
from schemas.errors import DocumentError
from schemas.flow import RenderSettingsSpec
from tasks.documents.identify import identify
from tasks.documents.reader import DocumentReader
from tests.support.documents import (
    REAL,
    assemble,
    make_endless_pdf,
    make_pdf,
    stream_object,
    text_at,
    write_pdf,
)
from tests.support.shared_data import SHARED_DATA, needs_shared_data

pytestmark = pytest.mark.asyncio(loop_scope="module")
FIRST_PAGES = 3
BETTER_THAN_EXPECTED = {"derived-jpeg-named.pdf", "derived-pdf-named.png", "pillow-hopper.psd"}
"""The manifest's probe believed the extension, or took a format's layers for pages; the content is
really readable."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reader(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DocumentReader]:
    settings = RenderSettingsSpec(memory_mb=512, page_seconds=20)
    async with DocumentReader(
        settings, store_url=str(tmp_path_factory.mktemp("store")), workers=2
    ) as opened:
        yield opened


async def outcome(reader: DocumentReader, path: Path) -> str:
    """As the manifest has it: renders, partial, or the code of the error. Any other exception is a
    failed test."""
    document = identify(path)
    try:
        info = await reader.open(document)
    except DocumentError as error:
        return error.code
    codes = []
    for page_number in range(1, min(FIRST_PAGES, info.page_count) + 1):
        try:
            visited = await reader.image(document, page_number, RenderSettings(max_side_px=1024))
        except DocumentError as error:
            codes.append(error.code)
        else:
            assert visited.image.data
            assert max(visited.image.width_px, visited.image.height_px) <= 1024
    if not codes:
        return "renders"
    return "partial" if len(codes) < min(FIRST_PAGES, info.page_count) else codes[0]


def corpus() -> list[Any]:
    if SHARED_DATA is None:
        return [pytest.param({}, id="corpus", marks=needs_shared_data)]
    entries = json.loads(
        (SHARED_DATA / "hostile-dev" / "manifest.json").read_text(encoding="utf-8")
    )
    return [pytest.param(entry, id=entry["file"]) for entry in entries]


@pytest.mark.parametrize("entry", corpus())
async def test_each_file_of_the_corpus_ends_as_expected(
    reader: DocumentReader, entry: dict[str, Any]
) -> None:
    assert SHARED_DATA is not None
    ended = await outcome(reader, SHARED_DATA / "hostile-dev" / entry["file"])
    if entry["file"] in BETTER_THAN_EXPECTED:
        assert ended == "renders"
    elif entry["expected"] == "clean error":
        assert ended in {"unreadable", "unsupported_type", "password", "limit", "worker_died"}
        assert (ended == "password") == ("needs a password" in entry["kind"])
    else:
        assert ended == entry["expected"]


async def test_real_files_that_broke_other_programs(reader: DocumentReader) -> None:
    assert await outcome(reader, REAL / "qpdf-389339260.fuzz.pdf") == "unreadable"
    assert await outcome(reader, REAL / "qpdf-append-page-content-damaged.pdf") == "renders"
    assert await outcome(reader, REAL / "pillow-ossfuzz-5730089102868480.sgi") == "unreadable"
    assert await outcome(reader, REAL / "pillow-multipage-mmap.tiff") == "renders"


async def test_a_pdf_that_was_cut_off(reader: DocumentReader, tmp_path: Path) -> None:
    whole = (REAL / "coolblue1.pdf").read_bytes()
    (tmp_path / "half.pdf").write_bytes(whole[: len(whole) // 2])
    assert await outcome(reader, tmp_path / "half.pdf") == "unreadable"


async def test_a_pdf_without_pages(reader: DocumentReader, tmp_path: Path) -> None:
    assert await outcome(reader, write_pdf(tmp_path / "none.pdf", [])) == "unreadable"


async def test_a_page_as_large_as_a_field_or_without_size(
    reader: DocumentReader, tmp_path: Path
) -> None:
    assert (
        await outcome(
            reader, write_pdf(tmp_path / "field.pdf", [b""], media_box="0 0 200000 200000")
        )
        == "limit"
    )
    assert (
        await outcome(
            reader,
            write_pdf(
                tmp_path / "strip.pdf", [text_at(1, 1, "a").encode()], media_box="0 0 9000 2"
            ),
        )
        == "renders"
    )
    assert await outcome(
        reader, write_pdf(tmp_path / "nothing.pdf", [b""], media_box="0 0 0 0")
    ) in {"renders", "limit", "unreadable"}


async def test_pages_that_contain_each_other(reader: DocumentReader, tmp_path: Path) -> None:
    catalogue, pages = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [2 0 R] /Count 3 >>",
    )
    (tmp_path / "cycle.pdf").write_bytes(assemble([catalogue, pages]))
    assert await outcome(reader, tmp_path / "cycle.pdf") == "unreadable"


async def test_a_form_that_draws_itself(reader: DocumentReader, tmp_path: Path) -> None:
    itself = stream_object(
        b"/F5 Do",
        "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F5 5 0 R >> >>",
    )
    path = write_pdf(
        tmp_path / "self.pdf",
        [b"/F5 Do " + text_at(50, 700, "Invoice").encode()],
        objects=(itself,),
        resources="/XObject << /F5 5 0 R >>",
    )
    assert await outcome(reader, path) == "renders"


async def test_a_picture_that_claims_to_be_huge(reader: DocumentReader, tmp_path: Path) -> None:
    claim = stream_object(
        b"\x00",
        "/Type /XObject /Subtype /Image /Width 100000 /Height 100000 /ColorSpace "
        "/DeviceRGB /BitsPerComponent 8",
    )
    path = write_pdf(
        tmp_path / "claim.pdf",
        [b"q 595 0 0 842 0 0 cm /Im1 Do Q"],
        objects=(claim,),
        resources="/XObject << /Im1 5 0 R >>",
    )
    assert await outcome(reader, path) in {"renders", "worker_died", "limit"}


async def test_the_reader_is_as_good_as_new_afterwards(
    reader: DocumentReader, tmp_path: Path
) -> None:
    assert await outcome(reader, make_endless_pdf(tmp_path / "endless.pdf")) in {
        "worker_died",
        "limit",
    }
    assert await outcome(reader, make_pdf(2, tmp_path / "good.pdf")) == "renders"
