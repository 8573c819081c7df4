"""Candidates on a page: dates, numbers, names.

Each with the label beside, before or above it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

from schemas.document import Word
from schemas.record import Evidence
from tasks.layout.rows import Segment, Sheet, box_of, quote_of
from tasks.printed_values.dates import FoundDate, find_dates
from tasks.printed_values.money import find_amounts
from tasks.text.folding import Span, spans, tokens, word_set
from tasks.vocabulary.labels import Concept, LabelBook, Match

FoundBy = Literal["text_layer", "ocr"]
DATE_KEYS = frozenset(
    {
        Concept.ISSUE_DATE,
        Concept.DUE_DATE,
        Concept.ORDER_DATE,
        Concept.DELIVERY_DATE,
        Concept.PERIOD_START,
        Concept.PERIOD_END,
        Concept.OTHER_DATE,
    }
)
_VALUE_START = re.compile(r"[\s:;.#№°=\-\u2013)\]>*|_]*")
_CODE = re.compile(r"[A-Za-z0-9ÄÖÜ_][\w./\-\u2013]*(?:\s?[/-]\s?\d[\w./-]*)*")
_WEAK = {"number", "no", "n", "nr", "nummer", "numero", "ref", "trans", "check no", "order", "project", "bon", "ticket", "account", "reference", "slip", "c f", "p i", "pan"}  # fmt: skip
_PAYABLE = word_set(
    "pay payable payment due zahlbar uberweisen ueberweisen fallig faellig payer payable "
    "regler betalen voldoen pagar abonar pagare versare"
)
LONGEST_LABEL = 9  # words; beyond it a segment is running text
_TO = re.compile(
    r"\s*(?:-|\u2013|to|until|thru|through|till|au|bis|bis zum|tot|tot en met|t/m|hasta|al|a)\s*",
    re.IGNORECASE,
)
_RELATION = {"same": 1.0, "right": 0.95, "below": 0.75}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible value with where it stands. `score` orders candidates of one key; it is no
    probability."""

    key: str
    value: Any
    score: float
    page: int
    words: tuple[Word, ...]
    found_by: FoundBy
    why: tuple[str, ...] = ()
    place: float = 0.0  # how far down the document: page number + share of the page

    def evidence(self, field: str, confidence: float, why: tuple[str, ...] = ()) -> Evidence:
        return Evidence(
            field=field,
            page=self.page,
            quote=quote_of(self.words)[:500],
            box=box_of(self.words),
            found_by=self.found_by,
            confidence=confidence,
            why=why or self.why,
        )


class Remainder(NamedTuple):
    """What may be the value of a label: characters from `start` on of a segment."""

    segment: Segment
    start: int
    relation: Literal["same", "right", "below"]

    @property
    def text(self) -> str:
        return self.segment.text[self.start :]


def found_by(sheet: Sheet) -> FoundBy:
    return "ocr" if sheet.from_ocr else "text_layer"


def place_of(sheet: Sheet, segment: Segment) -> float:
    return sheet.page_number + min(0.999, max(0.0, segment.y0 / sheet.height))


def candidate(
    sheet: Sheet,
    segment: Segment,
    start: int,
    end: int,
    *,
    key: str,
    value: Any,
    score: float,
    why: tuple[str, ...] = (),
) -> Candidate:
    """A candidate quoting characters `start`..`end` of a segment."""
    words = segment.words_at(start, end) or tuple(token.word for token in segment.tokens)
    return Candidate(
        key, value, score, sheet.page_number, words, found_by(sheet), why, place_of(sheet, segment)
    )


def labelled_text(
    sheet: Sheet, segment: Segment, before: int, *, after: int = 0
) -> Iterator[tuple[str, str]]:
    """Texts that may label a value at character `before` of a segment, nearest first, with where
    they stand.

    `after`: where the previous value in the same segment ends.
    """
    prefix = segment.text[after:before]
    if any(c.isalpha() for c in prefix):
        yield prefix, "same"
    for other in sheet.left_of(segment)[:3]:
        if len(other.tokens) <= LONGEST_LABEL:
            yield other.text, "left"
    for other in sheet.above(segment)[:2]:
        yield other.text, "above"


def dates_on(sheet: Sheet, book: LabelBook, own_keys: frozenset[str]) -> list[Candidate]:
    """Every date of the page under the key of its nearest label, or `unknown`. `own_keys`: date
    fields with labels of their own."""
    found: list[Candidate] = []
    for segment in sheet.segments:
        last, start_key = 0, ""
        for date in find_dates(segment.text):
            key, weight, why = _date_label(sheet, segment, date, last, book, own_keys)
            if date.compact and key == Concept.UNKNOWN:
                weight *= 0.6
            if start_key and _TO.fullmatch(
                segment.text[last : date.start]
            ):  # "1 May - 7 May" has one label for both
                key, weight, why = f"end of {start_key}", found[-1].score, found[-1].why
            start_key = key
            timed = re.match(r"\W{0,3}\d\d?:\d\d", segment.text[date.end :]) is not None
            weight += 0.1 * timed  # the till stamps date and time of the sale
            found.append(
                candidate(
                    sheet, segment, date.start, date.end, key=key, value=date, score=weight, why=why
                )
            )
            last = date.end
    return found


def _date_label(
    sheet: Sheet,
    segment: Segment,
    date: FoundDate,
    last: int,
    book: LabelBook,
    own_keys: frozenset[str],
) -> tuple[str, float, tuple[str, ...]]:
    for text, where in labelled_text(sheet, segment, date.start, after=last):
        if where == "above" and find_dates(text):
            continue  # a list of dates: the one above says nothing about this one
        words = tokens(text)[-12:]
        matches = [
            m
            for m in book.matches(words, forgiving=sheet.from_ocr)
            if m.key in DATE_KEYS or m.key in own_keys
        ]
        if where != "same":
            matches = [
                m
                for m in matches
                if m.end - m.start >= len(words) - 3 and (m.letters > 2 or where == "left")
            ]
        if not matches:
            continue
        best = max(
            matches,
            key=lambda m: (
                m.key in own_keys and m.end - m.start > 1,
                m.end - m.start,
                m.letters,
                m.end,
            ),
        )
        if best.key == Concept.PERIOD_END and _PAYABLE & set(words):
            best = best._replace(
                key=Concept.DUE_DATE
            )  # "zahlbar innerhalb von 14 Tagen bis 26.11."
        named = (
            any(m.key == Concept.NUMBER for m in book.matches(words)) if where == "same" else False
        )
        weight = (
            min(1.0, 0.65 + 0.04 * best.letters + 0.15 * named)
            * {"same": 1.0, "left": 0.95, "above": 0.85}[where]
        )
        return best.key, weight, (f"label `{' '.join(words[best.start : best.end])}`",)
    return Concept.UNKNOWN, 0.45, ("no label",)


def after_label(
    sheet: Sheet, segment: Segment, spans_: tuple[Span, ...], match: Match
) -> Iterator[Remainder]:
    """Where the value of a label may begin: behind it, in the next segment, below it."""
    end = spans_[match.end - 1].end
    skip = cast("re.Match[str]", _VALUE_START.match(segment.text, end)).end()
    if skip < len(segment.text):
        yield Remainder(segment, skip, "same")
        return
    right = sheet.right_of(segment)
    if right:
        yield Remainder(
            right[0], cast("re.Match[str]", _VALUE_START.match(right[0].text)).end(), "right"
        )
    for other in sheet.below(segment)[:1]:
        yield Remainder(other, cast("re.Match[str]", _VALUE_START.match(other.text)).end(), "below")


def codes_on(sheet: Sheet, book: LabelBook, keys: frozenset[str]) -> list[Candidate]:
    """Numbers and codes beside a label of `keys`: invoice numbers, order numbers, ids of any
    kind."""
    found: list[Candidate] = []
    for segment in sheet.segments:
        pieces = spans(segment.text)
        words = [piece.token for piece in pieces]
        matches = book.matches(words, forgiving=sheet.from_ocr)
        for match in matches:
            if match.key not in keys or _inside_code(segment.text, pieces[match.end - 1].end):
                continue
            for rest in after_label(sheet, segment, pieces, match):
                code = _code_at(rest, book)
                if code is None:
                    continue
                phrase = " ".join(words[match.start : match.end])
                weight = _code_weight(phrase, match, rest, words)
                if phrase in _WEAK and any(
                    m.key == match.key and m.end <= match.start and m.letters > 5 for m in matches
                ):
                    weight = 1.0  # "Rechnung (380) Nr. 471102"
                why = (
                    (f"label `{phrase}`",)
                    if rest.relation != "below"
                    else (f"below label `{phrase}`",)
                )
                found.append(
                    candidate(
                        sheet,
                        rest.segment,
                        code[1],
                        code[2],
                        key=match.key,
                        value=code[0],
                        score=weight,
                        why=why,
                    )
                )
                break
    return found


def _inside_code(text: str, end: int) -> bool:
    """The label word is the head of a code: PO in "PO-3333"."""
    return text[end : end + 1] in ("-", "/", "_") and text[end + 1 : end + 2].isalnum()


def _code_weight(phrase: str, match: Match, rest: Remainder, words: Sequence[str]) -> float:
    weight = _RELATION[rest.relation] * (
        0.5 if phrase in _WEAK else 0.8 if " " not in phrase and len(phrase) < 8 else 1.0
    )
    if match.start > 0 and phrase in _WEAK:
        weight *= 0.6  # "... seat no 7"
    if rest.relation == "same" and len(words) > 12:
        weight *= 0.6
    return weight


def _code_at(rest: Remainder, book: LabelBook) -> tuple[str, int, int] | None:
    match = _CODE.match(rest.segment.text, rest.start)
    if match is None:
        return None
    dates = find_dates(rest.text)
    if dates and dates[0].start == 0:
        return None
    if any(a.start == 0 and (a.currency or a.percent) for a in find_amounts(rest.text[:30])):
        return None
    text = match[0].rstrip(".-\u2013/")
    if not any(c.isdigit() for c in text) and "_" not in text:
        return None
    if _is_label(tokens(text), book):
        return None
    return text, match.start(), match.start() + len(text)


def _is_label(words: Sequence[str], book: LabelBook) -> bool:
    """The text that follows is a label itself: "Invoice  Date"; digits in the same word make it a
    code."""
    if len(words) != 1 or len(words[0]) < 4 or words[0].isdigit():
        return False
    return any(match.letters >= len(words[0]) for match in book.matches(words))


def texts_on(sheet: Sheet, book: LabelBook, keys: frozenset[str]) -> list[Candidate]:
    """Free text beside a label of `keys`, up to the end of its segment."""
    found: list[Candidate] = []
    for segment in sheet.segments:
        pieces = spans(segment.text)
        words = [piece.token for piece in pieces]
        for match in book.matches(words, forgiving=sheet.from_ocr):
            if match.key not in keys or (match.start > 1 and match.end < len(words)):
                continue  # in the midst of a sentence
            for rest in after_label(sheet, segment, pieces, match):
                value = rest.text.strip()
                head = tokens(value)[:3]
                labelled = (
                    any(m.start == 0 and m.letters > 3 for m in book.matches(head))
                    if rest.relation != "same"
                    else False
                )
                if (
                    not head
                    or labelled
                    or (rest.relation == "below" and len(sheet.rows[rest.segment.row]) > 2)
                ):
                    continue
                colon = segment.text[pieces[match.end - 1].end :].lstrip()[:1] == ":"
                score = (
                    _RELATION[rest.relation]
                    * (1.0 if colon or rest.relation != "same" else 0.6)
                    * min(1.0, 0.7 + 0.03 * match.letters)
                )
                why = (f"label `{' '.join(words[match.start : match.end])}`",)
                found.append(
                    candidate(
                        sheet,
                        rest.segment,
                        rest.start,
                        len(rest.segment.text),
                        key=match.key,
                        value=value,
                        score=score,
                        why=why,
                    )
                )
                break
    return found
