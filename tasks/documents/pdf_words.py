"""Which words stand on a PDF page, and where? From pdfium's characters; its own text lines are in file order and lose columns.

Boxes are pdfium's loose ones (as high as the font): with tight ones a full stop would be a row of its own.
"""

import ctypes
import math
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
_MAP_SAMPLES = 200
_HYPHENS = "\x02\ufffe"  # pdfium's marks for a hyphen at the end of a line
_FIRST_RIGHT_TO_LEFT = "\u0590"
_SCALE = 1_000_000  # device units in which pdfium tells where the page lies


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
        return Box(
            *(
                round(min(1.0, max(0.0, value)), 4)
                for value in (x0 / self.width_pt, y0 / self.height_pt, x1 / self.width_pt, y1 / self.height_pt)
            )
        )


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


class Character(NamedTuple):
    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    number: int  # index among the characters of the page, as pdfium counts


class WordBuilder:
    """Joins characters to words, in the order in which they come."""

    def __init__(self, text_page: Any, placement: Placement, turn: float) -> None:
        self._text_page, self._placement, self._turn = text_page, placement, turn
        self._word: list[Character] = []
        self.words: list[Word] = []

    def add(self, character: Character) -> None:
        if self._word and self._is_apart(self._word[-1], character):
            self.end_word()
        self._word.append(character)

    def end_word(self) -> None:
        if not self._word:
            return
        box = self._placement.fractions(
            min(c.x0 for c in self._word), min(c.y0 for c in self._word), max(c.x1 for c in self._word), max(c.y1 for c in self._word)
        )
        if box.x1 > box.x0 and box.y1 > box.y0:  # nothing of it lies on the page otherwise
            self.words.append(Word("".join(c.text for c in self._word), box))
        self._word = []

    def _is_apart(self, last: Character, character: Character) -> bool:
        line = max(last.y1 - last.y0, character.y1 - character.y0)
        if abs((last.y0 + last.y1) - (character.y0 + character.y1)) > 2 * JUMP * line:
            return not self._is_turned_run(last, character)
        if character.text >= _FIRST_RIGHT_TO_LEFT and bidirectional(character.text) in ("R", "AL"):
            return last.x0 - character.x1 > GAP * line
        return character.x0 - last.x1 > GAP * line or character.x0 < last.x0 - _BACK * line

    def _is_turned_run(self, last: Character, character: Character) -> bool:
        """Text that runs up or down the page goes on in the same column; stacked upright lines do not."""
        shared = min(last.x1, character.x1) - max(last.x0, character.x0)
        width = max(last.x1 - last.x0, character.x1 - character.x0)
        apart = max(last.y0, character.y0) - min(last.y1, character.y1)
        if shared < 0.5 * width or apart > GAP * width:
            return False
        return abs(math.sin(pdfium.FPDFText_GetCharAngle(self._text_page, character.number) + self._turn)) > 0.9  # noqa: PLR2004  about 90 or 270 degrees


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
        return _joined(text_page, text, WordBuilder(text_page, placement, turn))
    finally:
        pdfium.FPDFText_ClosePage(text_page)


def _joined(text_page: Any, text: str, builder: WordBuilder) -> list[Word]:
    rectangle = pdfium.FS_RECTF()
    reference = ctypes.byref(rectangle)
    box_of, to_seen = pdfium.FPDFText_GetLooseCharBox, builder._placement.box  # noqa: SLF001  same module, inner loop
    for index, character in enumerate(text):
        if character.isspace() or (character < " " and character not in _HYPHENS):
            builder.end_word()
            continue
        shown = "-" if character in _HYPHENS else character
        if not box_of(text_page, index, reference):
            continue
        x0, y0, x1, y1 = to_seen(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
        if x1 <= x0 or y1 <= y0:
            continue
        builder.add(Character(shown, x0, y0, x1, y1, index))
    builder.end_word()
    return builder.words


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
    parts.visible = sum(character > " " and not character.isspace() for character in text)
    parts.unmapped = sum(character == "\ufffd" or "\ue000" <= character <= "\uf8ff" for character in text)
    step = max(1, len(text) // _MAP_SAMPLES)
    samples = [index for index in range(0, len(text), step) if text[index] > " "]
    if samples:
        errors = sum(pdfium.FPDFText_HasUnicodeMapError(text_page, index) == 1 for index in samples)
        parts.map_error_share = errors / len(samples)
