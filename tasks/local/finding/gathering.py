"""Bounded lists of candidates gathered from the pages so far.

Memory stays flat however many pages a document has.
"""

import re
from collections import Counter, deque
from heapq import nlargest
from itertools import chain
from typing import TYPE_CHECKING

from schemas.document import Page
from tasks.layout.rows import Segment, Sheet, sheet_of
from tasks.local.finding.amounts import Amount, amounts_on
from tasks.local.finding.candidates import Candidate, candidate, codes_on, dates_on, texts_on
from tasks.local.finding.parties import parties_on
from tasks.local.finding.patterns import patterns_on
from tasks.local.finding.tables import MOST_ITEMS, Item, items_on
from tasks.local.finding.titles import credit_note_titles_on
from tasks.printed_values.money import currency_codes, currency_signs, find_amounts
from tasks.record_schema.shape import Leaf
from tasks.standards.currencies import CURRENCY_SIGNS
from tasks.vocabulary.labels import Concept, LabelBook, lexicon

if TYPE_CHECKING:
    from tasks.local.finding.party_block import PartyBlock
    from tasks.printed_values.dates import Order

MOST_OF_A_KEY = 12
MOST_AMOUNTS = (150, 250)  # of the first pages, of the last ones: sums stand on either
MOST_BLOCKS = 40
_AMERICAN = re.compile(
    r"\b[A-Z]{2},? \d{5}(?:-\d{4})?\b|\bUSA\b|\bU\.S\.|US\$|\bUSD\b|United States"
)


class Gathered:
    """Candidates of all pages read so far. `leaves` decides which labels are looked for beside the
    lexicon's."""

    def __init__(self, leaves: list[Leaf]) -> None:
        own = {
            leaf.meaning.key: leaf.meaning.phrases
            for leaf in leaves
            if leaf.meaning.key.startswith("own:")
        }
        periods = {
            f"own:{'.'.join(leaf.path)}": leaf.meaning.phrases
            for leaf in leaves
            if leaf.meaning.kind == "date" and leaf.meaning.phrases
        }
        self.book = LabelBook({**lexicon(), **own, **periods})
        self._own_dates = frozenset(periods)
        self._own_numbers = frozenset(
            leaf.meaning.key for leaf in leaves if leaf.meaning.kind == "number"
        )
        self._code_keys = frozenset(
            leaf.meaning.key for leaf in leaves if leaf.meaning.kind == "code"
        ) | {
            Concept.NUMBER,
            Concept.VAT_ID,
            Concept.TAX_NUMBER,
        }
        self._text_keys = frozenset(
            leaf.meaning.key for leaf in leaves if leaf.meaning.kind == "text"
        ) | {Concept.PAYMENT_METHOD}
        self.dates: dict[str, list[Candidate]] = {}
        self.codes: dict[str, list[Candidate]] = {}
        self.texts: dict[str, list[Candidate]] = {}
        self.patterns: dict[str, list[Candidate]] = {}
        self.titles: list[Candidate] = []
        self._first_amounts: list[Amount] = []
        self._last_amounts: deque[Amount] = deque(maxlen=MOST_AMOUNTS[1])
        self.blocks: list[PartyBlock] = []
        self.currencies: Counter[str] = Counter()
        self.currency_signs: Counter[str] = Counter()
        self.currency_at: dict[str, Candidate] = {}
        self.orders: Counter[Order] = Counter()
        self.american = 0
        self.items: list[Item] = []
        self.percents: list[Candidate] = []
        self.words = 0

    @property
    def amounts(self) -> list[Amount]:
        return list(chain(self._first_amounts, self._last_amounts))

    def add(self, page: Page) -> Sheet:
        """Read one more page; returns it in rows for those that want more of it."""
        sheet = sheet_of(page)
        self.words += len(page.words)
        self._keep(self.dates, dates_on(sheet, self.book, self._own_dates))
        self._keep(self.codes, codes_on(sheet, self.book, self._code_keys))
        self._keep(self.texts, texts_on(sheet, self.book, self._text_keys))
        self._keep(self.patterns, patterns_on(sheet))
        self.titles += credit_note_titles_on(sheet)[:MOST_OF_A_KEY]
        for date in chain.from_iterable(self.dates.values()):
            if date.page == sheet.page_number and date.value.sure_order:
                self.orders[date.value.sure_order] += 1
        items = items_on(sheet)
        self.items += items[: MOST_ITEMS - len(self.items)]
        billed = {id(word) for item in items for cell in item.cells.values() for word in cell.words}
        for amount in amounts_on(sheet, self.book, self._own_numbers):
            if amount.key in (Concept.CHARGE, Concept.DISCOUNT) and any(
                id(word) in billed for word in amount.candidate.words
            ):
                continue  # "Repair service 90.00" is a position
            if len(self._first_amounts) < MOST_AMOUNTS[0]:
                self._first_amounts.append(amount)
            else:
                self._last_amounts.append(amount)
        self.blocks = nlargest(
            MOST_BLOCKS, [*self.blocks, *parties_on(sheet, self.book)], key=lambda b: b.score
        )
        for segment in sheet.segments:
            self._count_signs(sheet, segment)
        return sheet

    def _count_signs(self, sheet: Sheet, segment: Segment) -> None:
        self.american += len(_AMERICAN.findall(segment.text))
        codes, signs = currency_codes(segment.text), currency_signs(segment.text)
        if segment.text in CURRENCY_SIGNS:  # in a column of its own beside the amounts
            signs.append(CURRENCY_SIGNS[segment.text])
        self.currencies.update(codes)
        self.currency_signs.update(signs)
        if "%" in segment.text and len(self.percents) < MOST_BLOCKS:
            self.percents += [
                candidate(sheet, segment, a.start, a.end, key="percent", value=a.value, score=1.0)
                for a in find_amounts(segment.text)
                if a.percent
            ]
        for code in (*codes, *signs):
            if code not in self.currency_at:
                start = max(0, segment.text.find(code))
                end = start + 3 if code in segment.text else len(segment.text)
                self.currency_at[code] = candidate(
                    sheet, segment, start, end, key=Concept.CURRENCY, value=code, score=1.0
                )

    def _keep(self, kept: dict[str, list[Candidate]], found: list[Candidate]) -> None:
        for one in found:
            kept.setdefault(one.key, []).append(one)
        for key, many in kept.items():
            if len(many) > MOST_OF_A_KEY:
                kept[key] = sorted(
                    nlargest(MOST_OF_A_KEY, many, key=lambda c: (c.score, -c.place)),
                    key=lambda c: c.place,
                )
