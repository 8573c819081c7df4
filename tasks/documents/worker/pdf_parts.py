"""Parts drawn on a PDF page: pictures, paths and invisible text, counted for the page kind."""

from collections.abc import Callable
from itertools import repeat
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from tasks.documents.worker.page_kind import FULL_PICTURE, PageParts
from tasks.documents.worker.pdfium_calls import (
    Handle,
    form_object,
    handle_of,
    object_type,
    page_object,
    pointer_to,
)

MAX_OBJECTS = 5_000  # looked at on one page; the kind is settled long before
_MAX_DEPTH = 4  # of forms in forms
_TEXT_SAMPLES = 50
_INVISIBLE = 3  # text render mode (ISO 32000-1, table 106)


class Matrix(NamedTuple):
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 1.0

    def after(self, first: "Matrix") -> "Matrix":
        return Matrix(
            first.a * self.a + first.b * self.c,
            first.a * self.b + first.b * self.d,
            first.c * self.a + first.d * self.c,
            first.c * self.b + first.d * self.d,
        )

    @property
    def area(self) -> float:
        """Of the unit square, in which every image is drawn."""
        return abs(self.a * self.d - self.b * self.c)


class _Counter:
    def __init__(self, parts: PageParts, page_area: float) -> None:
        self.parts, self.page_area = parts, page_area
        self.left = MAX_OBJECTS
        self.texts: list[Handle] = []

    def count(
        self,
        holder: Handle,
        object_at: Callable[[Handle, int], Handle],
        count: int,
        matrix: Matrix,
        depth: int = 0,
    ) -> None:
        """What is drawn by a page or a form. The loops over all objects run in C: pages have
        hundreds, and most are text or lines."""
        objects = list(map(object_at, repeat(holder), range(min(self.left, max(0, count)))))
        kinds = list(map(object_type, objects))
        self.left -= len(objects)
        self.parts.paths += kinds.count(pdfium.FPDF_PAGEOBJ_PATH)
        for handle, kind in zip(objects, kinds, strict=True):
            if kind == pdfium.FPDF_PAGEOBJ_TEXT:
                if len(self.texts) < _TEXT_SAMPLES:
                    self.texts.append(handle)
            elif kind == pdfium.FPDF_PAGEOBJ_IMAGE:
                self.parts.pictures.append(
                    min(1.0, matrix.after(_matrix_of(pointer_to(handle))).area / self.page_area)
                )
            elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _MAX_DEPTH:
                form = pointer_to(handle)
                self.count(
                    handle,
                    form_object,
                    pdfium.FPDFFormObj_CountObjects(form),
                    matrix.after(_matrix_of(form)),
                    depth + 1,
                )


def count_parts(page: Any, page_area: float, parts: PageParts) -> None:
    """Adds what is drawn to `parts`. `page_area` in square points."""
    counter = _Counter(parts, max(page_area, 1.0))
    counter.count(handle_of(page), page_object, pdfium.FPDFPage_CountObjects(page), Matrix())
    if sum(parts.pictures) >= FULL_PICTURE:
        parts.invisible_text = any(
            pdfium.FPDFTextObj_GetTextRenderMode(pointer_to(text)) == _INVISIBLE
            for text in counter.texts
        )


def _matrix_of(drawn: Any) -> Matrix:
    matrix = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(drawn, matrix):
        return Matrix(0.0, 0.0, 0.0, 0.0)
    return Matrix(matrix.a, matrix.b, matrix.c, matrix.d)
