"""Words of a PDF page and their boxes, from pdfium's characters.

pdfium's own text lines are in file order and lose columns.

Boxes are pdfium's loose ones (as high as the font): with tight ones a full stop would be a row of
its own.
"""

import ctypes
import math
import re
import sys
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple
from unicodedata import bidirectional

import pypdfium2.raw as pdfium

from schemas.document import Word
from schemas.errors import LimitError
from tasks.documents.worker.page_kind import PageParts
from tasks.documents.worker.pdf_placement import Edges, Placement
from tasks.documents.worker.pdfium_calls import (
    Handle,
    handle_of,
    has_unicode_map_error,
    loose_char_box,
)

MAX_CHARACTERS = 300_000  # a page of a telephone book has 20,000
GAP = 0.6  # in line heights: a wider gap parts two words
JUMP = 0.5  # in line heights: a larger step up or down parts two words
_BACK = 0.5  # in line heights: a larger step back parts two words
LEVEL = 0.1  # in line heights: characters that differ less stand on one line
MOST_SPACING = 2.0  # in line heights: letters of one word are not further apart
EVEN = 0.25  # in line heights: gaps that differ less are letter spacing
_MAP_SAMPLES = 100
_RUN = re.compile(r"[^\x00-\x20]+")
_ASCII_SIGNS = bytes(code for code in range(128) if not chr(code).isalnum())
_UNMAPPED = re.compile("[\ufffd\ue000-\uf8ff]")
_PRINTED = {
    0x02: "-",
    0xFFFE: "-",
}  # pdfium's marks for a hyphen at the end of a line stand for a printed one
_PRINTED |= dict.fromkeys(
    (0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000), " "
)
_NO_MEANING = "\ufffe"  # pdfium's for a code without meaning, and for a hyphen at the end of a line
_SHORTS = ctypes.POINTER(ctypes.c_ushort)
_FIRST_RIGHT_TO_LEFT = "\u0590"


class PageWords(NamedTuple):
    """In the file's order. `turned` run up, down or backwards as seen."""

    upright: list[Word]
    turned: list[Word]


def read_words(page: Any, placement: Placement, parts: PageParts) -> PageWords:
    """Words on the page; counts their letters into `parts`. Raises LimitError for a page with
    absurdly many characters."""
    found = PageWords([], [])
    text_page = pdfium.FPDFText_LoadPage(page)
    if not text_page:
        return found
    try:
        count = max(0, pdfium.FPDFText_CountChars(text_page))
        if count > MAX_CHARACTERS:
            raise LimitError(
                f"the page has {count:,} characters; more than {MAX_CHARACTERS:,} are not read"
            )
        text = _characters(text_page, count)
        _count_letters(text, parts)
        parts.map_error_share = _map_error_share(handle_of(text_page), text)
        turn = math.pi / 2 * pdfium.FPDFPage_GetRotation(page)
        shown = text if text.isascii() and "\x02" not in text else text.translate(_PRINTED)
        off_page = False
        for run, edges, is_turned in _runs(_Characters(text_page, shown, placement, turn)):
            box = placement.fractions(*edges)
            if box[0] < box[2] and box[1] < box[3]:
                (found.turned if is_turned else found.upright).append(
                    Word(run if run.isascii() else _whole(run), box)
                )
            else:
                off_page = True
        if off_page:
            _count_letters(" ".join(word.text for words in found for word in words), parts)
        return found
    finally:
        pdfium.FPDFText_ClosePage(text_page)


class _Columns(NamedTuple):
    """Boxes as seen, in points, edge by edge."""

    x0: list[float]
    y0: list[float]
    x1: list[float]
    y1: list[float]


class _Characters:
    """`text` has one character for each that pdfium knows, and no spaces but the plain one; `turn`
    is the page's own rotation."""

    def __init__(self, text_page: Any, text: str, placement: Placement, turn: float) -> None:
        self._text_page, self._handle = text_page, handle_of(text_page)
        self.text, self._placement, self._turn = text, placement, turn

    def edges(self, numbers: Sequence[int]) -> _Columns:
        """Where some characters stand. One that pdfium made up, or knows no place of, has no
        size."""
        boxes = array("f", bytes(16 * len(numbers)))  # FS_RECTF: left, top, right, bottom
        start = boxes.buffer_info()[0]
        deque(
            map(
                loose_char_box,
                repeat(self._handle),
                numbers,
                map(Handle, range(start, start + 16 * len(numbers), 16)),
            ),
            maxlen=0,
        )
        lefts, tops, rights, bottoms = boxes[0::4], boxes[1::4], boxes[2::4], boxes[3::4]
        a, b, c, d, e, f, _, _ = self._placement
        if b == c == 0 and a > 0 > d:
            return _Columns(
                [a * x + e for x in lefts],
                [d * y + f for y in tops],
                [a * x + e for x in rights],
                [d * y + f for y in bottoms],
            )
        seen = [
            self._placement.box(*edges) for edges in zip(lefts, bottoms, rights, tops, strict=True)
        ]
        return (
            _Columns(*(list(column) for column in zip(*seen, strict=True)))
            if seen
            else _Columns([], [], [], [])
        )

    def runs_up_or_down(self, number: int) -> bool:
        """Whether a character is turned by about 90 or 270 degrees as seen."""
        return abs(math.sin(self._angle(number))) > 0.9  # noqa: PLR2004

    def runs_back(self, number: int) -> bool:
        """Whether a character is turned by about 180 degrees as seen."""
        return math.cos(self._angle(number)) < -0.9  # noqa: PLR2004

    def is_turned(self, number: int) -> bool:
        return math.cos(self._angle(number)) < 0.1  # noqa: PLR2004  by a quarter or a half

    def _angle(self, number: int) -> float:
        return float(pdfium.FPDFText_GetCharAngle(self._text_page, number)) + self._turn


def _runs(characters: _Characters) -> Iterator[tuple[str, Edges, bool]]:
    """What stands between spaces, which pdfium also puts into gaps, and whether it is turned.
    Nearly every run lies on one line, which its first and its last character tell: asking for all
    would take most of the time. The others are looked at character by character."""
    runs = list(_RUN.finditer(characters.text))
    firsts = characters.edges([run.start() for run in runs])
    lasts = characters.edges([run.end() - 1 for run in runs])
    for run, x0, y0, x1, y1, last_x0, last_y0, last_x1, last_y1 in zip(
        runs, *firsts, *lasts, strict=True
    ):
        word, line = run[0], y1 - y0
        is_level = abs(last_y0 - y0) + abs(last_y1 - y1) < LEVEL * line
        if is_level and x0 < x1 and x0 < last_x0 < last_x1 <= x0 + len(word) * line:
            yield word, (x0, min(y0, last_y0), last_x1, max(y1, last_y1)), False
        elif len(word) == 1 and x0 < x1 and y0 < y1:
            yield word, (x0, y0, x1, y1), characters.is_turned(run.start())
        else:
            yield from _parted(characters, range(*run.span()))


def _parted(characters: _Characters, numbers: range) -> Iterator[tuple[str, Edges, bool]]:
    """The words in a run: parted where the line or the column changes, though there is no space."""
    part: list[int] = []
    seen: list[Edges] = []
    columns = characters.edges(numbers)
    if _is_spaced_out(columns):
        yield _text_of(numbers, characters), _around(list(zip(*columns, strict=True))), False
        return
    for number, edges in zip(numbers, zip(*columns, strict=True), strict=True):
        x0, y0, x1, y1 = edges
        if x0 >= x1 or y0 >= y1:
            continue
        if part and _is_apart(seen[-1], edges, number, characters):
            yield _text_of(part, characters), _around(seen), characters.is_turned(part[0])
            part, seen = [], []
        part.append(number)
        seen.append(edges)
    if part:
        yield _text_of(part, characters), _around(seen), characters.is_turned(part[0])


def _is_spaced_out(columns: _Columns) -> bool:
    """Whether letters stand in one line at even gaps, however wide, as in a heading; two alone may
    be figures of two columns."""
    x0, y0, x1, y1 = columns
    line = y1[0] - y0[0]
    gaps = [start - end for start, end in zip(x0[1:], x1, strict=False)]
    are_level = max(y0) - min(y0) + max(y1) - min(y1) < LEVEL * line
    return (
        len(gaps) > 1
        and are_level
        and min(gaps) > 0
        and max(gaps) < MOST_SPACING * line
        and max(gaps) - min(gaps) < EVEN * line
    )


def _text_of(part: Sequence[int], characters: _Characters) -> str:
    return "".join(characters.text[number] for number in part)


def _around(seen: Sequence[Edges]) -> Edges:
    x0, y0, x1, y1 = zip(*seen, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def _is_apart(last: Edges, edges: Edges, number: int, characters: _Characters) -> bool:
    """Whether a new word begins here."""
    last_x0, last_y0, last_x1, last_y1 = last
    x0, y0, x1, y1 = edges
    line = max(y1 - y0, last_y1 - last_y0)
    if abs(y0 + y1 - last_y0 - last_y1) > 2 * JUMP * line:
        width = max(x1 - x0, last_x1 - last_x0)
        in_column = (
            min(x1, last_x1) - max(x0, last_x0) > 0.5 * width
            and max(y0, last_y0) - min(y1, last_y1) < GAP * width
        )
        return not (in_column and characters.runs_up_or_down(number))
    character = characters.text[number]
    if character >= _FIRST_RIGHT_TO_LEFT and bidirectional(character) in ("R", "AL"):
        return last_x0 - x1 > GAP * line
    if x0 < last_x0 and characters.runs_back(number):
        return last_x0 - x1 > GAP * line
    return x0 - last_x1 > GAP * line or x0 < last_x0 - _BACK * line


def _characters(text_page: Any, count: int) -> str:
    """One character for each of pdfium's, which has two for one above U+FFFF. In one call where
    pdfium leaves none out, which is nearly always."""
    buffer = array(
        "H", bytes(2 * count + 2)
    )  # an array type of ctypes would be made for each length
    written = pdfium.FPDFText_GetText(
        text_page, 0, count, ctypes.cast(buffer.buffer_info()[0], _SHORTS)
    )
    units = (
        buffer[:count]
        if written == count + 1
        else [pdfium.FPDFText_GetUnicode(text_page, index) & 0x1FFFFF for index in range(count)]
    )
    text = (
        buffer.tobytes()[: 2 * count].decode("utf-16-le", errors="surrogatepass")
        if written == count + 1
        else ""
    )
    if len(text) != count:
        text = "".join(chr(unit) if unit <= sys.maxunicode else "\ufffd" for unit in units)
    if _NO_MEANING in text:
        text = "".join(
            "\ufffd"
            if character == _NO_MEANING and pdfium.FPDFText_IsHyphen(text_page, index) != 1
            else character
            for index, character in enumerate(text)
        )
    return text


def _whole(text: str) -> str:
    """With the halves of characters above U+FFFF joined, and U+FFFD for a half alone."""
    return text.encode("utf-16-le", errors="surrogatepass").decode("utf-16-le", errors="replace")


def _count_letters(text: str, parts: PageParts) -> None:
    visible = "".join(text.split())
    parts.visible = len(visible)
    parts.letters = (
        len(visible.encode().translate(None, _ASCII_SIGNS))
        if visible.isascii()
        else sum(map(str.isalnum, _whole(visible)))
    )
    parts.unmapped = 0 if visible.isascii() else len(_UNMAPPED.findall(_whole(visible)))


def _map_error_share(text_page: Handle, text: str) -> float:
    step = max(1, len(text) // _MAP_SAMPLES)
    samples = [index for index in range(0, len(text), step) if text[index] > " "]
    errors = sum(1 for index in samples if has_unicode_map_error(text_page, index) == 1)
    return errors / max(1, len(samples))
