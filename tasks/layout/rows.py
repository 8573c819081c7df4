"""Rows and segments of a page: words -> rows by height -> segments split at wide gaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from schemas.document import Box, Page, Word

WIDE_GAP = 1.2  # in line heights: the white space between columns, wider than any between words
SAME_ROW = 0.5  # share of the smaller line height by which centres may differ
# a page of small print has 2,000: beyond this it is no paper, and rules would take minutes
MOST_WORDS = 20_000
LONGEST_WORD = 300
MIN_SLOPE = 0.002  # less than a tenth of a line over the page: straight
MAX_SLOPE = 0.08  # steeper than 4.5 degrees is no skewed line but noise


class Token(NamedTuple):
    """A word where it stands once the page is upright and straight; in points (or pixels of an
    image)."""

    word: Word
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2

    @property
    def height(self) -> float:
        return max(self.y1 - self.y0, 0.01)


@dataclass(frozen=True, eq=False)
class Segment:
    """Words of one row without a wide gap: a label, a cell, a line of an address."""

    tokens: tuple[Token, ...]
    row: int
    column: int  # place within its row, from 0

    @cached_property
    def text(self) -> str:
        return " ".join(t.word.text for t in self.tokens)

    @cached_property
    def x0(self) -> float:
        return self.tokens[0].x0

    @cached_property
    def x1(self) -> float:
        return max(t.x1 for t in self.tokens)

    @cached_property
    def y0(self) -> float:
        return min(t.y0 for t in self.tokens)

    @cached_property
    def y1(self) -> float:
        return max(t.y1 for t in self.tokens)

    @cached_property
    def height(self) -> float:
        return median(t.height for t in self.tokens)

    def words_at(self, start: int, end: int) -> tuple[Word, ...]:
        """The words that hold characters `start` to `end` of `text`."""
        found, at = [], 0
        for token in self.tokens:
            if at < end and at + len(token.word.text) > start:
                found.append(token.word)
            at += len(token.word.text) + 1
        return tuple(found)


@dataclass(frozen=True, eq=False)
class Sheet:
    """A page as rows of segments, top to bottom, left to right."""

    page_number: int
    words_from: str
    width: float
    height: float
    rows: tuple[tuple[Segment, ...], ...]

    @property
    def from_ocr(self) -> bool:
        return self.words_from == "ocr"

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(segment for row in self.rows for segment in row)

    def left_of(self, segment: Segment) -> tuple[Segment, ...]:
        """Segments before this one in its row, nearest first."""
        return self.rows[segment.row][: segment.column][::-1]

    def right_of(self, segment: Segment) -> tuple[Segment, ...]:
        return self.rows[segment.row][segment.column + 1 :]

    def below(self, segment: Segment, rows: int = 3) -> list[Segment]:
        """Segments in the next rows that share some width with this one, nearest first."""
        near = (
            other for row in self.rows[segment.row + 1 : segment.row + 1 + rows] for other in row
        )
        return [
            other
            for other in near
            if overlap(segment, other) > 0 and other.y0 - segment.y1 < 2.5 * segment.height
        ]

    def above(self, segment: Segment, rows: int = 3, lines: float = 2.5) -> list[Segment]:
        """As `below`, upwards. `lines` bounds the white between them, in line heights."""
        near = (
            other
            for row in reversed(self.rows[max(0, segment.row - rows) : segment.row])
            for other in row
        )
        highest = segment.y0 - lines * segment.height
        return [other for other in near if other.y1 > highest and overlap(segment, other) > 0]


def overlap(a: Segment, b: Segment) -> float:
    """Width shared by two segments, in points; negative when they stand side by side."""
    return min(a.x1, b.x1) - max(a.x0, b.x0)


def text_of(page: Page) -> str:
    """The page's text in reading order: a line for each row, three spaces at wide gaps."""
    return "\n".join("   ".join(segment.text for segment in row) for row in sheet_of(page).rows)


def quote_of(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def box_of(words: Sequence[Word]) -> Box:
    """The box round `words`. Raises ValueError when there are none."""
    boxes = [word.box for word in words]
    return Box(
        min(b.x0 for b in boxes),
        min(b.y0 for b in boxes),
        max(b.x1 for b in boxes),
        max(b.y1 for b in boxes),
    )


def sheet_of(page: Page) -> Sheet:
    tokens, width, height = _upright(page)
    rows = _rows(_straight(tokens))
    segments = tuple(_segments(row, number) for number, row in enumerate(rows))
    return Sheet(page.page_number, page.words_from, width, height, segments)


def _rows(tokens: list[Token]) -> list[list[Token]]:
    rows: list[list[Token]] = []
    for token in sorted(tokens, key=lambda t: t.middle):
        for row in reversed(
            rows[-3:]
        ):  # big letters beside small ones open more than one row at a time
            other = row[-1]
            near = abs(other.middle - token.middle) < SAME_ROW * min(other.height, token.height)
            if near and not any(_stacked(token, member) for member in row):
                row.append(token)
                break
        else:
            rows.append([token])
    for row in rows:
        row.sort(key=lambda t: t.x0)
    rows.sort(key=lambda row: median(t.middle for t in row))
    return rows


def _stacked(a: Token, b: Token) -> bool:
    """One word stands over the other: two rows, however close their heights."""
    shared = min(a.x1, b.x1) - max(a.x0, b.x0)
    return shared > 0.3 * min(a.x1 - a.x0, b.x1 - b.x0) and abs(a.middle - b.middle) > 0.25 * min(
        a.height, b.height
    )


def _segments(row: list[Token], number: int) -> tuple[Segment, ...]:
    groups: list[list[Token]] = []
    for token in row:
        if groups and token.x0 - groups[-1][-1].x1 <= WIDE_GAP * min(
            token.height, groups[-1][-1].height
        ):
            groups[-1].append(token)
        else:
            groups.append([token])
    return tuple(Segment(tuple(group), number, column) for column, group in enumerate(groups))


def _upright(page: Page) -> tuple[list[Token], float, float]:
    """Words turned so that they run from left to right; OCR keeps the boxes of a turned scan as it
    lies."""
    width, height = page.width_pt or 1.0, page.height_pt or 1.0
    words = [word for word in page.words[:MOST_WORDS] if len(word.text) <= LONGEST_WORD]
    boxes = [
        (w, w.box.x0 * width, w.box.y0 * height, w.box.x1 * width, w.box.y1 * height) for w in words
    ]
    match _turn([Token(*box) for box in boxes]):
        case 90:  # lines run downwards
            return (
                [Token(w, y0, width - x1, y1, width - x0) for w, x0, y0, x1, y1 in boxes],
                height,
                width,
            )
        case 270:  # lines run upwards
            return (
                [Token(w, height - y1, x0, height - y0, x1) for w, x0, y0, x1, y1 in boxes],
                height,
                width,
            )
        case 180:
            return (
                [
                    Token(w, width - x1, height - y1, width - x0, height - y0)
                    for w, x0, y0, x1, y1 in boxes
                ],
                width,
                height,
            )
        case _:
            return [Token(*box) for box in boxes], width, height


def _turn(tokens: list[Token]) -> int:
    """Degrees clockwise by which the text is turned, by the shape of words and the steps from word
    to word."""
    # shorter ones may be taller than wide when upright
    long = [t for t in tokens if len(t.word.text) > 3]  # noqa: PLR2004
    standing = sum(t.height > 1.3 * (t.x1 - t.x0) for t in long)
    pairs = list(pairwise(tokens))
    if standing > 0.6 * len(long) and len(long) > 2:  # noqa: PLR2004  two words prove nothing
        steps = [b.y0 - a.y0 for a, b in pairs if abs(b.x0 - a.x0) < 0.5 * (a.x1 - a.x0)]
        return 90 if sum(s > 0 for s in steps) * 2 >= len(steps) else 270
    steps = [b.x0 - a.x0 for a, b in pairs if abs(b.middle - a.middle) < 0.3 * a.height]
    # as above
    return 180 if len(steps) > 4 and sum(s < 0 for s in steps) > 0.8 * len(steps) else 0  # noqa: PLR2004


def _straight(tokens: list[Token]) -> list[Token]:
    """Take the skew of a scan out, measured on words that follow each other closely."""
    slopes = [
        (b.middle - a.middle) / (b.x0 - a.x0)
        for a, b in pairwise(tokens)
        if 0 < b.x0 - a.x1 < 2 * a.height and abs(b.middle - a.middle) < 0.4 * a.height
    ]
    slope = median(slopes) if len(slopes) > 5 else 0.0  # noqa: PLR2004  fewer prove nothing
    if not MIN_SLOPE < abs(slope) < MAX_SLOPE:
        return tokens
    return [t._replace(y0=t.y0 - slope * t.x0, y1=t.y1 - slope * t.x0) for t in tokens]
