"""Search of all pages for each value of a record.

Boxes come from the words of the pages, never from the model. A value
found nowhere is `ungrounded`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from heapq import nlargest

from pydantic import JsonValue

from schemas.document import Page, Word
from schemas.record import Evidence
from schemas.record_path import RecordPath, walk
from tasks.evidence.printed import MOST_PLACES, Occurrence, PrintedPage
from tasks.layout.rows import box_of, quote_of

UNGROUNDED = 0.2


class Grounder:
    """Searches page after page for all values of one record; keeps places, never pages."""

    def __init__(self, record: dict[str, JsonValue], *, skip: Iterable[str] = ()) -> None:
        skipped = set(skip)
        self._values = {
            path: value
            for path, value in walk(record)
            if value not in (None, "") and str(path) not in skipped
        }
        self._places: dict[RecordPath, list[Occurrence]] = defaultdict(list)
        self._words = 0

    def read(self, page: Page) -> None:
        if not page.words:
            return
        self._words += len(page.words)
        printed = PrintedPage(page)
        for path, value in self._values.items():
            found = printed.find(value, path.names, alike=not self._places[path])
            if found:
                self._places[path] = nlargest(MOST_PLACES, [*self._places[path], *found], key=_rank)

    def finish(self) -> list[Evidence]:
        """One evidence for each value, in the record's order."""
        anchors = self._anchors()
        taken: set[tuple[RecordPath, tuple[Word, ...]]] = set()
        return [self._evidence(path, anchors, taken) for path in self._values]

    def _anchors(self) -> dict[RecordPath, float]:
        """For each item of a list, where its least ambiguous value stands: its other values belong
        on the same line."""
        anchors: dict[RecordPath, tuple[int, float]] = {}
        for path, places in self._places.items():
            item = path.item
            if item and places and (item not in anchors or len(places) < anchors[item][0]):
                anchors[item] = (len(places), places[0].place)
        return {item: place for item, (_, place) in anchors.items()}

    def _evidence(
        self,
        path: RecordPath,
        anchors: Mapping[RecordPath, float],
        taken: set[tuple[RecordPath, tuple[Word, ...]]],
    ) -> Evidence:
        places, item, field = self._places.get(path), path.item, str(path)
        if not places:
            why = "not found on any page" if self._words else "no text on the page"
            return Evidence(field=field, found_by="ungrounded", confidence=UNGROUNDED, why=(why,))
        best = max(places, key=_rank)
        # unit price and line total may be the same number: each has its own place
        if item is not None and item in anchors:
            free = [o for o in places if (item, o.words) not in taken] or places
            best = min(
                free, key=lambda o: (-round(o.likeness, 2), round(abs(o.place - anchors[item]), 3))
            )
            taken.add((item, best.words))
        return Evidence(
            field=field,
            page=best.page,
            quote=quote_of(best.words)[:500],
            box=box_of(best.words),
            found_by="ocr" if best.from_ocr else "text_layer",
            confidence=_confidence(best, len(places)),
            why=_why(best, len(places)),
        )


def _rank(occurrence: Occurrence) -> tuple[float, float]:
    return round(occurrence.likeness + 0.3 * occurrence.labelled, 2), -occurrence.place


def _confidence(best: Occurrence, places: int) -> float:
    # printed as it is: what remains is that the model took the wrong one of several, or the OCR
    # misread
    sure = 0.97 if best.labelled else 0.92 if places == 1 else 0.88
    return round(
        min(sure, sure * best.likeness - (0.1 if best.likeness < 1 else 0))
        * (0.98 if best.from_ocr else 1),
        2,
    )


def _why(best: Occurrence, places: int) -> tuple[str, ...]:
    reasons = [f"printed as {best.how}" if best.likeness == 1 else best.how]
    reasons += ["beside its label"] if best.labelled else []
    return (*reasons, f"{places} places") if places > 1 else tuple(reasons)
