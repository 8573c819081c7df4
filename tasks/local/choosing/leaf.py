"""Choice of one field's value among the candidates, and its reason.

One answer per leaf, from everything gathered.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from tasks.local.choosing.arithmetic import Settled, settle
from tasks.local.choosing.choice import Choice
from tasks.local.choosing.parties import PartyChooser
from tasks.local.finding.amounts import Amount
from tasks.local.finding.candidates import Candidate
from tasks.local.finding.gathering import Gathered
from tasks.printed_values.dates import Order, order_of
from tasks.printed_values.money import THREE_DECIMALS
from tasks.record_schema.shape import Leaf
from tasks.standards.currencies import minor_unit
from tasks.text.folding import bare, tokens
from tasks.vocabulary.labels import Concept
from tasks.vocabulary.name_words import range_of

if TYPE_CHECKING:
    from collections.abc import Callable

_MEANS = frozenset(
    {
        "cash",
        "card",
        "visa",
        "mastercard",
        "master",
        "amex",
        "credit",
        "debit",
        "nets",
        "bar",
        "pin",
        "contant",
        "efectivo",
        "contanti",
        "especes",
    }
)
_DAY_FIRST = frozenset(  # every country that pays in them writes the day before the month
    ("EUR", "GBP", "CHF", "INR", "MYR", "AUD", "NZD", "SGD", "DKK", "NOK", "PLN", "CZK", "BRL")
)
_TYPE_CODES = frozenset(("typecode", "invoicetypecode", "documenttypecode"))
_GOOD_LABEL = 0.85


class Chooser:
    """Answers for each leaf, once all pages have been read."""

    def __init__(self, gathered: Gathered) -> None:
        self.seen = gathered
        self.settled: Settled = settle(_with_decimals_of(gathered))
        self.order: Order = order_of(
            list(gathered.orders.elements()), american=gathered.american > 0
        )
        self.parties = PartyChooser(gathered)
        self._answers: dict[str, Callable[[Leaf], Choice | None]] = {
            "date": self._date,
            "money": self._sum,
            "number": self._number,
            "code": self._code,
            "pattern": self._pattern,
            "currency": self._currency,
            "name": self.parties.name,
            "address": self.parties.address,
            "text": self._text,
        }

    def choose(self, leaf: Leaf) -> Choice | None:
        meaning = leaf.meaning
        if len(leaf.path) == 1 and bare(leaf.path[0]) in _TYPE_CODES and leaf.type != "bool":
            return self._type_code()
        if leaf.type == "choice" and meaning.kind not in ("currency", "text", "code"):
            return None
        answer = self._answers.get(meaning.kind)
        return answer(leaf) if answer else None

    def _type_code(self) -> Choice | None:
        """381 by the title; an invoice has no title that is certain enough to say 380."""
        if not self.seen.titles:
            return None
        first = self.seen.titles[0]
        return Choice(first.value, first, "type code", "title")

    def _date(self, leaf: Leaf) -> Choice | None:
        own = self.seen.dates.get(f"own:{'.'.join(leaf.path)}", [])
        if leaf.meaning.key == Concept.PERIOD_END:
            own = own or self._range_ends(range_of(leaf.path[-1]))
        candidates = own or self.seen.dates.get(leaf.meaning.key, [])
        if leaf.meaning.key == Concept.ISSUE_DATE:
            candidates = [*candidates, *self.seen.dates.get(Concept.UNKNOWN, [])]
        if not candidates:
            return None
        values = [c.value.read_as(self.order) for c in candidates]
        best = max(
            range(len(candidates)),
            key=lambda i: (
                round(candidates[i].score + 0.06 * (values.count(values[i]) > 1), 2),
                -candidates[i].place,
            ),
        )
        chosen = candidates[best]
        others = {
            v
            for v, c in zip(values, candidates, strict=True)
            if v != values[best] and c.score > chosen.score - 0.1
        }
        reason = (
            "label"
            if chosen.score >= _GOOD_LABEL
            else "weak label"
            if chosen.score > 0.6
            else "no label"
        )
        readings = () if self._order_is_known() else chosen.value.other_readings(self.order)
        reason += ", rivals" if others else ", two readings" if readings else ""
        kind = "date" if leaf.meaning.key == Concept.ISSUE_DATE else "other date"
        return Choice(
            values[best],
            chosen,
            kind,
            reason,
            tuple(f"could also be read as {other}" for other in readings),
        )

    def _order_is_known(self) -> bool:
        """Whether something on the document says which of day, month and year comes first.

        A date that has one reading, an American address, or a currency of a country that writes
        the day first.
        """
        if self.seen.orders or self.seen.american:
            return True
        return bool(_DAY_FIRST & {*self.seen.currencies, *self.seen.currency_signs})

    def _range_ends(self, spanned: str) -> list[Candidate]:
        """Second dates of "1 May - 7 May" whose label is that of the field's own range, else of any
        period."""
        ends = {
            key.removeprefix("end of "): found
            for key, found in self.seen.dates.items()
            if key.startswith("end of ")
        }
        mine = [
            found
            for key, found in ends.items()
            if key.startswith("own:")
            and range_of(key.rpartition(".")[2].removeprefix("own:")) == spanned
        ]
        return mine[0] if mine else ends.get(Concept.PERIOD_START, [])

    def _sum(self, leaf: Leaf) -> Choice | None:
        key = leaf.meaning.key
        amount = self.settled.chosen.get(key)
        if amount is None:
            return None
        agrees = key in self.settled.agrees
        score = self.settled.scores[key]
        reason = "sums agree" if agrees else "label" if score >= _GOOD_LABEL else "weak label"
        if key == Concept.TOTAL and self.settled.rivals and not agrees:
            reason += ", rivals"
        why = self.settled.why[key]
        if amount.doubt:  # sums cannot remove it: all amounts of a page are cut in the same way
            reason, why = "number in doubt", (*why, amount.doubt)
        chosen = replace(amount.candidate, why=why)
        kind = (
            key
            if key in (Concept.TOTAL, Concept.NET_TOTAL, Concept.TAX_TOTAL, Concept.AMOUNT_DUE)
            else "other amount"
        )
        return Choice(amount.value, chosen, kind, reason)

    def _number(self, leaf: Leaf) -> Choice | None:
        found = [a for a in self.seen.amounts if a.key == leaf.meaning.key]
        if not found:
            return None
        best = max(found, key=lambda a: (a.weight, -a.candidate.place))
        return Choice(
            best.value,
            best.candidate,
            "labelled number",
            "number in doubt" if best.doubt else "label",
            (best.doubt,) if best.doubt else (),
        )

    def _code(self, leaf: Leaf) -> Choice | None:
        found = self.seen.codes.get(leaf.meaning.key, [])
        if leaf.meaning.party in ("delivery", "other"):
            return None
        if leaf.meaning.party is not None and leaf.meaning.key in (
            Concept.TAX_NUMBER,
            Concept.REGISTRATION_NUMBER,
        ):
            near = self.parties.near_buyer(found)
            found = [c for c in found if (id(c) in near) == (leaf.meaning.party == "buyer")]
        return self._best("code", found, leaf.meaning.key)

    def _text(self, leaf: Leaf) -> Choice | None:
        found = self._best("text", self.seen.texts.get(leaf.meaning.key, []), leaf.meaning.key)
        paid = self.settled.chosen.get(Concept.PAID)
        if (
            found is None and leaf.meaning.key == Concept.PAYMENT_METHOD and paid is not None
        ):  # "CASH 20.00"
            words = set(tokens(paid.candidate.why[0])) & _MEANS
            return (
                Choice(min(words), paid.candidate, "text", "beside the amount paid")
                if words
                else None
            )
        return found

    def _best(self, kind: str, found: list[Candidate], key: str) -> Choice | None:
        if not found:
            return None
        counts = {c.value: sum(other.value == c.value for other in found) for c in found}
        best = max(
            found, key=lambda c: (round(c.score + 0.05 * (counts[c.value] > 1), 2), -c.place)
        )
        rivals = {bare(c.value) for c in found if c.score > best.score - 0.1} - {bare(best.value)}
        reason = ("label" if best.score >= _GOOD_LABEL else "weak label") + (
            ", rivals" if rivals else ""
        )
        named = (
            "invoice number"
            if key == Concept.NUMBER
            else "text"
            if kind == "text"
            else "other number"
        )
        return Choice(best.value, best, named, reason)

    def _pattern(self, leaf: Leaf) -> Choice | None:
        key = leaf.meaning.key
        found = self.seen.patterns.get(key, [])
        buyers = self.parties.near_buyer(found)
        mine = [c for c in found if (id(c) in buyers) == (leaf.meaning.party == "buyer")]
        if leaf.meaning.party in ("delivery", "other") or (
            leaf.meaning.party == "buyer" and not mine
        ):
            return None
        if not mine and key == Concept.VAT_ID:
            return self._best("code", self.seen.codes.get(key, []), key)
        if not mine:
            return None
        best = max(mine, key=lambda c: (c.score, -c.place))
        rivals = len({c.value for c in mine}) > 1
        reason = ("checked" if "agree" in best.why[0] else "form") + (", rivals" if rivals else "")
        return Choice(
            best.value,
            best,
            str(key) if key in (Concept.IBAN, Concept.VAT_ID) else "other pattern",
            reason,
        )

    def _currency(self, _: Leaf) -> Choice | None:
        codes, signs = self.seen.currencies, self.seen.currency_signs
        if codes:
            code = max(codes, key=lambda c: (codes[c] + signs[c], c))
            return Choice(
                code,
                self.seen.currency_at[code],
                "currency",
                "code printed" if len(codes) == 1 else "codes printed",
            )
        if signs:
            code = max(signs, key=lambda c: (signs[c], c))
            bare_dollar = code == "USD" and not self.seen.american
            return Choice(
                code,
                self.seen.currency_at[code],
                "currency",
                "bare dollar sign" if bare_dollar else "sign printed",
            )
        return None


def _with_decimals_of(gathered: Gathered) -> list[Amount]:
    """The amounts, read with three decimals where the document's currency has as many."""
    codes = gathered.currencies or gathered.currency_signs
    code = max(codes, key=lambda c: (codes[c], c), default=None)
    if minor_unit(code) != THREE_DECIMALS:
        return gathered.amounts
    return [
        amount if amount.other is None else replace(amount, value=amount.other, decimals=3)
        for amount in gathered.amounts
    ]
