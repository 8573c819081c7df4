"""Sketch of a PDF page from its text layer and its size alone, inside a worker."""

import ctypes
from typing import Any

import pypdfium2.raw as pdfium

from tasks.documents.sketch import PageSketch
from tasks.documents.worker.page_kind import ENOUGH_LETTERS

MOST_CHARACTERS = 20_000  # of a page's text; a page of a telephone book has as many


def sketch_of(page: Any, width_pt: float, height_pt: float) -> PageSketch:
    """Of an open pdfium page. The text is in the file's order."""
    text = _text_of(page)
    if sum(map(str.isalnum, text)) >= ENOUGH_LETTERS:
        return PageSketch(width_pt, height_pt, text)
    drawn = pdfium.FPDFPage_CountObjects(page) > 0 or pdfium.FPDFPage_GetAnnotCount(page) > 0
    return PageSketch(width_pt, height_pt, None, blank=not drawn)


def _text_of(page: Any) -> str:
    text_page = pdfium.FPDFText_LoadPage(page)
    if not text_page:
        return ""
    try:
        count = min(MOST_CHARACTERS, max(0, pdfium.FPDFText_CountChars(text_page)))
        buffer = (ctypes.c_ushort * (count + 1))()  # with a closing zero
        pdfium.FPDFText_GetText(text_page, 0, count, buffer)
        return bytes(buffer)[: 2 * count].decode("utf-16-le", errors="replace").rstrip("\x00")
    finally:
        pdfium.FPDFText_ClosePage(text_page)
