"""How fast are pages rendered? docmill's reader against plain pypdfium2, pdf2image (poppler) and
PyMuPDF, where installed.

    python -m bench.render [FOLDER ...] [--sides 1024 1540] [--repeat 10] [--rounds 3] [--long 500]

Every program makes JPEG images of all PDF pages straight to size. docmill also reads words, page
kind and stores them. CPU is that of all processes, pages over all documents; workers are warm, as
in a run of more than one document.
"""

import argparse
import asyncio
import importlib
import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from schemas.document import Document, RenderSettings
from schemas.flow import RenderSettingsSpec
from tasks.documents.identify import PDF, identify
from tasks.documents.reader import DocumentReader

DOCUMENTS, PAGES = 4, 16  # at one time, as `concurrency` has them by default
_DEFAULT = [
    Path(__file__).parents[2] / "shared" / "data" / name
    for name in ("invoices-dev", "einvoices-dev")
]
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


class Measured(NamedTuple):
    pages: int
    seconds: float
    cpu_seconds: float

    def row(self, name: str, side: int) -> str:
        return (
            f"{name:<34} {side:>5} {self.pages:>6} {self.pages / self.seconds:>9.1f} "
            f"{1000 * self.cpu_seconds / self.pages:>9.2f}"
        )


def median_of(rounds: Sequence[Measured]) -> Measured:
    return Measured(
        rounds[0].pages,
        median(each.seconds for each in rounds),
        median(each.cpu_seconds for each in rounds),
    )


def cpu_of(pids: Sequence[int]) -> float:
    """User and system time of this process and of `pids`, in seconds."""
    total = time.process_time()
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / _TICK
    return total


def resident_mb(pids: Sequence[int]) -> float:
    return (
        sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_KB for pid in pids)
        / 1024
    )


async def measure_docmill(
    documents: list[Document], side: int, workers: int | None
) -> tuple[Measured, Measured]:
    """First visits, which also learn words and kinds; then the same pages again, of which only
    images are wanted."""
    with tempfile.TemporaryDirectory() as store:
        async with DocumentReader(RenderSettingsSpec(), store_url=store, workers=workers) as reader:
            await asyncio.gather(*(reader.open(documents[0]) for _ in range(8)))
            await asyncio.sleep(0.5)  # the other workers
            pids = reader.worker_pids
            visits = []
            for _ in range(2):
                cpu, begun = cpu_of(pids), time.perf_counter()
                pages = await _all_pages(reader, documents, side)
                visits.append(Measured(pages, time.perf_counter() - begun, cpu_of(pids) - cpu))
            return visits[0], visits[1]


async def _all_pages(reader: DocumentReader, documents: list[Document], side: int) -> int:
    """As a flow does: some documents at one time, and some pages of them."""
    at_one_time, in_flight = asyncio.Semaphore(DOCUMENTS), asyncio.Semaphore(PAGES)

    async def visit(document: Document, page_number: int) -> None:
        async with in_flight:
            await reader.image(document, page_number, RenderSettings(max_side_px=side))

    async def read(document: Document) -> int:
        async with at_one_time:
            info = await reader.open(document)
            await asyncio.gather(
                *(visit(document, number) for number in range(1, info.page_count + 1))
            )
            return info.page_count

    return sum(await asyncio.gather(*map(read, documents)))


def measure_loop(render: Callable[[Path, int], int], paths: list[Path], side: int) -> Measured:
    """`render` makes all pages of one file and returns their number; children's CPU counts too."""
    begun, cpu = time.perf_counter(), _own_and_children()
    pages = sum(render(path, side) for path in paths)
    return Measured(pages, time.perf_counter() - begun, _own_and_children() - cpu)


def _own_and_children() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def plain_pypdfium2(path: Path, side: int, *, boxes: bool = False) -> int:
    import pypdfium2

    pdf = pypdfium2.PdfDocument(path)
    for page in pdf:
        picture = page.render(scale=side / max(page.get_size())).to_pil()
        picture.save(io.BytesIO(), "JPEG", quality=85)
        if boxes:
            text = page.get_textpage()
            text.get_text_range()
            for index in range(text.count_chars()):
                text.get_charbox(index, loose=True)
    count = len(pdf)
    pdf.close()
    return count


def pdf2image(path: Path, side: int) -> int:
    module = importlib.import_module("pdf2image")
    images: list[Any] = module.convert_from_path(path, size=side)
    for image in images:
        image.save(io.BytesIO(), "JPEG", quality=85)
    return len(images)


def pymupdf(path: Path, side: int) -> int:
    module = importlib.import_module("pymupdf")
    with module.open(path) as pdf:
        for page in pdf:
            scale = side / max(page.rect.width, page.rect.height)
            page.get_pixmap(matrix=module.Matrix(scale, scale)).tobytes("jpeg", jpg_quality=85)
        return len(pdf)


def rivals() -> dict[str, Callable[[Path, int], int]]:
    found: dict[str, Callable[[Path, int], int]] = {
        "plain pypdfium2, one process": plain_pypdfium2,
        "the same, with character boxes": partial(plain_pypdfium2, boxes=True),
    }
    if importlib.util.find_spec("pdf2image") and shutil.which("pdftoppm"):
        found["pdf2image (poppler)"] = pdf2image
    if importlib.util.find_spec("pymupdf"):
        found["PyMuPDF, one process"] = pymupdf
    return found


async def measure_long(pages: int, side: int) -> None:
    """One long document: time to the first page after opening, and memory of the workers on the
    way."""
    from tests.support.documents import make_pdf

    with tempfile.TemporaryDirectory() as folder:
        document = identify(make_pdf(pages, Path(folder) / "long.pdf"))
        async with DocumentReader(RenderSettingsSpec(), store_url=f"{folder}/store") as reader:
            await reader.open(identify(make_pdf(1, Path(folder) / "warm.pdf")))
            begun = time.perf_counter()
            await reader.open(document)
            opened = time.perf_counter()
            await reader.image(document, 1, RenderSettings(max_side_px=side))
            first = time.perf_counter()
            resident = []
            for start in range(1, pages, 50):
                numbers = range(start, min(start + 50, pages + 1))
                await asyncio.gather(
                    *(
                        reader.image(document, number, RenderSettings(max_side_px=side))
                        for number in numbers
                    )
                )
                resident.append(resident_mb(reader.worker_pids))
            seconds = time.perf_counter() - first
    print(
        f"\n{pages} pages: opened in {1000 * (opened - begun):.0f} ms, first page "
        f"{1000 * (first - opened):.0f} ms later, {pages / seconds:.0f} pages/s"
    )
    print(
        "workers' memory (MB, all together) after each 50 pages: "
        + " ".join(f"{mb:.0f}" for mb in resident)
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path, default=_DEFAULT)
    parser.add_argument("--sides", nargs="*", type=int, default=[1024, 1540])
    parser.add_argument(
        "--repeat", type=int, default=10, help="times that each document is read in a round"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--long", type=int, default=500)
    parser.add_argument("--workers", type=int)
    options = parser.parse_args()
    paths = sorted(path for folder in options.folders for path in folder.glob("*.pdf"))
    documents = [document for document in map(identify, paths) if document.media_type == PDF]
    if not documents:
        sys.exit("no PDFs there; name a folder that has some")
    again = [
        document.model_copy(update={"document_id": f"{turn:04x}{document.document_id[4:]}"})
        for turn in range(options.repeat)
        for document in documents
    ]
    print(
        f"{'program (medians of the rounds)':<34} {'px':>5} {'pages':>6} {'pages/s':>9} "
        f"{'CPU ms':>9}"
    )
    for side in options.sides:
        measured: dict[str, list[Measured]] = {}
        for _ in range(
            options.rounds
        ):  # in turn, so that a machine that changes its speed does so for all
            first, second = asyncio.run(measure_docmill(again, side, options.workers))
            measured.setdefault("docmill, with words and kinds", []).append(first)
            measured.setdefault("docmill, images only", []).append(second)
            for name, render in rivals().items():
                measured.setdefault(name, []).append(
                    measure_loop(render, [document.path for document in again], side)
                )
        for name, rounds in measured.items():
            print(median_of(rounds).row(name, side))
    asyncio.run(measure_long(options.long, options.sides[0]))


if __name__ == "__main__":
    main()
