"""Document reader of the steps: asks worker processes and remembers what they learned."""

import json
from collections import OrderedDict
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from pydantic import ValidationError

from schemas import errors
from schemas.document import (
    Attachment,
    Document,
    DocumentInfo,
    Page,
    PageImage,
    PageKind,
    RenderSettings,
)
from schemas.errors import (
    DocumentError,
    LimitError,
    UnreadableError,
    UnsupportedTypeError,
    WorkerError,
)
from schemas.flow import RenderSettingsSpec
from tasks.documents.identify import EMPTY, PDF, SIGNED, UNKNOWN, XML
from tasks.documents.page_store import PageStore
from tasks.documents.pool import frames as wire
from tasks.documents.pool.pool import Request, WorkerPool
from tasks.documents.sketch import PageSketch
from tasks.documents.visit import VisitRequest

_REMEMBERED = 1_024  # documents of which what opening told is kept
_OCR_PATIENCE = 4  # OCR tries a page in four directions when it cannot read it
_DEATHS_BEARABLE = 5  # workers that one document may cost
_ERRORS: dict[str, type[DocumentError]] = {
    error.code: error
    for error in (
        UnsupportedTypeError,
        UnreadableError,
        errors.PasswordError,
        LimitError,
        WorkerError,
        errors.OcrMissingError,
    )
}


class PageVisit:
    """An image, and what the same visit learned of the page: its words are only unpacked when they
    are asked for."""

    __slots__ = ("_data", "_page", "image", "kind")

    def __init__(
        self, image: PageImage, kind: PageKind, page: Page | None, data: bytes = b""
    ) -> None:
        self.image, self.kind, self._page, self._data = image, kind, page, data

    @property
    def page(self) -> Page:
        """Raises WorkerError when it is not what a page looks like."""
        if self._page is None:
            self._page = _unpacked(self._data)
        return self._page


class PageSource(Protocol):
    """Where the steps get documents and pages from. `page` has words only where they are read."""

    async def open(self, document: Document) -> DocumentInfo: ...
    async def attachment_names(self, document: Document) -> tuple[str, ...]: ...
    async def attachments(self, document: Document) -> list[Attachment]: ...
    async def page(self, document: Document, page_number: int, *, ocr: bool) -> Page: ...
    async def image(
        self, document: Document, page_number: int, render: RenderSettings
    ) -> PageVisit: ...


class _Seen:
    """What is known of a document while it is worked on."""

    def __init__(self) -> None:
        self.info: DocumentInfo | None = None
        self.worked_seconds = 0.0
        self.deaths = 0


class DocumentReader:
    """Opens documents and visits pages in worker processes, which start in the background on
    entering the context, or when not `warm` with the first document that is asked for, so that a
    run with nothing to read starts none.

    Any number of pages may be requested concurrently; they are read as workers become free.
    Methods raise DocumentError.
    """

    def __init__(
        self,
        settings: RenderSettingsSpec,
        *,
        store_url: str,
        passwords: Sequence[str] = (),
        workers: int | None = None,
        warm: bool = True,
    ) -> None:
        self._settings, self._warm = settings, warm
        self._store = PageStore(store_url)
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._pool = WorkerPool(
            {
                "memory_mb": settings.memory_mb,
                "max_megapixels": settings.max_megapixels,
                "passwords": list(passwords),
            },
            workers=workers,
        )

    async def __aenter__(self) -> Self:
        if self._warm:
            self._pool.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._pool.close()
        await self._store.flush()

    @property
    def worker_pids(self) -> tuple[int, ...]:
        return tuple(process.pid for process in self._pool.processes if process.pid is not None)

    async def open(self, document: Document) -> DocumentInfo:
        """Count pages and list attachments. XML has no pages: `page_count` is 0.

        Raises UnsupportedTypeError, UnreadableError, PasswordError, LimitError or WorkerError.
        """
        _refuse_foreign_type(document)
        if document.media_type == XML:
            return DocumentInfo(page_count=0)
        info = await self._info(document)
        if info.page_count > self._settings.page_limit:
            raise LimitError(
                f"{info.page_count:,} pages; more than {self._settings.page_limit:,} are "
                "not read (`render.page_limit`)"
            )
        return info

    async def attachment_names(self, document: Document) -> tuple[str, ...]:
        """Of all files embedded in a PDF, also of those that `attachments` leaves out."""
        return (await self._info(document)).attachment_names

    async def attachments(self, document: Document) -> list[Attachment]:
        """Files embedded in a PDF, of however many pages, as `PdfFile.attachments` gives them; none
        for other types."""
        if document.media_type != PDF or not (await self._info(document)).attachment_names:
            return []
        frame = await self._ask(document, {"ask": "attachments"})
        attached, start = [], 0
        for name, length in frame.header["attachments"]:
            attached.append(Attachment(name, frame.payload[start : start + length]))
            start += length
        return attached

    async def page(self, document: Document, page_number: int, *, ocr: bool) -> Page:
        """Words and kind of a page, from the page store when it was visited before.

        `ocr=True` reads pages without a usable text layer by OCR: OcrMissingError when the extra is
        not installed.
        """
        stored = await self._store.get(document.document_id, page_number)
        if stored is not None and not (ocr and _lacks_ocr(stored)):
            return stored
        frame = await self._visit(document, VisitRequest(page_number, ocr=ocr))
        return _unpacked(frame.payload)

    async def image(
        self, document: Document, page_number: int, render: RenderSettings
    ) -> PageVisit:
        """The page's image, straight to size; the same visit learns its words and kind."""
        stored = await self._store.get(document.document_id, page_number)
        frame = await self._visit(
            document,
            VisitRequest(page_number, max_side_px=render.max_side_px, words=stored is None),
        )
        length, media_type, width_px, height_px = frame.header["image"]
        image = PageImage(frame.payload[:length], media_type, width_px, height_px)
        if stored is not None:
            return PageVisit(image, stored.kind, stored)
        return PageVisit(image, PageKind(frame.header["kind"]), None, frame.payload[length:])

    async def sketches(
        self, document: Document, page_numbers: Sequence[int]
    ) -> list[PageSketch | None]:
        """Size and text of pages without drawing them: some milliseconds for a PDF page. None for a
        page that cannot be read.

        Nothing is stored. The time limit of one page bounds them all, so ask for some tens at a
        time.
        """
        frame = await self._ask(document, {"ask": "sketch", "pages": list(page_numbers)})
        return [
            None if sketch is None else PageSketch(*sketch) for sketch in json.loads(frame.payload)
        ]

    async def _info(self, document: Document) -> DocumentInfo:
        seen = self._seen_of(document)
        if seen.info is None:
            frame = await self._ask(document, {"ask": "open"})
            seen.info = DocumentInfo.model_validate(frame.header["info"])
        return seen.info

    async def _visit(self, document: Document, visit: VisitRequest) -> wire.Frame:
        """The answer's payload is the image, if one was wanted, and after it the page's JSON, if
        words were."""
        try:
            frame = await self._ask(
                document, {"ask": "visit", "visit": visit._asdict()}, ocr=visit.ocr
            )
        except DocumentError as error:
            raise type(error)(f"page {visit.page_number}: {error.message}") from error
        if visit.words:
            start = frame.header["image"][0] if visit.max_side_px else 0
            await self._store.put(document.document_id, visit.page_number, frame.payload[start:])
        return frame

    async def _ask(
        self, document: Document, header: dict[str, Any], *, ocr: bool = False
    ) -> wire.Frame:
        seen = self._seen_of(document)
        left = self._settings.document_seconds - seen.worked_seconds
        if left <= 0:
            raise LimitError(
                f"the document took longer than {self._settings.document_seconds:g} s "
                "(`render.document_seconds`); its other pages are not read"
            )
        if seen.deaths >= _DEATHS_BEARABLE:
            raise WorkerError(
                f"the document killed {seen.deaths} worker processes; its other pages are not read"
            )
        header["document"] = {**document.__dict__, "path": str(document.path)}
        page_seconds = self._settings.page_seconds * (_OCR_PATIENCE if ocr else 1)
        request = Request(header, document.document_id, min(page_seconds, left), ocr)
        try:
            frame = await self._pool.ask(request)
        except (WorkerError, LimitError):
            seen.deaths += 1
            raise
        finally:
            seen.worked_seconds += request.worked_seconds
        if problem := frame.header.get("error"):
            raise _ERRORS.get(problem["code"], WorkerError)(problem["message"])
        return frame

    def _seen_of(self, document: Document) -> _Seen:
        seen = self._seen.setdefault(document.document_id, _Seen())
        self._seen.move_to_end(document.document_id)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return seen


def _refuse_foreign_type(document: Document) -> None:
    media_type = document.media_type
    if media_type == EMPTY:
        raise UnreadableError("the file is empty (0 bytes)")
    if media_type == SIGNED:
        raise UnsupportedTypeError(
            "a signed file (PKCS #7, .p7m), such as an Italian FatturaPA invoice; signatures are "
            "not opened"
        )
    if media_type not in (PDF, XML, UNKNOWN) and not media_type.startswith("image/"):
        raise UnsupportedTypeError(
            f"neither a PDF, a raster image nor an e-invoice; the content looks like {media_type}"
        )


def _unpacked(data: bytes) -> Page:
    try:
        return Page.model_validate_json(data)
    except ValidationError as error:
        raise WorkerError("the worker sent something that is not a page") from error


def _lacks_ocr(page: Page) -> bool:
    return not page.kind.readable and page.kind is not PageKind.BLANK and page.words_from != "ocr"
