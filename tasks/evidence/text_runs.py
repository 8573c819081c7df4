"""Runs of a page's letters and digits in one reading order, to be searched as one text."""

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from tasks.layout.rows import Segment
from tasks.text.folding import bare, lookalike, spans


class Piece(NamedTuple):
    """Characters `start`..`end` of a segment, one word of a run."""

    segment: Segment
    start: int
    end: int


@dataclass(eq=False)
class TextRun:
    """Letters and digits of a page in one reading order, and where each piece of them stands."""

    text: str = ""
    starts: list[int] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    words: set[str] = field(default_factory=set)  # letters and digits of each piece

    def add(self, segment: Segment) -> None:
        parts = []
        at = len(self.text)
        for token, start, end in spans(segment.text):
            letters = bare(token)
            if letters:
                self.starts.append(at)
                self.pieces.append(Piece(segment, start, end))
                parts.append(letters)
                self.words.add(letters)
                at += len(letters)
        self.text += "".join(parts)

    @cached_property
    def lookalike(self) -> str:
        return same_length_lookalike(self.text)

    def whole(self, start: int, end: int) -> bool:
        """Characters `start`..`end` begin and end where a printed word does."""
        first, after = bisect_right(self.starts, start) - 1, bisect_right(self.starts, end - 1)
        return self.starts[first] == start and (
            after == len(self.starts) or self.starts[after] == end
        )

    def may_part(self, wanted: str) -> bool:
        """Whether `wanted` begins with one piece and ends with another: where not, no other order
        of the pieces holds it as whole words.

        Digits alone are never parted by the end of a line.
        """
        lengths = range(1, len(wanted))
        if wanted.isdecimal():
            return False
        return any(wanted[:n] in self.words for n in lengths) and any(
            wanted[-n:] in self.words for n in lengths
        )

    def between(self, start: int, end: int) -> list[Piece]:
        first, last = (
            bisect_right(self.starts, start) - 1,
            bisect_right(self.starts, max(start, end - 1)) - 1,
        )
        return self.pieces[max(0, first) : last + 1]

    def mostly_between(self, start: int, end: int) -> list[Piece]:
        """As `between`, without pieces at the ends that are cut by more than half."""
        ends = [*self.starts[1:], len(self.text)]
        whole = [
            piece
            for piece, first, after in zip(self.pieces, self.starts, ends, strict=True)
            if first < end
            and after > start
            and 2 * (min(end, after) - max(start, first)) >= after - first
        ]
        return whole or self.between(start, end)


def same_length_lookalike(text: str) -> str:
    return "".join(lookalike(c)[:1] or c for c in text)
