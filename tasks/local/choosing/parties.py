"""Choice of the parties' names and addresses among the blocks found on all pages."""

from dataclasses import replace

from tasks.local.choosing.choice import Choice
from tasks.local.finding.addresses import AddressParts, one_line, parts_of
from tasks.local.finding.candidates import Candidate
from tasks.local.finding.gathering import Gathered
from tasks.local.finding.party_block import PartyBlock
from tasks.record_schema.shape import Leaf
from tasks.text.folding import bare, lookalike
from tasks.vocabulary.labels import Concept

_PARTY_KEYS = {
    "seller": Concept.SELLER_NAME,
    "buyer": Concept.BUYER_NAME,
    "delivery": Concept.DELIVERY_NAME,
}
_UNLABELLED = 0.4  # score of a buyer known only by the place of its address


class PartyChooser:
    """One block for each party, and the answers that are read from it."""

    def __init__(self, gathered: Gathered) -> None:
        self.seen = gathered
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

    def name(self, leaf: Leaf) -> Choice | None:
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

    def address(self, leaf: Leaf) -> Choice | None:
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

    def near_buyer(self, found: list[Candidate]) -> set[int]:
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
