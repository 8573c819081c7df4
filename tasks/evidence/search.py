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
from tasks.printed_values.forms import form_of
from tasks.vocabulary.concepts import meaning_of

UNGROUNDED = 0.2
OTHER_LABEL = 0.4  # printed, but the label beside it is that of another field
TRANSCRIBED = 0.85  # in a model's transcription, which nothing here compares with the page
DOUBTED = 0.6  # printed, but what is printed has another reading


class Grounder:
    """Searches page after page for all values of one record; keeps places, never pages."""

    def __init__(self, record: dict[str, JsonValue], *, skip: Iterable[str] = ()) -> None:
        skipped = set(skip)
        self._values = {
            path: value
            for path, value in walk(record)
            if value not in (None, "") and str(path) not in skipped
        }
        self._by_concept = _values_by_concept(record)
        self._places: dict[RecordPath, list[Occurrence]] = defaultdict(list)
        self._transcribed: set[int] = set()
        self._words = 0

    def read(self, page: Page, *, transcribed: bool = False) -> None:
        """`transcribed`: its words are those of a model, so they give a quote but no box."""
        if not page.words:
            return
        if transcribed:
            self._transcribed.add(page.page_number)
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
        others = {id(one) for one in places if item is None and self._is_of_another(path, one)}
        best = max(places, key=lambda one: _rank(one, other=id(one) in others))
        # unit price and line total may be the same number: each has its own place
        if item is not None and item in anchors:
            free = [o for o in places if (item, o.words) not in taken] or places
            best = min(
                free, key=lambda o: (-round(o.likeness, 2), round(abs(o.place - anchors[item]), 3))
            )
            taken.add((item, best.words))
        sure = _confidence(best, len(places), other=id(best) in others)
        reasons = _why(best, len(places), other=id(best) in others)
        if best.page in self._transcribed:
            return Evidence(
                field=field,
                page=best.page,
                quote=quote_of(best.words)[:500],
                found_by="transcription",
                confidence=min(TRANSCRIBED, sure),
                why=("in the transcription of the page", *reasons),
            )
        return Evidence(
            field=field,
            page=best.page,
            quote=quote_of(best.words)[:500],
            box=box_of(best.words),
            found_by="ocr" if best.from_ocr else "text_layer",
            confidence=sure,
            why=reasons,
        )

    def _is_of_another(self, path: RecordPath, occurrence: Occurrence) -> bool:
        """Whether the label beside it names another field of the record, with another value.

        A total that is also the amount due may be printed once, under either label.
        """
        if occurrence.labelled or occurrence.other_label is None:
            return False
        theirs = self._by_concept.get(occurrence.other_label)
        return theirs is not None and form_of(str(self._values[path])) not in theirs


def _values_by_concept(record: dict[str, JsonValue]) -> dict[str, set[tuple[str, object]]]:
    """What the record says of each concept outside of lists: to tell exchanged values."""
    values: dict[str, set[tuple[str, object]]] = defaultdict(set)
    for path, value in walk(record):
        if path.item is None and value not in (None, ""):
            values[meaning_of(path.names, "str").key].add(form_of(str(value)))
    return values


def _rank(occurrence: Occurrence, *, other: bool = False) -> tuple[float, float]:
    label = 0.3 * occurrence.labelled - 0.3 * other
    return round(occurrence.likeness + label, 2), -occurrence.place


def _confidence(best: Occurrence, places: int, *, other: bool) -> float:
    # printed as it is: what remains is that the model took the wrong one of several, or the OCR
    # misread
    sure = 0.97 if best.labelled else 0.92 if places == 1 else 0.88
    sure = min(sure, sure * best.likeness - (0.1 if best.likeness < 1 else 0))
    limit = OTHER_LABEL if other else DOUBTED if best.doubt else 1.0
    return round(min(limit, sure * (0.98 if best.from_ocr else 1)), 2)


def _why(best: Occurrence, places: int, *, other: bool) -> tuple[str, ...]:
    reasons = [f"printed as {best.how}" if best.likeness == 1 else best.how]
    reasons += ["beside its label"] if best.labelled else []
    reasons += [f"beside the label of {best.other_label}"] if other else []
    reasons += [best.doubt] if best.doubt else []
    return (*reasons, f"{places} places") if places > 1 else tuple(reasons)
