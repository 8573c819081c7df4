"""Page selection: the small language of `pages:` in flows.yaml, such as "1-3,last"."""

import re
from typing import NamedTuple

LAST = "last"
_ITEM = re.compile(r"^(\d+|last)(?:\s*-\s*(\d+|last)?)?$")


class PageRange(NamedTuple):
    """From `first` to `last`, both included; None stands for the last page of the document."""

    first: int | None
    last: int | None


class PageSelection(NamedTuple):
    """Pages by number; those that a document does not have are not missed."""

    ranges: tuple[PageRange, ...]

    def numbers(self, page_count: int) -> tuple[int, ...]:
        """The page numbers that a document of `page_count` pages has, each once, in the document's
        order."""
        chosen: set[int] = set()
        for first, last in self.ranges:
            chosen.update(range(first or page_count, min(last or page_count, page_count) + 1))
        return tuple(sorted(chosen - {0}))


def parse_page_selection(text: str) -> PageSelection:
    """Numbers, ranges and `last`, joined by commas: `2`, `1-3`, `5-` (to the end), `1,last`. Raises
    ValueError."""
    ranges = []
    for item in text.split(","):
        match = _ITEM.match(item.strip().lower())
        if match is None:
            raise ValueError(
                f'pages are numbers, ranges and "last", such as "1-3,last"; found {item.strip()!r}'
            )
        first, last = _number(match[1]), _number(match[2] or (LAST if "-" in item else match[1]))
        if last is not None and (first is None or first > last):
            raise ValueError(f"the range {item.strip()!r} runs backwards")
        ranges.append(PageRange(first, last))
    return PageSelection(tuple(ranges))


def _number(text: str) -> int | None:
    if text == LAST:
        return None
    if int(text) == 0:
        raise ValueError("pages are counted from 1, found 0")
    return int(text)
