"""Lists of nested models: line items from tables, accounts from IBANs, the tax table.

The tax table is taken from sums that agree.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from tasks.local.choosing.arithmetic import Settled
from tasks.local.finding.candidates import Candidate
from tasks.local.finding.tables import Item
from tasks.record_schema.shape import Group, Leaf, Listed
from tasks.vocabulary.labels import Concept
from tasks.vocabulary.list_names import ACCOUNTS, ITEMS, TAXES, cell_of, tax_cell_of
from tasks.vocabulary.name_words import words_of


@dataclass(frozen=True, slots=True)
class Cell:
    """A value for one leaf of one item, with the reasons its confidence is counted by."""

    candidate: Candidate
    value: object
    kind: str
    reason: str


Row = Callable[[Leaf], Cell | None]
"""Gives the value of a leaf in one item of the list, or None."""


def rows_for(
    listed: Listed,
    items: list[Item],
    settled: Settled,
    patterns: dict[str, list[Candidate]],
    percents: list[Candidate],
) -> list[Row]:
    """One function for each item of the list, in order; empty when this list is none that paper
    tells."""
    words = set(words_of(listed.path[-1]))
    if not isinstance(listed.item, Group):
        return []
    if words & TAXES:
        return _tax_rows(settled, percents)
    if words & ACCOUNTS:
        return _account_rows(patterns)
    if words & ITEMS and len(listed.path) == 1:
        names = [leaf.path[-1] for leaf in listed.item.children if isinstance(leaf, Leaf)]
        return [_item_row(item, names) for item in items]
    return []


def _item_row(item: Item, names: list[str]) -> Row:
    def row(leaf: Leaf) -> Cell | None:
        column = cell_of(leaf.path[-1], names)
        found = item.cells.get(column) if column else None
        if found is None:
            return None
        return Cell(
            found,
            found.value,
            "line item",
            "quantity x price agrees" if item.agrees else "column head",
        )

    return row


def _account_rows(patterns: dict[str, list[Candidate]]) -> list[Row]:
    ibans = {c.value: c for c in patterns.get(Concept.IBAN, [])}
    bics = list({c.value: c for c in patterns.get(Concept.BIC, [])}.values())

    def account(number: int, iban: Candidate) -> Row:
        def row(leaf: Leaf) -> Cell | None:
            if leaf.meaning.key == Concept.IBAN:
                return Cell(iban, iban.value, "iban", "checked")
            if leaf.meaning.key == Concept.BIC and len(bics) == len(ibans):
                return Cell(bics[number], bics[number].value, "other pattern", "form")
            return None

        return row

    return [account(number, iban) for number, iban in enumerate(ibans.values())]


def _tax_rows(settled: Settled, percents: list[Candidate]) -> list[Row]:
    """One row, when the printed rate takes the net sum to the tax sum; several rates are left to
    the reader."""
    net, tax = settled.chosen.get("net_total"), settled.chosen.get("tax_total")
    if net is None or tax is None or not tax.value or "tax_total" not in settled.agrees:
        return []
    rates = [c for c in percents if abs(net.value * c.value / 100 - tax.value) <= Decimal("0.02")]
    if not rates:
        return []
    cells = {
        "rate": Cell(rates[0], rates[0].value, "tax_total", "sums agree"),
        "taxable": Cell(net.candidate, net.value, "net_total", "sums agree"),
        "tax": Cell(tax.candidate, tax.value, "tax_total", "sums agree"),
    }

    def row(leaf: Leaf) -> Cell | None:
        column = tax_cell_of(leaf.path[-1])
        return cells[column] if column else None

    return [row]
