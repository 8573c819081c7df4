"""Form field values and free-text notes of a PDF.

They show on the page, but are not in its text.
"""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from schemas.document import Word
from tasks.documents.worker.pdf_placement import Placement

_MAX_ANNOTATIONS = 2_000
_HIDDEN = (
    pdfium.FPDF_ANNOT_FLAG_INVISIBLE | pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
)
_SHOWN_FIELDS = (
    pdfium.FPDF_FORMFIELD_TEXTFIELD,
    pdfium.FPDF_FORMFIELD_COMBOBOX,
    pdfium.FPDF_FORMFIELD_LISTBOX,
)
_CHOICE_FIELDS = (pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX)
_PASSWORD = 1 << 13  # field flag (ISO 32000-1, table 228)
_MAX_OPTIONS = 1_000
_CHECKED_FIELDS = (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON)
_LINE_PT = 14.0  # height of a line when the box of a note holds several


class Field(NamedTuple):
    name: str
    value: str


def fields_of(page: Any, form: Any) -> Iterator[Field]:
    """Form fields of a page that hold a value: full name and value; ticked boxes have their export
    value."""
    for annotation, subtype in _annotations(page):
        if subtype != pdfium.FPDF_ANNOT_WIDGET:
            continue
        name = _text(partial(pdfium.FPDFAnnot_GetFormFieldName, form, annotation))
        value = _field_value(form, annotation)
        if name and value:
            yield Field(name, value)


def shown_words(page: Any, form: Any | None, placement: Placement) -> list[Word]:
    """Words of filled fields and free-text notes, spread evenly over the box that holds them."""
    words: list[Word] = []
    for annotation, subtype in _annotations(page):
        if pdfium.FPDFAnnot_GetFlags(annotation) & _HIDDEN:
            continue
        text = ""
        if subtype == pdfium.FPDF_ANNOT_WIDGET and form is not None:
            if pdfium.FPDFAnnot_GetFormFieldType(form, annotation) in _SHOWN_FIELDS:
                text = _field_value(form, annotation)
        elif subtype == pdfium.FPDF_ANNOT_FREETEXT:
            text = _text(partial(pdfium.FPDFAnnot_GetStringValue, annotation, b"Contents"))
        rectangle = pdfium.FS_RECTF()
        if text and pdfium.FPDFAnnot_GetRect(annotation, rectangle):
            words += _spread(
                text,
                placement.box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top),
                placement,
            )
    return words


def _annotations(page: Any) -> Iterator[tuple[Any, int]]:
    for index in range(min(_MAX_ANNOTATIONS, max(0, pdfium.FPDFPage_GetAnnotCount(page)))):
        with _annotation(page, index) as annotation:
            if annotation:
                yield annotation, pdfium.FPDFAnnot_GetSubtype(annotation)


@contextmanager
def _annotation(page: Any, index: int) -> Iterator[Any]:
    annotation = pdfium.FPDFPage_GetAnnot(page, index)
    try:
        yield annotation
    finally:
        if annotation:
            pdfium.FPDFPage_CloseAnnot(annotation)


def _field_value(form: Any, annotation: Any) -> str:
    kind = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
    if (
        kind == pdfium.FPDF_FORMFIELD_TEXTFIELD
        and pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD
    ):
        return ""  # it shows as stars, and is a secret
    if kind in _CHOICE_FIELDS and (labels := _chosen(form, annotation)):
        return labels
    if kind in _SHOWN_FIELDS:
        return _text(partial(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation))
    if kind in _CHECKED_FIELDS and pdfium.FPDFAnnot_IsChecked(form, annotation):
        return _text(partial(pdfium.FPDFAnnot_GetFormFieldExportValue, form, annotation)) or "Yes"
    return ""


def _chosen(form: Any, annotation: Any) -> str:
    """The labels of the options that are chosen: what shows, where the field's value is what is
    exported."""
    count = min(_MAX_OPTIONS, max(0, pdfium.FPDFAnnot_GetOptionCount(form, annotation)))
    chosen = [
        index
        for index in range(count)
        if pdfium.FPDFAnnot_IsOptionSelected(form, annotation, index)
    ]
    return "\n".join(
        _text(partial(pdfium.FPDFAnnot_GetOptionLabel, form, annotation, index)) for index in chosen
    )


def _text(read: Callable[[Any, int], int]) -> str:
    """A string of pdfium: asked for its length in bytes first, then for its UTF-16 text with a
    closing zero."""
    size = read(None, 0)
    if size <= 2:  # noqa: PLR2004  only the closing zero
        return ""
    buffer = (ctypes.c_ushort * ((size + 1) // 2))()
    read(buffer, size)
    return bytes(buffer)[: size - 2].decode("utf-16-le", errors="replace").strip()


def _spread(text: str, box: tuple[float, float, float, float], placement: Placement) -> list[Word]:
    x0, y0, x1, y1 = box
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if x1 <= x0 or y1 <= y0 or not lines:
        return []
    line_height = (y1 - y0) / max(len(lines), round((y1 - y0) / _LINE_PT), 1)
    step = (x1 - x0) / max(len(" ".join(line)) for line in lines)
    words = []
    for row, line in enumerate(lines):
        top, x = y0 + row * line_height, x0
        for token in line:
            words.append(
                Word(token, placement.fractions(x, top, x + step * len(token), top + line_height))
            )
            x += step * (len(token) + 1)
    return words
