"""Drawing of a PDF page by pdfium, straight to size into memory that Pillow reads uncopied."""

import ctypes
from typing import Any

import pypdfium2.raw as pdfium
from PIL import Image

from schemas.errors import LimitError
from tasks.documents.worker.pdf_placement import Placement

_KEPT_BYTES = 32 << 20  # a page at 2,500 px; larger canvases are given back


class _Canvas:
    """The pixels of the page that was drawn last. One for the whole process: fresh memory costs
    more than the text of a page."""

    def __init__(self) -> None:
        self._kept = ctypes.create_string_buffer(0)

    def white(self, size: int) -> Any:
        """A buffer of at least `size` bytes, so many of them white; valid until the next call."""
        canvas = self._kept
        if len(canvas) < size:
            canvas = ctypes.create_string_buffer(size)
        if (
            len(canvas) <= _KEPT_BYTES
        ):  # of a larger one the image keeps hold as long as it is needed
            self._kept = canvas
        ctypes.memset(canvas, 0xFF, size)
        return canvas


_canvas = _Canvas()


def drawn(page: Any, form: Any | None, placement: Placement, max_side_px: int) -> Image.Image:
    """The page with its annotations and form fields, on white, as RGBX; valid until the next
    call."""
    scale = max_side_px / max(placement.width_pt, placement.height_pt)
    width, height = (
        max(1, round(placement.width_pt * scale)),
        max(1, round(placement.height_pt * scale)),
    )
    size = width * height * 4
    pixels = _canvas.white(size)
    bitmap = pdfium.FPDFBitmap_CreateEx(width, height, pdfium.FPDFBitmap_BGRx, pixels, width * 4)
    if not bitmap:
        raise LimitError(
            f"an image of {width} x {height} px needs more memory than a worker may use; "
            "lower `render.max_side_px`"
        )
    try:
        flags = pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER
        pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, flags)
        if form:
            pdfium.FPDF_FFLDraw(form, bitmap, page, 0, 0, width, height, 0, flags)
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)
    # any buffer does; a copy would cost 3 MB a page
    return Image.frombuffer("RGBX", (width, height), memoryview(pixels)[:size], "raw", "RGBX", 0, 1)  # type: ignore[arg-type]
