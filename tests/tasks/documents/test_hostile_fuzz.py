"""Mutated bytes of good documents: no run dies, hangs or loses a document. The seed is fixed, so
that a failure can be repeated."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from schemas.document import RenderSettings
from schemas.errors import DocumentError
from schemas.flow import RenderSettingsSpec
from tasks.documents.identify import identify
from tasks.documents.reader import DocumentReader
from tests.support.documents import REAL, make_pdf, make_scan_pdf

SEED = 20260314
IN_FLIGHT = 8


def good_documents(folder: Path) -> list[bytes]:
    folder.mkdir()
    make_pdf(2, folder / "made.pdf")
    make_scan_pdf(folder / "scan.pdf", invisible_text="text of somebody's OCR")
    picture = Image.open(REAL / "590.jpg").convert("RGB").resize((240, 320))
    for suffix in ("png", "jpg", "gif", "webp", "bmp", "avif", "jp2"):
        picture.save(folder / f"picture.{suffix}")
    picture.convert("1").save(
        folder / "fax.tif",
        save_all=True,
        append_images=[picture.convert("1")],
        compression="group4",
    )
    real = [
        REAL / name
        for name in (
            "coolblue1.pdf",
            "FlipkartInvoice.pdf",
            "pypdf-r4-owner-password.pdf",
            "pillow-multipage-mmap.tiff",
        )
    ]
    return [path.read_bytes() for path in [*sorted(folder.iterdir()), *real]]


def mutated(good: bytes, chance: random.Random) -> bytes:
    """Bytes changed, a piece removed, doubled or moved, or the end cut off; heads are hit as often
    as bodies."""
    data = bytearray(good)
    for _ in range(chance.choice((1, 2, 8, 40))):
        place = chance.randrange(len(data) if chance.random() < 0.6 else min(512, len(data)))
        length = chance.choice((1, 1, 2, 4, 64))
        match chance.randrange(6):
            case 0 | 1 | 2:
                data[place : place + length] = chance.randbytes(length)
            case 3:
                del data[place : place + length]
            case 4:
                data[place:place] = data[place : place + length]
            case _:
                digits = [
                    index
                    for index in range(place, min(place + 200, len(data)))
                    if 48 <= data[index] <= 57
                ]
                for index in digits[:3]:
                    data[index] = chance.choice(b"0123456789-")
    return bytes(data[: chance.randrange(1, len(data) + 1)] if chance.random() < 0.1 else data)


async def ends_of(folder: Path, count: int) -> Counter[str]:
    """How each of `count` mutated documents ended; an exception that is not a DocumentError fails
    the test."""
    chance, good = random.Random(SEED), good_documents(folder / "good")
    ends: Counter[str] = Counter()
    slots = asyncio.Semaphore(IN_FLIGHT)
    settings = RenderSettingsSpec(memory_mb=512, page_seconds=10, max_megapixels=40)
    async with DocumentReader(settings, store_url=str(folder / "store"), workers=2) as reader:

        async def visit(number: int, data: bytes) -> None:
            path = folder / f"{number}.bin"
            path.write_bytes(data)
            async with slots:
                ends[await _end_of(reader, path)] += 1
            path.unlink()

        for first in range(0, count, 100):
            batch = [mutated(chance.choice(good), chance) for _ in range(min(100, count - first))]
            async with asyncio.timeout(120):
                await asyncio.gather(
                    *(visit(first + number, data) for number, data in enumerate(batch))
                )
    return ends


async def _end_of(reader: DocumentReader, path: Path) -> str:
    document = identify(path)
    try:
        info = await reader.open(document)
        for page_number in range(1, min(2, info.page_count) + 1):
            await reader.image(document, page_number, RenderSettings(max_side_px=512))
    except DocumentError as error:
        return error.code
    return "read"


@pytest.mark.parametrize("count", [150, pytest.param(2_000, marks=pytest.mark.slow)])
async def test_every_mutated_document_ends_in_exactly_one_named_way(
    tmp_path: Path, count: int
) -> None:
    ends = await ends_of(tmp_path, count)
    assert ends.total() == count
    assert set(ends) <= {
        "read",
        "unreadable",
        "unsupported_type",
        "password",
        "limit",
        "worker_died",
    }
    assert ends["read"] > count / 10
    assert ends["unreadable"] > count / 10
    assert ends["worker_died"] <= count / 200  # pdfium may abort; our own code may not break
