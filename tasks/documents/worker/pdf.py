"""PDF pages inside a worker: images and words by pdfium, straight to size, without copies."""

import contextlib
import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pypdfium2.raw as pdfium
from PIL import Image
from pypdfium2 import PdfDocument, PdfiumError

from schemas.document import Attachment, DocumentInfo, Page, PageKind
from schemas.errors import DocumentError, LimitError, PasswordError, UnreadableError
from tasks.documents.sketch import PageSketch
from tasks.documents.visit import Visit, VisitRequest
from tasks.documents.worker import pdf_forms
from tasks.documents.worker.encode import encode_image, is_blank
from tasks.documents.worker.ocr import OCR_SIDE_PX, words_of_picture
from tasks.documents.worker.page_kind import PageParts, kind_of
from tasks.documents.worker.pdf_drawing import drawn
from tasks.documents.worker.pdf_embedded import embedded_files
from tasks.documents.worker.pdf_parts import count_parts
from tasks.documents.worker.pdf_placement import Placement, placement_of
from tasks.documents.worker.pdf_sketch import sketch_of
from tasks.documents.worker.pdf_words import read_words
from tasks.layout.reading_order import in_reading_order

# 200 inches, the largest page of PDF viewers; beyond, nothing is legible at any size we send
MAX_SIDE_PT = 14_400.0
MAX_ATTACHMENT_BYTES = 32 << 20
MAX_ATTACHED_BYTES = (
    64 << 20
)  # of all that is attached to a document: a file of 1 MB may hold a gigabyte
VISITS_UNTIL_REOPENED = (
    100  # pdfium keeps what it parsed; reopening keeps memory flat in long documents
)
_REASONS = {
    pdfium.FPDF_ERR_FILE: "the file cannot be opened",
    pdfium.FPDF_ERR_SECURITY: "the PDF is encrypted in a way that pdfium does not know",
}
_GLANCE_PX = 512  # size at which blank pages are detected when no image is wanted


class PdfFile:
    """An open PDF. Every method may end the process: pdfium aborts on some hostile files."""

    def __init__(self, path: Path, passwords: Sequence[str]) -> None:
        self._path, self._passwords = path, passwords
        self._pdf = self._open()
        self._visits = 0

    def _open(self) -> Any:
        for password in ("", *self._passwords):
            raw = pdfium.FPDF_LoadDocument(os.fsencode(self._path), password.encode())
            if raw:
                return _with_forms(PdfDocument(raw))
            code = pdfium.FPDF_GetLastError()
            if code != pdfium.FPDF_ERR_PASSWORD:
                raise UnreadableError(
                    _REASONS.get(
                        code, "the PDF is damaged or cut off: its structure cannot be read"
                    )
                )
        known = (
            f"none of the {len(self._passwords)} known passwords opens it"
            if self._passwords
            else "no password is known"
        )
        raise PasswordError(
            f"the PDF is encrypted and {known}; name one by `render.passwords_env` or "
            "`render.passwords_file`"
        )

    def close(self) -> None:
        self._pdf.close()

    def info(self) -> DocumentInfo:
        listed = [name for name, _ in self._attached()]
        unlisted = [attachment.name for attachment in self._unlisted()]
        return DocumentInfo(
            page_count=len(self._pdf),
            attachment_names=(*listed, *unlisted),
            xfa_only=pdfium.FPDF_GetFormType(self._pdf.raw) == pdfium.FORMTYPE_XFA_FULL,
        )

    def attachments(self) -> list[Attachment]:
        """Attached files up to 32 MB each and 64 MB together, those named `.xml` first; the others
        are only in `DocumentInfo.attachment_names`. Damaged ones are left out."""
        found = self._listed()
        left = MAX_ATTACHED_BYTES - sum(len(attachment.data) for attachment in found)
        for attachment in self._unlisted():
            if len(attachment.data) <= left:
                found.append(attachment)
                left -= len(attachment.data)
        return found

    def _listed(self) -> list[Attachment]:
        found, left = [], MAX_ATTACHED_BYTES
        for name, raw in sorted(
            self._attached(), key=lambda attached: not attached[0].casefold().endswith(".xml")
        ):
            size = ctypes.c_ulong()
            pdfium.FPDFAttachment_GetFile(raw, None, 0, size)
            if not 0 < size.value <= min(MAX_ATTACHMENT_BYTES, left):
                continue
            buffer = ctypes.create_string_buffer(size.value)
            if pdfium.FPDFAttachment_GetFile(raw, buffer, size.value, size):
                found.append(Attachment(name, buffer.raw[: size.value]))
                left -= size.value
        return found

    def _unlisted(self) -> list[Attachment]:
        """Where no XML is listed, what only `/AF` or an annotation names."""
        if any(name.casefold().endswith(".xml") for name, _ in self._attached()):
            return []
        known = {bytes(attachment.data) for attachment in self._listed()}
        return [
            found
            for found in embedded_files(self._path, MAX_ATTACHMENT_BYTES)
            if found.data not in known
        ]

    def visit(self, request: VisitRequest) -> Visit:
        with self._page(request.page_number) as (page, placement):
            return self._visit(page, placement, request)

    def sketch(self, page_number: int) -> PageSketch:
        with self._page(page_number) as (page, placement):
            return sketch_of(page, placement.width_pt, placement.height_pt)

    @contextmanager
    def _page(self, page_number: int) -> Iterator[tuple[Any, Placement]]:
        self._visits += 1
        if self._visits % VISITS_UNTIL_REOPENED == 0:
            with contextlib.suppress(
                DocumentError
            ):  # the file may have moved; the open one still serves
                fresh = self._open()
                self._pdf.close()
                self._pdf = fresh
        try:
            page = self._pdf.get_page(page_number - 1)
        except PdfiumError as error:
            raise UnreadableError("the page is damaged") from error
        try:
            placement = placement_of(page)
            if min(placement.width_pt, placement.height_pt) <= 0:
                raise UnreadableError(
                    "nothing of the page shows: its crop box lies outside of the page"
                )
            if max(placement.width_pt, placement.height_pt) > MAX_SIDE_PT:
                size = f"{placement.width_pt:.0f} x {placement.height_pt:.0f} pt"
                raise LimitError(
                    f"the page measures {size}; more than {MAX_SIDE_PT:.0f} pt on a side "
                    "is not read"
                )
            yield page, placement
        finally:
            page.close()

    def _visit(self, page: Any, placement: Placement, request: VisitRequest) -> Visit:
        picture = (
            drawn(page, self._pdf.formenv, placement, request.max_side_px)
            if request.max_side_px
            else None
        )
        image = encode_image(picture) if picture else None
        return Visit(
            self._learned(page, placement, picture, request) if request.words else None, image
        )

    def _learned(
        self, page: Any, placement: Placement, picture: Image.Image | None, request: VisitRequest
    ) -> Page:
        parts = PageParts()
        words, turned = read_words(page, placement, parts)
        shown = pdf_forms.shown_words(page, self._pdf.formenv, placement)
        count_parts(page, placement.width_pt * placement.height_pt, parts)
        kind = kind_of(parts)
        if kind is PageKind.BLANK and shown:
            kind = PageKind.TEXT
        if not kind.readable:
            picture = picture or drawn(page, self._pdf.formenv, placement, _GLANCE_PX)
            kind = self._seen(kind, picture)
            words, turned = [], []
        ordered = (
            in_reading_order(words + shown, aspect=placement.width_pt / placement.height_pt)
            + turned
        )
        words_from: Literal["text_layer", "ocr", "none"] = "text_layer" if ordered else "none"
        if request.ocr and not kind.readable and kind is not PageKind.BLANK:
            ordered, words_from = (
                words_of_picture(drawn(page, self._pdf.formenv, placement, OCR_SIDE_PX)),
                "ocr",
            )
        # its words were made here: checking each again costs more than reading it
        return Page.model_construct(
            page_number=request.page_number,
            kind=kind,
            width_pt=round(placement.width_pt, 2),
            height_pt=round(placement.height_pt, 2),
            words=tuple(ordered),
            words_from=words_from,
            form_fields=dict(pdf_forms.fields_of(page, self._pdf.formenv))
            if self._pdf.formenv
            else {},
        )

    def _seen(self, kind: PageKind, picture: Image.Image) -> PageKind:
        """What pixels say of a page without a usable text layer: a scan of empty paper is blank,
        and what shows is not."""
        if is_blank(picture):
            return PageKind.BLANK
        return PageKind.OUTLINES if kind is PageKind.BLANK else kind

    def _attached(self) -> list[tuple[str, Any]]:
        found = []
        for index in range(max(0, self._pdf.count_attachments())):
            attachment = self._pdf.get_attachment(index)
            try:
                found.append((attachment.get_name(), attachment.raw))
            except (PdfiumError, UnicodeDecodeError):
                found.append((f"attachment-{index + 1}", attachment.raw))
        return found


def _with_forms(pdf: Any) -> Any:
    if len(pdf) < 1:
        pdf.close()
        raise UnreadableError("the PDF has no pages")
    with contextlib.suppress(PdfiumError):  # a broken form: the pages are still there
        pdf.init_forms()
    return pdf
