"""Request to a worker about one page, and what it learned there."""

from typing import NamedTuple, Protocol

from schemas.document import Attachment, DocumentInfo, Page, PageImage
from tasks.documents.sketch import PageSketch


class VisitRequest(NamedTuple):
    """`max_side_px` None: no image is wanted. `words`: also read kind and words. `ocr`: by OCR
    where the page's kind needs it."""

    page_number: int
    max_side_px: int | None = None
    words: bool = True
    ocr: bool = False


class Visit(NamedTuple):
    page: Page | None
    image: PageImage | None


class OpenFile(Protocol):
    """An open document inside a worker. Methods raise DocumentError; page numbers count from 1."""

    def info(self) -> DocumentInfo: ...
    def attachments(self) -> list[Attachment]: ...
    def visit(self, request: VisitRequest) -> Visit: ...
    def sketch(self, page_number: int) -> PageSketch: ...
    def close(self) -> None: ...
