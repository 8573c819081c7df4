"""Reading order of words.

By rows as seen; columns of prose one after the other, whatever order the file has them in.
"""

import math
from collections.abc import Sequence
from operator import attrgetter
from statistics import median

from schemas.document import Word

SEGMENT_GAP = 1.2  # in line heights: a wider gap parts two segments of a row
PROSE_WORDS = 4  # a segment with fewer words is a label or a value, not a line of prose
PROSE_ROWS = 3  # fewer rows side by side are a table or a header

_left = attrgetter("box.x0")

Row = list[Word]
Segment = list[Word]


def in_reading_order(words: Sequence[Word], *, aspect: float) -> list[Word]:
    """Upright words; those that are turned would pull rows together. `aspect` is the page's width
    by its height: boxes are fractions of both."""
    ordered: list[Word] = []
    block: list[list[Segment]] = []
    for segments in _beside_each_other([segments_of(row, aspect) for row in rows_of(words)]):
        if block and not _continues(block, segments):
            ordered += _flat(block)
            block = []
        block.append(segments)
    return ordered + _flat(block)


def stands(word: Word, *, aspect: float) -> bool:
    """Whether a word is turned, told by its shape: for OCR, which knows no direction. A company
    number up the margin is."""
    box = word.box
    # one or two letters are tall by nature
    return len(word.text) > 2 and (box.y1 - box.y0) > 1.5 * (box.x1 - box.x0) * aspect  # noqa: PLR2004


def rows_of(words: Sequence[Word]) -> list[Row]:
    """Words that stand at one height, top row first, each row from left to right."""
    centres = [(box.y0 + box.y1) / 2 for _, box, _ in words]
    rows: list[Row] = []
    centre = height = 0.0
    for number in sorted(range(len(words)), key=centres.__getitem__):
        word, own_centre = words[number], centres[number]
        own_height = word.box.y1 - word.box.y0
        if rows and abs(own_centre - centre) < 0.5 * min(height, own_height):
            row = rows[-1]
            row.append(word)
            centre += (own_centre - centre) / len(row)
        else:
            rows.append([word])
            centre, height = own_centre, own_height
    for row in rows:
        row.sort(key=_left)
    return rows


def segments_of(row: Row, aspect: float) -> list[Segment]:
    """A row cut at its wide gaps: cells of a table, or lines of columns that stand side by side."""
    gap = SEGMENT_GAP * median([box.y1 - box.y0 for _, box, _ in row]) / aspect
    segments: list[Segment] = []
    end = -math.inf
    for word in row:
        x0, _, x1, _ = word.box
        if x0 - end > gap:
            segments.append([word])
        else:
            segments[-1].append(word)
        end = x1
    return segments


def _beside_each_other(rows: Sequence[list[Segment]]) -> list[list[Segment]]:
    """Pairs of rows of prose that stand beside each other, but not at one height, made one row: two
    columns may each have baselines of their own. Only where several follow each other; one alone is
    chance."""
    joined: list[list[Segment]] = []
    number = 0
    while number < len(rows):
        pairs = 0
        while (first := number + 2 * pairs) + 1 < len(rows) and _interlock(
            rows[first], rows[first + 1]
        ):
            pairs += 1
        if pairs < PROSE_ROWS:
            joined.append(rows[number])
            number += 1
            continue
        beside = (rows[first] + rows[first + 1] for first in range(number, number + 2 * pairs, 2))
        joined += (sorted(segments, key=lambda segment: segment[0].box.x0) for segments in beside)
        number += 2 * pairs
    return joined


def _interlock(above: list[Segment], below: list[Segment]) -> bool:
    """Whether prose begins before the row above ends, and is nowhere above or below it."""
    return (
        _is_prose(below)
        and _is_prose(above)
        and min(word.box.y0 for segment in below for word in segment)
        < max(word.box.y1 for segment in above for word in segment)
        and all(
            one[-1].box.x1 < other[0].box.x0 or other[-1].box.x1 < one[0].box.x0
            for one in above
            for other in below
        )
    )


def _continues(block: list[list[Segment]], segments: list[Segment]) -> bool:
    """Whether a row goes on with the columns of prose above it: the same gutters, and prose on both
    sides."""
    above = block[-1]
    return (
        len(segments) == len(above) > 1
        and _is_prose(above)
        and _is_prose(segments)
        and all(
            max(left[-1].box.x1, left_above[-1].box.x1)
            < min(right[0].box.x0, right_above[0].box.x0)
            for left, left_above, right, right_above in zip(
                segments, above, segments[1:], above[1:], strict=False
            )
        )
    )


def _is_prose(segments: list[Segment]) -> bool:
    return sum(len(segment) >= PROSE_WORDS for segment in segments) >= len(segments)


def _flat(block: list[list[Segment]]) -> list[Word]:
    if len(block) >= PROSE_ROWS:
        return [
            word for column in zip(*block, strict=True) for segment in column for word in segment
        ]
    return [word for segments in block for segment in segments for word in segment]
