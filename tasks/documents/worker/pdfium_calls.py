"""Fast bindings of the pdfium functions called for each character or object of a page.

Bound without argument checks, and without releasing the interpreter lock. That takes less than
half of the time of pypdfium2's own bindings, which is half of what reading the words of a page
takes.

Handles and pointers go in as `Handle`: ctypes would cut a bare int to 32 bits.
"""

import ctypes
from collections.abc import Callable
from typing import Any

import pypdfium2.raw as pdfium


class Handle(ctypes.c_void_p):
    """Of a page, a text page or an object, or the address of what a function fills in."""


def handle_of(pointer: Any) -> Handle:
    """Of a pointer of pypdfium2, or an object that has one."""
    return Handle(ctypes.cast(pointer, ctypes.c_void_p).value)


def pointer_to(drawn: Handle) -> Any:
    """An object as pypdfium2's own bindings take it."""
    return ctypes.cast(drawn, pdfium.FPDF_PAGEOBJECT)


def _bound(function: Any, result: Any) -> Callable[..., Any]:
    return ctypes.PYFUNCTYPE(result)(ctypes.cast(function, ctypes.c_void_p).value or 0)


loose_char_box = _bound(pdfium.FPDFText_GetLooseCharBox, ctypes.c_int)
"""(text page, index, address of an FS_RECTF) -> whether the box is known."""

has_unicode_map_error = _bound(pdfium.FPDFText_HasUnicodeMapError, ctypes.c_int)
"""(text page, index) -> 1 when the character's code has no meaning."""

page_object = _bound(pdfium.FPDFPage_GetObject, Handle)
"""(page, index) -> object."""

form_object = _bound(pdfium.FPDFFormObj_GetObject, Handle)
"""(form, index) -> object."""

object_type = _bound(pdfium.FPDFPageObj_GetType, ctypes.c_int)
"""(object) -> FPDF_PAGEOBJ_TEXT and so on."""
