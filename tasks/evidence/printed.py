"""Search of a page for a printed value.

Dates in any form, numbers of any locale, text through line breaks and OCR slips.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from rapidfuzz import fuzz

from schemas.document import Page, Word
from tasks.evidence.printed_labels import NO_LABEL, PrintedLabel, label_beside
from tasks.evidence.text_runs import Piece, TextRun, same_length_lookalike
from tasks.layout.rows import Segment, Sheet, sheet_of
from tasks.local.finding.address_lines import lines_under
from tasks.printed_values.dates import FoundDate, Order, find_dates, order_of
from tasks.printed_values.forms import form_of
from tasks.printed_values.money import FoundAmount, currency_codes, find_amounts
from tasks.standards.countries import country_code
from tasks.standards.currencies import PRINTED_CURRENCIES
from tasks.text.folding import bare
from tasks.vocabulary.concepts import Meaning, meaning_of

MOST_PLACES = 24  # of one value on one page: enough to find the one in its own line
_SHORT = 4  # letters below which only an exact match counts
_ALIKE = 86  # per cent of equal letters that make two texts one, printed
_ALIKE_OCR = 78  # ... and read from a picture


class Occurrence(NamedTuple):
    """One place where a value may be printed.

    `likeness` 0..1 compares the text; `labelled`: its own label is beside it; `other_label`
    is the concept of another label that is. `doubt`: why it may be another value.
    """

    likeness: float
    labelled: bool
    page: int
    place: float  # page number + share of the page's height
    words: tuple[Word, ...]
    from_ocr: bool
    how: str
    other_label: str | None = None
    doubt: str | None = None


class _Dated(NamedTuple):
    segment: Segment
    found: FoundDate
    last: int  # where the date before it ends in the segment


class _Numbered(NamedTuple):
    segment: Segment
    found: FoundAmount
    last: int


class PrintedPage:
    """A page ready to be searched for many values."""

    def __init__(self, page: Page) -> None:
        self.sheet: Sheet = sheet_of(page)
        self.from_ocr = page.words_from == "ocr"

    def find(
        self, value: object, names: tuple[str, ...], *, alike: bool = True
    ) -> list[Occurrence]:
        """Occurrences of a JSON value. `names` are the names of its field, from the outermost in;
        they tell the label.

        `alike`: where it is not printed as it is, take the most similar text; the dear part of a
        search.
        """
        kind, wanted = form_of(value)
        if kind == "date" and isinstance(wanted, date):
            return self._dates(wanted, meaning_of(names, "date"))
        text = str(value)
        meaning = meaning_of(names, "str")
        if isinstance(wanted, Decimal):
            numbers = self._numbers(wanted, meaning_of(names, "decimal"))
            if not isinstance(value, str) or "." in text or meaning.kind == "money":
                return numbers  # a number is never compared as a text: 12.0000 is not 1.200,00
            exact = self._texts(text, meaning, alike=False)  # "0042" is a text first
            return [one for one in exact if _is_verbatim(text, one)] or numbers
        return self._meant(text) or self._texts(
            text, meaning, alike=alike and meaning.kind != "pattern"
        )

    @cached_property
    def _in_rows(self) -> TextRun:
        run = TextRun()
        for segment in self.sheet.segments:
            run.add(segment)
        return run

    @cached_property
    def _in_columns(self) -> TextRun:
        """Block by block, so that an address beside another column is one text."""
        run, seen = TextRun(), set[int]()
        for segment in self.sheet.segments:
            if id(segment) in seen:
                continue
            for line in (segment, *lines_under(self.sheet, segment, 40)):
                if id(line) in seen:
                    break
                seen.add(id(line))
                run.add(line)
        return run

    @cached_property
    def _dates_by_value(self) -> dict[date, list[_Dated]]:
        found: dict[date, list[_Dated]] = defaultdict(list)
        for segment in self.sheet.segments:
            last = 0
            for one in find_dates(segment.text):
                for reading in {one.value, *one.other_readings("dmy")}:
                    found[reading].append(_Dated(segment, one, last))
                last = one.end
        return found

    @cached_property
    def _numbers_by_size(self) -> dict[Decimal, list[_Numbered]]:
        found: dict[Decimal, list[_Numbered]] = defaultdict(list)
        for segment in self.sheet.segments:
            last = 0
            for one in find_amounts(segment.text):
                for reading in {abs(one.value), abs(one.value if one.other is None else one.other)}:
                    found[reading].append(_Numbered(segment, one, last))
                last = one.end
        return found

    def _dates(self, wanted: date, meaning: Meaning) -> list[Occurrence]:
        found = []
        for segment, one, last in self._dates_by_value.get(wanted, [])[:MOST_PLACES]:
            label = self._label(segment, one.start, last, meaning)
            at = self._at(segment, one.start, one.end, 1.0, label, how="date")
            if wanted != one.read_as(self._order):
                at = at._replace(doubt="only if day, month or year change places")
            found.append(at)
        return found

    @cached_property
    def _order(self) -> Order:
        """Which of day, month and year comes first, by the dates of this page with one reading."""
        dates = [one.found for found in self._dates_by_value.values() for one in found]
        return order_of([one.sure_order for one in dates if one.sure_order], american=False)

    def _numbers(self, wanted: Decimal, meaning: Meaning) -> list[Occurrence]:
        found = []
        for segment, one, last in self._numbers_by_size.get(abs(wanted), [])[:MOST_PLACES]:
            value = (
                one.other if one.other is not None and abs(one.other) == abs(wanted) else one.value
            )
            likeness = 1.0 if value == wanted else 0.9 if value < 0 else 0.8
            label = self._label(segment, one.start, last, meaning)
            at = self._at(segment, one.start, one.end, likeness, label, how="number")
            found.append(at._replace(doubt=one.doubt))
        return found

    def _texts(self, text: str, meaning: Meaning, *, alike: bool) -> list[Occurrence]:
        wanted = bare(text)
        if not wanted:
            return []
        found = self._exact(wanted, meaning, 1.0, "text")
        if not found and len(wanted) >= _SHORT and self.from_ocr:
            found = self._exact(wanted, meaning, 0.9, "text, with letters that OCR confuses")
        if alike and not found and len(wanted) > _SHORT and any(c.isalpha() for c in wanted):
            found = self._fuzzy(wanted, meaning)
        return found

    def _exact(self, wanted: str, meaning: Meaning, likeness: float, how: str) -> list[Occurrence]:
        """In rows, and in columns only where rows do not have it. A likeness below 1: letters that
        OCR confuses count as one."""
        found: dict[tuple[Word, ...], Occurrence] = {}
        if likeness < 1:
            wanted = same_length_lookalike(wanted)
        for run in self._runs():
            text = run.text if likeness == 1 else run.lookalike
            at = text.find(wanted)
            while at >= 0 and len(found) < MOST_PLACES:
                pieces = run.between(at, at + len(wanted))
                if run.whole(at, at + len(wanted)) and (
                    len(wanted) >= _SHORT or _fills_words(pieces, wanted)
                ):
                    one = self._of_pieces(pieces, likeness, meaning, how)
                    found.setdefault(one.words, one)
                at = text.find(wanted, at + 1)
            if found or (likeness == 1 and not run.may_part(wanted)):
                break  # columns are laid out only for what can stand there
        return list(found.values())

    def _runs(self) -> Iterator[TextRun]:
        yield self._in_rows
        yield self._in_columns

    def _fuzzy(self, wanted: str, meaning: Meaning) -> list[Occurrence]:
        limit = _ALIKE_OCR if self.from_ocr else _ALIKE
        best: Occurrence | None = None
        for run in self._runs():
            if len(run.text) < len(wanted) * 0.7:
                continue
            match = fuzz.partial_ratio_alignment(wanted, run.text, score_cutoff=limit)
            if match is not None and (best is None or match.score / 100 > best.likeness):
                pieces = run.mostly_between(match.dest_start, match.dest_end)
                best = self._of_pieces(pieces, match.score / 100, meaning, "similar text")
        return [best] if best is not None else []

    def _meant(self, text: str) -> list[Occurrence]:
        """Codes that paper prints otherwise: EUR as a sign, DE as a country's name."""
        code = text.strip().upper()
        found: list[Occurrence] = []
        for segment in (
            self.sheet.segments
            if code in PRINTED_CURRENCIES or re.fullmatch(r"[A-Z]{2}", code)
            else ()
        ):
            found += [
                self._at(segment, amount.start, amount.end, 1.0, NO_LABEL, how="currency sign")
                for amount in find_amounts(segment.text)
                if amount.currency == code
            ]
            if code in currency_codes(segment.text) or country_code(segment.text) == code:
                found.append(
                    self._at(segment, 0, len(segment.text), 1.0, NO_LABEL, how="name of the code")
                )
        return found[:3]

    def _label(self, segment: Segment, start: int, last: int, meaning: Meaning) -> PrintedLabel:
        return label_beside(self.sheet, segment, start, last, meaning, forgiving=self.from_ocr)

    def _of_pieces(
        self, pieces: list[Piece], likeness: float, meaning: Meaning, how: str
    ) -> Occurrence:
        words: dict[int, Word] = {}
        for piece in pieces:
            for word in piece.segment.words_at(piece.start, piece.end):
                words.setdefault(id(word), word)
        first = pieces[0]
        label = self._label(first.segment, first.start, 0, meaning)
        place = self.sheet.page_number + min(0.999, max(0.0, first.segment.y0 / self.sheet.height))
        return Occurrence(
            likeness,
            label.own,
            self.sheet.page_number,
            place,
            tuple(words.values()),
            self.from_ocr,
            how,
            label.other,
        )

    def _at(
        self,
        segment: Segment,
        start: int,
        end: int,
        likeness: float,
        label: PrintedLabel,
        *,
        how: str,
    ) -> Occurrence:
        words = segment.words_at(start, end) or tuple(token.word for token in segment.tokens)
        place = self.sheet.page_number + min(0.999, max(0.0, segment.y0 / self.sheet.height))
        return Occurrence(
            likeness,
            label.own,
            self.sheet.page_number,
            place,
            words,
            self.from_ocr,
            how,
            label.other,
        )


def _is_verbatim(text: str, occurrence: Occurrence) -> bool:
    """Whether the digits of `text` are printed without a group or decimal mark among them."""
    printed = " ".join(word.text for word in occurrence.words)
    digits = r"[\s/_-]*".join(map(re.escape, text))
    return re.search(rf"(?<!\d)(?<!\d[.,']){digits}(?![.,']?\d)", printed) is not None


def _fills_words(pieces: list[Piece], wanted: str) -> bool:
    """Short values must be whole words: "NL" is no country in "shop.nl"."""
    words = {
        word.text: None
        for piece in pieces
        for word in piece.segment.words_at(piece.start, piece.end)
    }
    return bare("".join(words)) == wanted
