"""A model's transcription as a page to search: for pages whose own words cannot be read here.

Without the OCR extra a scan has no words, but its transcription was paid for. Lines and columns
follow the text, so that a label is beside its value; the boxes mean nothing on the page.
"""

import re

from schemas.document import Box, Page, PageKind, Word
from schemas.record import PageExtraction

_LINE_PT = 12.0
_COLUMN_PT = 6.0
_RULE = re.compile(r"^[\s|:-]*$")  # an empty line, or the rule under a table's head


def transcribed_page(extraction: PageExtraction) -> Page:
    """The transcription of one page as words in lines."""
    text = extraction.text.replace("|", " | ").replace("**", "")
    lines = [line for line in text.splitlines() if not _RULE.match(line)]
    width = max(map(len, lines), default=1)
    height = max(1, len(lines))
    words = tuple(
        Word(
            text=match[0],
            box=Box(
                x0=match.start() / width,
                y0=number / height,
                x1=match.end() / width,
                y1=(number + 0.8) / height,
            ),
        )
        for number, line in enumerate(lines)
        for match in re.finditer(r"[^\s|]+", line)
    )
    return Page(
        page_number=extraction.page_number,
        kind=PageKind.SCAN,
        width_pt=width * _COLUMN_PT,
        height_pt=height * _LINE_PT,
        words=words,
    )
