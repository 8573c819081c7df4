"""Lists of nested models: line items from tables, accounts from IBANs, the tax table.

The tax table is taken from sums that agree.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from tasks.local.choosing.arithmetic import Settled
from tasks.local.finding.candidates import Candidate
from tasks.local.finding.tables import Item
from tasks.printed_values.folding import word_set
from tasks.record_schema.shape import Group, Leaf, Listed
from tasks.vocabulary.concepts import words_of
from tasks.vocabulary.labels import Concept

_ITEMS = word_set(
    "line lines item items position positions product products article articles entry "
    "entries posten positionen lignes articulos lineas righe voci regels artikelen services"
)
_TAXES = word_set("tax taxes vat breakdown steuern tva iva btw")
_ACCOUNTS = word_set("account accounts bank konten iban ibans comptes")
_CELL_NAMES: tuple[tuple[str, frozenset[str]], ...] = (
    ("tax_rate", word_set("rate taux satz percent percentage tarif aliquota")),
    ("quantity", word_set("quantity qty count menge anzahl quantite aantal cantidad quantita hours")),
    ("unit_price", word_set("price prix preis prijs precio prezzo einzelpreis")),
    ("amount", word_set("amount total sum montant betrag bedrag importe importo subtotal net value gross")),
    ("unit", word_set("unit unite einheit eenheid unidad")),
    ("description", word_set("description name title item product article designation libelle bezeichnung " "omschrijving descripcion descrizione beschreibung label text")),
)  # fmt: skip
_NO_CELL = word_set(
    "tax discount base gross allowance charge category reason code origin reference object "
    "standard buyer note"
)


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
    if words & _TAXES:
        return _tax_rows(settled, percents)
    if words & _ACCOUNTS:
        return _account_rows(patterns)
    if words & _ITEMS and len(listed.path) == 1:
        names = [leaf.path[-1] for leaf in listed.item.children if isinstance(leaf, Leaf)]
        return [_item_row(item, names) for item in items]
    return []


def cell_of(name: str, siblings: list[str]) -> str | None:
    """The table column that an item's field is, by its name. `siblings`: the item's fields; of name
    and description the first gets the text."""
    words = set(words_of(name))
    if words & {"sku", "artikelnummer"} or (
        words & {"id", "code", "number"} and words & {"seller", "supplier", "article", "product"}
    ):
        return "item_id"
    for column, names in _CELL_NAMES:
        if words & names and not words & _NO_CELL - ({"tax"} if column == "tax_rate" else set()):
            if column == "unit" and len(words) > 1:
                return None
            if column == "description" and next(s for s in siblings if cell_words(s)) != name:
                return None
            return column
    return None


def cell_words(name: str) -> bool:
    return bool(set(words_of(name)) & _CELL_NAMES[-1][1]) and not set(words_of(name)) & _NO_CELL


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
        words = set(words_of(leaf.path[-1]))
        if words & {"rate", "percent", "percentage", "taux", "satz"}:
            return cells["rate"]
        if words & {"taxable", "base", "net", "basis", "imponible"}:
            return cells["taxable"]
        return (
            cells["tax"]
            if words & {"amount", "tax", "total"} and not words & {"category", "code", "reason"}
            else None
        )

    return [row]
