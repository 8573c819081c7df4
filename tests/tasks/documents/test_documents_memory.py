"""Memory stays flat however long a document is."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from schemas.document import RenderSettings
from schemas.flow import RenderSettingsSpec
from tasks.documents.identify import identify
from tasks.documents.reader import DocumentReader
from tests.support.documents import make_pdf

SIZE = RenderSettings(max_side_px=512)
PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024 if hasattr(os, "sysconf") else 4


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_KB / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
async def test_neither_workers_nor_parent_grow_from_page_50_to_page_500(tmp_path: Path) -> None:
    document = identify(make_pdf(500, tmp_path / "long.pdf"))
    async with DocumentReader(
        RenderSettingsSpec(), store_url=str(tmp_path / "store"), workers=2
    ) as reader:
        slots = asyncio.Semaphore(8)

        async def visit(page_number: int) -> None:
            async with slots:
                assert (await reader.image(document, page_number, SIZE)).page.words

        resident = []
        for first, last in ((1, 50), (51, 500)):
            await asyncio.gather(*(visit(number) for number in range(first, last + 1)))
            resident.append(
                [resident_mb(os.getpid()), sum(resident_mb(pid) for pid in reader.worker_pids)]
            )
    (parent_early, workers_early), (parent_late, workers_late) = resident
    assert parent_late < parent_early + 10
    assert workers_late < 1.15 * workers_early
