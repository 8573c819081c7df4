"""Which words stand on a PDF page, and where? From pdfium's characters; its own text lines are in file order and lose columns.

Boxes are pdfium's loose ones (as high as the font): with tight ones a full stop would be a row of its own.
"""

import ctypes
import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from unicodedata import bidirectional

import pypdfium2.raw as pdfium

from schemas.document import Box, Word
from schemas.errors import LimitError
from tasks.documents.page_kind import PageParts

MAX_CHARACTERS = 300_000  # a page of a telephone book has 20,000
GAP = 0.6  # in line heights: a wider gap parts two words
JUMP = 0.5  # in line heights: a larger step up or down parts two words
_BACK = 0.5  # in line heights: a larger step back parts two words
_MAP_SAMPLES = 100
_UNMAPPED = re.compile("[\ufffd\ue000-\uf8ff]")
_HYPHENS = "\x02\ufffe"  # pdfium's marks for a hyphen at the end of a line
_FIRST_RIGHT_TO_LEFT = "\u0590"
_loose_box = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(
    ctypes.cast(pdfium.FPDFText_GetLooseCharBox, ctypes.c_void_p).value or 0
)
"""FPDFText_GetLooseCharBox, called for each character: bound without type checks and without releasing the interpreter lock."""
_SCALE = 1_000_000  # device units in which pdfium tells where the page lies


Placed = tuple[int, str, float, float, float, float]
"""A character: its number on the page as pdfium counts, the character, and its box as seen in points."""


class Placement(NamedTuple):
    """From PDF user space to points on the page as seen: x' = a x + c y + e, y' = b x + d y + f; origin top left."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float
    width_pt: float
    height_pt: float

    def box(self, left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float]:
        """The rectangle as seen, in points: x0, y0, x1, y1."""
        x0, x1 = self.a * left + self.c * bottom + self.e, self.a * right + self.c * top + self.e
        y0, y1 = self.b * left + self.d * bottom + self.f, self.b * right + self.d * top + self.f
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    def fractions(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """A rectangle in points as fractions of the page; what lies outside is cut off."""
        left, top, right, bottom = x0 / self.width_pt, y0 / self.height_pt, x1 / self.width_pt, y1 / self.height_pt
        if left < 0 or top < 0 or right > 1 or bottom > 1:
            left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in (left, top, right, bottom))
        return Box(round(left, 4), round(top, 4), round(right, 4), round(bottom, 4))


def placement_of(page: Any) -> Placement:
    """Rotation flag and crop box are inside: pdfium is asked where three points fall."""
    width, height = pdfium.FPDF_GetPageWidthF(page), pdfium.FPDF_GetPageHeightF(page)
    step = 1000.0
    (ox, oy), (ux, uy), (vx, vy) = (_seen(page, x, y, width, height) for x, y in ((0.0, 0.0), (step, 0.0), (0.0, step)))
    return Placement((ux - ox) / step, (uy - oy) / step, (vx - ox) / step, (vy - oy) / step, ox, oy, width, height)


def _seen(page: Any, x: float, y: float, width: float, height: float) -> tuple[float, float]:
    device_x, device_y = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDF_PageToDevice(page, 0, 0, _SCALE, _SCALE, 0, x, y, device_x, device_y)
    return device_x.value / _SCALE * width, device_y.value / _SCALE * height


def read_words(page: Any, placement: Placement, parts: PageParts) -> list[Word]:
    """Words in the file's order; counts letters into `parts`. Raises LimitError for a page with absurdly many characters."""
    text_page = pdfium.FPDFText_LoadPage(page)
    if not text_page:
        return []
    try:
        count = max(0, pdfium.FPDFText_CountChars(text_page))
        if count > MAX_CHARACTERS:
            raise LimitError(f"the page has {count:,} characters; more than {MAX_CHARACTERS:,} are not read")
        text = _characters(text_page, count)
        _count_letters(text_page, text, parts)
        turn = math.pi / 2 * pdfium.FPDFPage_GetRotation(page)
        runs = _joined(_placed(text_page, text, placement), lambda number: _runs_up_or_down(text_page, number, turn))
        words = (Word(text, placement.fractions(*edges)) for text, *edges in runs)
        return [word for word in words if word.box.x1 > word.box.x0 and word.box.y1 > word.box.y0]  # others lie off the page
    finally:
        pdfium.FPDFText_ClosePage(text_page)


def _placed(text_page: Any, text: str, placement: Placement) -> Iterator[Placed]:
    """The visible characters; an empty string where a word must end. Inner loop."""
    rectangle, handle = pdfium.FS_RECTF(), ctypes.cast(text_page, ctypes.c_void_p).value
    reference = ctypes.addressof(rectangle)
    a, b, c, d, e, f, _, _ = placement
    is_upright = b == c == 0 and a > 0 > d
    for number, character in enumerate(text):
        if character in _HYPHENS:
            character = "-"  # noqa: PLW2901  pdfium's marks stand for a printed hyphen
        elif character <= " " or (character > "~" and character.isspace()):
            yield number, "", 0.0, 0.0, 0.0, 0.0
            continue
        if not _loose_box(handle, number, reference):
            continue
        left, bottom, right, top = rectangle.left, rectangle.bottom, rectangle.right, rectangle.top
        if right > left and top > bottom:  # what pdfium made up has no size
            if is_upright:
                yield number, character, a * left + e, d * top + f, a * right + e, d * bottom + f
            else:
                yield number, character, *placement.box(left, bottom, right, top)


def _joined(characters: Iterable[Placed], is_turned: Callable[[int], bool]) -> Iterator[tuple[str, float, float, float, float]]:
    """Characters joined to words, each with its box in points. Inner loop."""
    run: list[Placed] = []
    last: Placed = (0, "", 0.0, 0.0, 0.0, 0.0)
    for placed in characters:
        _, character, x0, y0, _, y1 = placed
        if run:
            _, _, last_x0, last_y0, last_x1, last_y1 = last
            if y0 == last_y0 and y1 == last_y1 and last_x0 <= x0 <= last_x1 + GAP * (y1 - y0):
                run.append(placed)  # nearly always: the next letter on the same line
                last = placed
                continue
            if not character or _is_apart(last, placed, is_turned):
                yield _word(run)
                run = []
        if character:
            run.append(placed)
            last = placed
    if run:
        yield _word(run)


def _is_apart(last: Placed, placed: Placed, is_turned: Callable[[int], bool]) -> bool:
    """Whether a new word begins here."""
    _, _, last_x0, last_y0, last_x1, last_y1 = last
    number, character, x0, y0, x1, y1 = placed
    line = max(y1 - y0, last_y1 - last_y0)
    if abs(y0 + y1 - last_y0 - last_y1) > 2 * JUMP * line:
        width = max(x1 - x0, last_x1 - last_x0)
        in_column = min(x1, last_x1) - max(x0, last_x0) > 0.5 * width and max(y0, last_y0) - min(y1, last_y1) < GAP * width
        return not (in_column and is_turned(number))
    if character >= _FIRST_RIGHT_TO_LEFT and bidirectional(character) in ("R", "AL"):
        return last_x0 - x1 > GAP * line
    return x0 - last_x1 > GAP * line or x0 < last_x0 - _BACK * line


def _word(run: list[Placed]) -> tuple[str, float, float, float, float]:
    _, characters, lefts, tops, rights, bottoms = zip(*run, strict=True)
    return "".join(characters), min(lefts), min(tops), max(rights), max(bottoms)


def _runs_up_or_down(text_page: Any, number: int, turn: float) -> bool:
    """Whether a character is turned by about 90 or 270 degrees as seen; `turn` is the page's own rotation."""
    return abs(math.sin(pdfium.FPDFText_GetCharAngle(text_page, number) + turn)) > 0.9  # noqa: PLR2004


def _characters(text_page: Any, count: int) -> str:
    """One character for each of pdfium's, in one call where pdfium leaves none out, which is nearly always."""
    buffer = (ctypes.c_ushort * (count + 1))()
    written = pdfium.FPDFText_GetText(text_page, 0, count, buffer)
    if written == count + 1:
        text = bytes(buffer)[: 2 * count].decode("utf-16-le", errors="replace")
        if len(text) == count:
            return text
    return "".join(_character(pdfium.FPDFText_GetUnicode(text_page, index)) for index in range(count))


def _character(code: int) -> str:
    return chr(code) if code < 0xD800 or 0xE000 <= code <= 0x10FFFF else "\ufffd"  # noqa: PLR2004  surrogates are no characters


def _count_letters(text_page: Any, text: str, parts: PageParts) -> None:
    parts.letters = sum(map(str.isalnum, text))
    parts.visible = len("".join(text.split()))
    parts.unmapped = len(_UNMAPPED.findall(text))
    step = max(1, len(text) // _MAP_SAMPLES)
    samples = [index for index in range(0, len(text), step) if text[index] > " "]
    if samples:
        errors = sum(pdfium.FPDFText_HasUnicodeMapError(text_page, index) == 1 for index in samples)
        parts.map_error_share = errors / len(samples)
