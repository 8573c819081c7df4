"""Pages drawn as text: a line of the drawing is a row, a character a hundredth of the width."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from schemas.document import Box, Page, PageKind, Word

COLUMNS, ROWS = 100, 60
_STORED = Path(__file__).parents[1] / "data" / "ocr-words" / "receipts.jsonl"


def page(
    drawing: str, *, number: int = 1, words_from: Literal["text_layer", "ocr"] = "text_layer"
) -> Page:
    """An A4 page with the words of `drawing` where they stand in it. Two spaces and more are a gap
    between columns."""
    words = []
    for row, line in enumerate(drawing.strip("\n").splitlines()):
        at = 0
        for text in line.split(" "):
            if text:
                box = Box(at / COLUMNS, row / ROWS, (at + len(text)) / COLUMNS, (row + 0.7) / ROWS)
                words.append(Word(text, box, 0.98 if words_from == "ocr" else 1.0))
            at += len(text) + 1
    kind = PageKind.SCAN if words_from == "ocr" else PageKind.TEXT
    return Page(
        page_number=number,
        kind=kind,
        width_pt=595,
        height_pt=842,
        words=tuple(words),
        words_from=words_from,
    )


def turned(upright: Page, degrees: int) -> Page:
    """The page as a scanner sees it that took the sheet turned clockwise; the words stay in reading
    order."""

    def turn(box: Box) -> Box:
        if degrees == 90:
            return Box(1 - box.y1, box.x0, 1 - box.y0, box.x1)
        if degrees == 180:
            return Box(1 - box.x1, 1 - box.y1, 1 - box.x0, 1 - box.y0)
        return Box(box.y0, 1 - box.x1, box.y1, 1 - box.x0)

    width, height = (
        (upright.width_pt, upright.height_pt)
        if degrees == 180
        else (upright.height_pt, upright.width_pt)
    )
    words = tuple(word._replace(box=turn(word.box)) for word in upright.words)
    return upright.model_copy(update={"words": words, "width_pt": width, "height_pt": height})


def stored_receipts() -> Iterator[tuple[str, dict[str, Any], Page]]:
    """Name, labels and OCR words of real receipts; `data/ocr-words/ORIGIN.md` says where they are
    from."""
    for line in _STORED.read_text(encoding="utf-8").splitlines():
        stored = json.loads(line)
        words = tuple(
            Word(text, Box(*box), confidence) for text, *box, confidence in stored["words"]
        )
        yield (
            stored["id"],
            stored["labels"],
            Page(
                page_number=1,
                kind=PageKind.SCAN,
                width_pt=stored["width"],
                height_pt=stored["height"],
                words=words,
                words_from="ocr",
            ),
        )
