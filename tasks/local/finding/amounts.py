"""Amounts printed on a page, with what the paper calls each."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from tasks.layout.rows import Segment, Sheet, overlap
from tasks.local.finding.candidates import Candidate, candidate, labelled_text
from tasks.printed_values.dates import find_dates
from tasks.printed_values.money import FoundAmount, find_amounts
from tasks.text.folding import tokens
from tasks.vocabulary.amount_labels import AmountLabel, amount_label
from tasks.vocabulary.labels import Concept, LabelBook

_WHERE = {"same": 1.0, "left": 1.0, "after": 0.9, "above": 0.75}
_HEAD_ROWS = 12  # a column head stands at most this many rows above the row of totals
LEAST_IDENTIFIER = 1_000_000  # a bare whole number of seven digits is the number of something
_SUMS = (Concept.TOTAL, Concept.NET_TOTAL, Concept.SUBTOTAL, Concept.AMOUNT_DUE)


@dataclass(frozen=True, slots=True)
class Amount:
    """One printed number. `key` is the concept (or field) of its label, `unknown` without one;
    `row` counts within its page."""

    candidate: Candidate
    value: Decimal
    key: str
    weight: float
    decimals: int
    currency: str | None
    net_word: bool = False
    row: int = 0
    other: Decimal | None = None  # its value if the three digits behind its mark are decimals
    doubt: str | None = None  # why it may be a part of another number

    @property
    def is_money(self) -> bool:
        return self.decimals == 2 or self.currency is not None


class _Number(NamedTuple):
    segment: Segment
    found: FoundAmount
    last: int  # where the number before it ends in the segment


def amounts_on(sheet: Sheet, book: LabelBook, own_keys: frozenset[str]) -> list[Amount]:
    """Every number of the page that may be an amount, in reading order. `own_keys`: amount fields
    with labels of their own."""
    return [
        amount
        for row in sheet.rows
        for group in _groups(row)
        for amount in _of_group(sheet, group, book, own_keys)
    ]


def _groups(row: tuple[Segment, ...]) -> list[list[_Number]]:
    """Numbers of a row under one label: "Total 24.99 5.00 29.99"; a text between two of them is the
    label of the next group."""
    groups: list[list[_Number]] = [[]]
    for segment in row:
        numbers = list(_numbers(segment))
        if not numbers and sum(c.isalpha() for c in segment.text) > 3:
            groups.append([])
        groups[-1] += [_Number(segment, number, last) for number, last in numbers]
    return groups


def _of_group(
    sheet: Sheet, group: list[_Number], book: LabelBook, own_keys: frozenset[str]
) -> Iterator[Amount]:
    for place, (segment, number, last) in enumerate(group):
        from_right = len(group) - 1 - place
        key, label, why = _label(sheet, segment, number, last, book, own_keys)
        key, label, why = _by_column(sheet, segment, from_right, len(group), key, label, why)
        weight = label.weight if label else 0.0
        if not number.decimals and number.currency is None:
            weight *= 0.6  # sums are printed with cents
        source = candidate(
            sheet,
            segment,
            number.start,
            number.end,
            key=key,
            value=number.value,
            score=weight,
            why=why,
        )
        net_word = label.net_word if label else False
        yield Amount(
            source,
            number.value,
            key,
            weight,
            number.decimals,
            number.currency,
            net_word,
            segment.row,
            number.other,
            number.doubt,
        )


def _numbers(segment: Segment) -> Iterator[tuple[FoundAmount, int]]:
    """Numbers of a segment that are no percentage and no part of a date, each with where the one
    before it ends."""
    dates = find_dates(segment.text)
    last = 0
    for number in find_amounts(segment.text):
        identifier = (
            not number.decimals and not number.currency and number.value >= LEAST_IDENTIFIER
        )
        if (
            number.percent
            or identifier
            or any(d.start < number.end and number.start < d.end for d in dates)
        ):
            continue
        yield number, last
        last = number.end


def _label(
    sheet: Sheet,
    segment: Segment,
    number: FoundAmount,
    last: int,
    book: LabelBook,
    own_keys: frozenset[str],
) -> tuple[str, AmountLabel | None, tuple[str, ...]]:
    behind = segment.text[number.end : number.end + 12]
    for text, where in labelled_text(sheet, segment, number.start, after=last):
        if where == "above" and any(n.is_money for n in find_amounts(text)):
            continue  # the amount above has its own label
        words = tokens(text)[-12:]
        own = [m for m in book.matches(words, forgiving=sheet.from_ocr) if m.key in own_keys]
        if own:
            best = max(own, key=lambda m: (m.end - m.start, m.end))
            return (
                best.key,
                AmountLabel(Concept.UNKNOWN, 1.0 * _WHERE[where]),
                (f"label `{' '.join(words[best.start : best.end])}`",),
            )
        label = amount_label(text, forgiving=sheet.from_ocr)
        if label is not None:
            if (
                label.concept in _SUMS
                and (tail := amount_label(behind, forgiving=sheet.from_ocr))
                and tail.concept in _SUMS
            ):
                label = tail._replace(weight=max(label.weight, tail.weight))  # "Total 29.99 TTC"
            return (
                label.concept,
                label._replace(weight=label.weight * _WHERE[where]),
                (f"label `{' '.join(words[-6:])}`",),
            )
        if where == "left" and max(map(len, words), default=0) > 4:
            break  # it has a label, one that names no sum
    tail = (
        amount_label(behind, forgiving=sheet.from_ocr)
        if any(c.isalpha() for c in behind) and number.is_money
        else None
    )
    if tail is not None and tail.concept in (Concept.TOTAL, Concept.NET_TOTAL):
        return tail.concept, tail._replace(weight=0.6), (f"followed by `{behind.strip()}`",)
    return Concept.UNKNOWN, None, ("no label",)


def _by_column(
    sheet: Sheet,
    segment: Segment,
    from_right: int,
    in_row: int,
    key: str,
    label: AmountLabel | None,
    why: tuple[str, ...],
) -> tuple[str, AmountLabel | None, tuple[str, ...]]:
    """A row of totals under column heads: the head says which of net, tax and total each is;
    without heads the last one counts."""
    if label is None or in_row == 1 or label.concept not in _SUMS:
        return key, label, why
    head = _column_head(sheet, segment)
    if head is None:
        return key, label._replace(weight=label.weight * (0.9 if from_right == 0 else 0.5)), why
    if (
        head.concept in (Concept.TAX_TOTAL, Concept.NET_TOTAL, Concept.TOTAL)
        and label.concept == Concept.TOTAL
    ):
        weight = label.weight * (0.9 if head.weight >= 0.7 else 0.7)
        concept = (
            Concept.NET_TOTAL
            if head.concept == Concept.TOTAL and from_right and head.weight < 0.6
            else head.concept
        )
        return concept, label._replace(concept=concept, weight=weight), (*why, "column head")
    return key, label._replace(weight=label.weight * (0.9 if from_right == 0 else 0.5)), why


def _column_head(sheet: Sheet, segment: Segment) -> AmountLabel | None:
    for row in reversed(sheet.rows[max(0, segment.row - _HEAD_ROWS) : segment.row]):
        for other in row:
            if (
                overlap(segment, other) > 0
                and not find_amounts(other.text)
                and len(other.tokens) <= 5
            ):
                label = amount_label(other.text, forgiving=sheet.from_ocr)
                if label is not None:
                    return label
    return None
