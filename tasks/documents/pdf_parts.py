"""What is drawn on a PDF page? Counts pictures, paths and invisible text for the page kind."""

from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from tasks.documents.page_kind import FULL_PICTURE, OUTLINE_PATHS, PageParts

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
        self.looked_at = 0
        self.text_objects: list[Any] = []

    def visit(self, drawn: Any, matrix: Matrix, depth: int) -> None:
        self.looked_at += 1
        kind = pdfium.FPDFPageObj_GetType(drawn)
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            if len(self.text_objects) < _TEXT_SAMPLES:
                self.text_objects.append(drawn)
        elif kind == pdfium.FPDF_PAGEOBJ_PATH:
            self.parts.paths += 1
        elif kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            self.parts.pictures.append(min(1.0, matrix.after(_matrix_of(drawn)).area / self.page_area))
        elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _MAX_DEPTH:
            inner = matrix.after(_matrix_of(drawn))
            for index in range(max(0, pdfium.FPDFFormObj_CountObjects(drawn))):
                if self.looked_at >= MAX_OBJECTS:
                    break
                self.visit(pdfium.FPDFFormObj_GetObject(drawn, index), inner, depth + 1)


def count_parts(page: Any, page_area: float, parts: PageParts) -> None:
    """Adds what is drawn to `parts`. `page_area` in square points."""
    counter = _Counter(parts, max(page_area, 1.0))
    for index in range(min(MAX_OBJECTS, max(0, pdfium.FPDFPage_CountObjects(page)))):
        counter.visit(pdfium.FPDFPage_GetObject(page, index), Matrix(), 0)
        if parts.paths >= OUTLINE_PATHS and counter.looked_at >= MAX_OBJECTS:
            break
    if sum(parts.pictures) >= FULL_PICTURE:
        parts.invisible_text = any(pdfium.FPDFTextObj_GetTextRenderMode(text) == _INVISIBLE for text in counter.text_objects)


def _matrix_of(drawn: Any) -> Matrix:
    matrix = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(drawn, matrix):
        return Matrix(0.0, 0.0, 0.0, 0.0)
    return Matrix(matrix.a, matrix.b, matrix.c, matrix.d)
