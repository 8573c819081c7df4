"""Document reader of a plan: knows sizes and texts of pages, and draws none."""

import asyncio

from schemas.document import Attachment, Document, DocumentInfo, Page, PageKind, RenderSettings
from schemas.errors import UnreadableError
from tasks.documents.identify import PDF
from tasks.documents.reader import DocumentReader, PageVisit
from tasks.documents.sketch import PageSketch, image_size
from tasks.models.price.tokens import PixelSize

PAGES_AT_ONCE = 32  # asked of a worker in one request


class SketchReader:
    """A `PageSource` whose pages have no words. Pages are sketched some at a time and kept until
    `forget`."""

    def __init__(self, reader: DocumentReader) -> None:
        self._reader = reader
        self._documents: dict[str, tuple[Document, int]] = {}  # by id, with the number of pages
        self._chunks: dict[
            tuple[str, int], asyncio.Future[list[PageSketch | None]]
        ] = {}  # by document_id and first page

    async def begun(self) -> None:
        """Returns when a worker process was started, though it is not ready yet; after 0.1 s in any
        case."""
        for _ in range(100):
            if self._reader.worker_pids:
                return
            await asyncio.sleep(0.001)

    async def open(self, document: Document) -> DocumentInfo:
        info = await self._reader.open(document)
        self._documents[document.document_id] = document, info.page_count
        return info

    async def attachment_names(self, document: Document) -> tuple[str, ...]:
        return await self._reader.attachment_names(document)

    async def attachments(self, document: Document) -> list[Attachment]:
        return await self._reader.attachments(document)

    async def image(
        self, document: Document, page_number: int, render: RenderSettings
    ) -> PageVisit:
        """Draws the page after all; an estimate asks for none."""
        return await self._reader.image(document, page_number, render)

    async def page(self, document: Document, page_number: int, *, ocr: bool) -> Page:
        """Kind and size only. Raises UnreadableError for a page that a visit could not read
        either."""
        del ocr  # a plan reads no picture
        sketch = await self.sketch(document.document_id, page_number)
        kind = (
            PageKind.BLANK
            if sketch.blank
            else PageKind.SCAN
            if sketch.text is None
            else PageKind.TEXT
        )
        return Page(
            page_number=page_number, kind=kind, width_pt=sketch.width, height_pt=sketch.height
        )

    async def sketch(self, document_id: str, page_number: int) -> PageSketch:
        """Of a document that was opened."""
        document, page_count = self._documents[document_id]
        first = (page_number - 1) // PAGES_AT_ONCE * PAGES_AT_ONCE + 1
        key = document_id, first
        if key not in self._chunks:
            numbers = range(first, min(first + PAGES_AT_ONCE, page_count + 1))
            self._chunks[key] = asyncio.ensure_future(self._reader.sketches(document, numbers))
        found = (await asyncio.shield(self._chunks[key]))[page_number - first]
        if found is None:
            raise UnreadableError(f"page {page_number}: the page is damaged")
        return found

    def image_size(self, document_id: str, sketch: PageSketch, max_side_px: int) -> PixelSize:
        """Size of the image that a run would send."""
        document, _ = self._documents[document_id]
        return PixelSize(*image_size(sketch, max_side_px, enlarge=document.media_type == PDF))

    def forget(self, document_id: str) -> None:
        """Gives back the memory of a document that was planned."""
        self._documents.pop(document_id, None)
        for key in [key for key in self._chunks if key[0] == document_id]:
            self._chunks.pop(key).cancel()
