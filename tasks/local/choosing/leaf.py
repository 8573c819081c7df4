"""Choice of one field's value among the candidates, and its reason.

One answer per leaf, from everything gathered.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tasks.local.choosing.arithmetic import Settled, settle
from tasks.local.finding.addresses import AddressParts, one_line, parts_of
from tasks.local.finding.amounts import Amount
from tasks.local.finding.candidates import Candidate
from tasks.local.finding.gathering import Gathered
from tasks.local.finding.parties import PartyBlock
from tasks.printed_values.dates import Order, order_of
from tasks.printed_values.money import THREE_DECIMALS
from tasks.record_schema.shape import Leaf
from tasks.standards.currencies import minor_unit
from tasks.text.folding import bare, lookalike, tokens
from tasks.vocabulary.labels import Concept
from tasks.vocabulary.name_words import range_of

if TYPE_CHECKING:
    from collections.abc import Callable

_PARTY_KEYS = {
    "seller": Concept.SELLER_NAME,
    "buyer": Concept.BUYER_NAME,
    "delivery": Concept.DELIVERY_NAME,
}
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
_UNLABELLED = 0.4  # score of a buyer known only by the place of its address


@dataclass(frozen=True, slots=True)
class Choice:
    """A value for a leaf. `kind` and `reason` are what the confidence is counted by."""

    value: object
    candidate: Candidate
    kind: str
    reason: str
    why: tuple[str, ...] = ()


class Chooser:
    """Answers for each leaf, once all pages have been read."""

    def __init__(self, gathered: Gathered) -> None:
        self.seen = gathered
        self.settled: Settled = settle(_with_decimals_of(gathered))
        self.order: Order = order_of(
            list(gathered.orders.elements()), american=gathered.american > 0
        )
        seller = _best_block(gathered.blocks, Concept.SELLER_NAME)
        others = [
            b
            for b in gathered.blocks
            if seller is None or b.score > _UNLABELLED or not _same_party(b, seller)
        ]
        self.blocks = {
            party: seller if party == "seller" else _best_block(others, key)
            for party, key in _PARTY_KEYS.items()
        }
        self._answers: dict[str, Callable[[Leaf], Choice | None]] = {
            "date": self._date,
            "money": self._sum,
            "number": self._number,
            "code": self._code,
            "pattern": self._pattern,
            "currency": self._currency,
            "name": self._name,
            "address": self._address,
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
            near = self._near_buyer(found)
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
        buyers = self._near_buyer(found)
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

    def _near_buyer(self, found: list[Candidate]) -> set[int]:
        """Which of `found` stand in the buyer's block: close under its name, in the same column."""
        block = self.blocks["buyer"]
        if block is None or block.name is None:
            return set()
        name = block.name
        left = min(w.box.x0 for w in name.words)
        near = set()
        for one in found:
            beside = abs(min(w.box.x0 for w in one.words) - left) < 0.12
            if beside and name.page == one.page and 0 <= one.place - name.place < 0.14:
                near.add(id(one))
        return near

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

    def _name(self, leaf: Leaf) -> Choice | None:
        party = leaf.meaning.party or "seller"
        block = self.blocks.get(party)
        if block is None or block.name is None:
            return None
        name = block.name
        twice = (
            len(
                {
                    round(b.name.place, 2)
                    for b in self.seen.blocks
                    if b.name and lookalike(b.name.value) == lookalike(name.value)
                }
            )
            > 1
        )
        reason = f"{name.why[0].split(' `')[0]}{', twice' if twice else ''}"
        return Choice(name.value, name, "name" if party == "seller" else "buyer", reason)

    def _address(self, leaf: Leaf) -> Choice | None:
        party = leaf.meaning.party or "seller"
        block = self._address_block(party)
        if block is None or not block.lines:
            return None
        texts = tuple(str(line.value) for line in block.lines)
        first = block.lines[0]
        whole = replace(first, words=tuple(word for line in block.lines for word in line.words))
        reason = "with postcode" if parts_of(texts).postcode else "no postcode"
        if leaf.meaning.part is None:
            return Choice(one_line(texts), whole, "address", reason)
        value = _part(parts_of(texts), leaf.meaning.part)
        if not value:
            return None
        holder = next(
            (
                line
                for line in block.lines
                if bare(value if isinstance(value, str) else value[0]) in bare(str(line.value))
            ),
            whole,
        )
        return Choice(value, whole if isinstance(value, tuple) else holder, "address part", reason)

    def _address_block(self, party: str) -> PartyBlock | None:
        """The block of the chosen name; for a seller without lines there, another mention of the
        same name that has some."""
        block = self.blocks.get(party)
        if block is None or block.lines:
            return block
        same = [
            b
            for b in self.seen.blocks
            if b.lines
            and b.key == block.key
            and b.name
            and block.name
            and bare(b.name.value)[:8] == bare(block.name.value)[:8]
        ]
        return max(same, key=lambda b: b.score, default=None)


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


def _part(parts: AddressParts, part: str) -> str | tuple[str, ...] | None:
    if part == "lines":
        return parts.lines
    if part == "street":
        return ", ".join(parts.lines) or None
    found = getattr(parts, part)
    return str(found) if found else None


def _best_block(blocks: list[PartyBlock], key: Concept) -> PartyBlock | None:
    mine = [b for b in blocks if b.key == key and b.name is not None]
    counts = {
        id(b): sum(
            o.name is not None
            and b.name is not None
            and lookalike(o.name.value) == lookalike(b.name.value)
            for o in mine
        )
        for b in mine
    }
    return max(
        mine,
        key=lambda b: (
            round(b.score + 0.06 * (counts[id(b)] > 1) + 0.03 * bool(b.lines), 3),
            -(b.name.place if b.name else 0),
        ),
        default=None,
    )


def _same_party(block: PartyBlock, other: PartyBlock) -> bool:
    """Same name, or an address that the other one has too."""
    theirs = {bare(str(line.value)) for line in other.lines}
    return _alike(block)[:8] == _alike(other)[:8] or any(
        bare(str(line.value)) in theirs for line in block.lines
    )


def _alike(block: PartyBlock) -> str:
    return lookalike(str(block.name.value)) if block.name else ""
