"""Which words stand on a PDF page, and where? From pdfium's characters; its own text lines are in file order and lose columns.

Boxes are pdfium's loose ones (as high as the font): with tight ones a full stop would be a row of its own.
"""

import ctypes
import math
import re
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from itertools import repeat
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
_PRINTED = {0x02: "-", 0xFFFE: "-"}  # pdfium's marks for a hyphen at the end of a line stand for a printed one
_PRINTED |= dict.fromkeys((0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000), " ")
_SHORTS = ctypes.POINTER(ctypes.c_ushort)
_FIRST_RIGHT_TO_LEFT = "\u0590"
_loose_box = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(
    ctypes.cast(pdfium.FPDFText_GetLooseCharBox, ctypes.c_void_p).value or 0
)
"""FPDFText_GetLooseCharBox, called for each character: bound without type checks and without releasing the interpreter lock."""
_SCALE = 1_000_000  # device units in which pdfium tells where the page lies


Edges = tuple[float, float, float, float]
"""A box as seen, in points: x0, y0, x1, y1."""


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

    def box(self, left: float, bottom: float, right: float, top: float) -> Edges:
        """The rectangle as seen."""
        x0, x1 = self.a * left + self.c * bottom + self.e, self.a * right + self.c * top + self.e
        y0, y1 = self.b * left + self.d * bottom + self.f, self.b * right + self.d * top + self.f
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    def fractions(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """A rectangle in points as fractions of the page; what lies outside is cut off."""
        left, top, right, bottom = x0 / self.width_pt, y0 / self.height_pt, x1 / self.width_pt, y1 / self.height_pt
        if left < 0 or top < 0 or right > 1 or bottom > 1:
            left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in (left, top, right, bottom))
        # to four places; `round` would take half of the time that a word costs
        return Box(int(left * 1e4 + 0.5) / 1e4, int(top * 1e4 + 0.5) / 1e4, int(right * 1e4 + 0.5) / 1e4, int(bottom * 1e4 + 0.5) / 1e4)


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
        shown = text if text.isascii() and "\x02" not in text else text.translate(_PRINTED)
        runs = _joined(shown, _edges(text_page, len(text), placement), lambda number: _runs_up_or_down(text_page, number, turn))
        words = (Word(text, placement.fractions(*edges)) for text, edges in runs)
        return [word for word in words if word.box.x1 > word.box.x0 and word.box.y1 > word.box.y0]  # others lie off the page
    finally:
        pdfium.FPDFText_ClosePage(text_page)


class Columns(NamedTuple):
    """The boxes of all characters as seen, in points, edge by edge."""

    x0: list[float]
    y0: list[float]
    x1: list[float]
    y1: list[float]


def _edges(text_page: Any, count: int, placement: Placement) -> Columns:
    """A character that pdfium made up, or knows no place of, has no size. The loop runs in C: it is the dearest of a page."""
    boxes = array("f", bytes(16 * count))  # FS_RECTF: left, top, right, bottom
    start, handle = boxes.buffer_info()[0], ctypes.cast(text_page, ctypes.c_void_p).value
    deque(map(_loose_box, repeat(handle), range(count), range(start, start + 16 * count, 16)), maxlen=0)
    lefts, tops, rights, bottoms = boxes[0::4], boxes[1::4], boxes[2::4], boxes[3::4]
    a, b, c, d, e, f, _, _ = placement
    if b == c == 0 and a > 0 > d:
        return Columns([a * x + e for x in lefts], [d * y + f for y in tops], [a * x + e for x in rights], [d * y + f for y in bottoms])
    seen = [placement.box(*edges) for edges in zip(lefts, bottoms, rights, tops, strict=True)]
    return Columns(*(list(column) for column in zip(*seen, strict=True))) if seen else Columns([], [], [], [])


def _joined(text: str, edges: Columns, is_turned: Callable[[int], bool]) -> Iterator[tuple[str, Edges]]:
    """Characters joined to words, each with its box. `text` has one character for each box, and no spaces but the plain one. Inner loop."""
    run: list[int] = []
    last_x0 = last_x1 = last_y1 = gap = 0.0
    last_y0 = math.inf  # no line has been begun
    for number, character, x0, y0, x1, y1 in zip(range(len(text)), text, *edges, strict=True):
        if y0 == last_y0 and y1 == last_y1 and last_x0 <= x0 < x1 and x0 <= last_x1 + gap and character > " ":
            run.append(number)  # nearly always: the next letter on the same line
            last_x0, last_x1 = x0, x1
            continue
        is_space = character <= " "
        if not is_space and (x0 >= x1 or y0 >= y1):
            continue
        if run and (is_space or _is_apart((last_x0, last_y0, last_x1, last_y1), (x0, y0, x1, y1), number, character, is_turned)):
            yield _word(run, text, edges)
            run = []
        if is_space:
            last_y0 = math.inf  # the next letter begins a word
        else:
            run.append(number)
            last_x0, last_y0, last_x1, last_y1, gap = x0, y0, x1, y1, GAP * (y1 - y0)
    if run:
        yield _word(run, text, edges)


def _is_apart(last: Edges, edges: Edges, number: int, character: str, is_turned: Callable[[int], bool]) -> bool:
    """Whether a new word begins here."""
    last_x0, last_y0, last_x1, last_y1 = last
    x0, y0, x1, y1 = edges
    line = max(y1 - y0, last_y1 - last_y0)
    if abs(y0 + y1 - last_y0 - last_y1) > 2 * JUMP * line:
        width = max(x1 - x0, last_x1 - last_x0)
        in_column = min(x1, last_x1) - max(x0, last_x0) > 0.5 * width and max(y0, last_y0) - min(y1, last_y1) < GAP * width
        return not (in_column and is_turned(number))
    if character >= _FIRST_RIGHT_TO_LEFT and bidirectional(character) in ("R", "AL"):
        return last_x0 - x1 > GAP * line
    return x0 - last_x1 > GAP * line or x0 < last_x0 - _BACK * line


def _word(run: list[int], text: str, edges: Columns) -> tuple[str, Edges]:
    first, end = run[0], run[-1] + 1
    if end - first == len(run):
        x0, y0, x1, y1 = edges
        return text[first:end], (min(x0[first:end]), min(y0[first:end]), max(x1[first:end]), max(y1[first:end]))
    x0, y0, x1, y1 = ([column[number] for number in run] for column in edges)  # others between them have no size
    return "".join(text[number] for number in run), (min(x0), min(y0), max(x1), max(y1))


def _runs_up_or_down(text_page: Any, number: int, turn: float) -> bool:
    """Whether a character is turned by about 90 or 270 degrees as seen; `turn` is the page's own rotation."""
    return abs(math.sin(pdfium.FPDFText_GetCharAngle(text_page, number) + turn)) > 0.9  # noqa: PLR2004


def _characters(text_page: Any, count: int) -> str:
    """One character for each of pdfium's, in one call where pdfium leaves none out, which is nearly always."""
    buffer = array("H", bytes(2 * count + 2))  # an array type of ctypes would be made anew for each length
    written = pdfium.FPDFText_GetText(text_page, 0, count, ctypes.cast(buffer.buffer_info()[0], _SHORTS))
    if written == count + 1:
        text = buffer.tobytes()[: 2 * count].decode("utf-16-le", errors="replace")
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
