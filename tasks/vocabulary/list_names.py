"""Names of lists and of their items' fields, in six languages: positions, taxes, accounts."""

from tasks.text.folding import word_set
from tasks.vocabulary.name_words import words_of

ITEMS = word_set(
    "line lines item items position positions product products article articles entry entries "
    "posten positionen ligne lignes articles articulos lineas articoli righe zeilen "
    "rechnungspositionen factuurregels voci regels artikelen services"
)
TAXES = word_set(
    "tax taxes vat breakdown steuern steuer steuersaetze mwst taxe tva iva btw impuestos "
    "imposte belastingen"
)
ACCOUNTS = word_set("account accounts bank konten iban ibans comptes")
_CELL_NAMES: tuple[tuple[str, frozenset[str]], ...] = (
    ("tax_rate", word_set("rate taux satz steuersatz mwstsatz percent percentage prozent prozentsatz tarif tarief aliquota tipo")),
    ("quantity", word_set("quantity qty count menge anzahl quantite aantal cantidad quantita hours")),
    ("unit_price", word_set("price prix preis prijs precio prezzo einzelpreis stueckpreis stuckpreis unitprice")),
    ("amount", word_set("amount total sum montant betrag bedrag importe importo subtotal net value gross nettobetrag gesamtpreis gesamt totaal totale netto")),
    ("unit", word_set("unit unite einheit eenheid unidad")),
    ("description", word_set("description name title item product article designation libelle bezeichnung omschrijving descripcion descrizione beschreibung label text")),
)  # fmt: skip
_NO_CELL = word_set(
    "tax discount base gross allowance charge category reason code origin reference object "
    "standard buyer note"
)
_TAX_CELLS: tuple[tuple[str, frozenset[str]], ...] = (
    ("rate", _CELL_NAMES[0][1]),
    ("taxable", word_set("taxable base net netto basis bemessungsgrundlage imponible grondslag")),
    ("tax", word_set("amount tax total betrag steuer steuerbetrag montant taxe bedrag importe cuota importo imposta vat mwst tva btw iva")),
)  # fmt: skip
_NO_TAX_CELL = word_set("category code reason")


def cell_of(name: str, siblings: list[str]) -> str | None:
    """The table column that an item's field is, by its name.

    `siblings`: the item's fields; of name and description the first gets the text.
    """
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


def tax_cell_of(name: str) -> str | None:
    """What a field of one row of the tax table is: the rate, what is taxed, or the tax."""
    words = set(words_of(name))
    for column, names in _TAX_CELLS:
        if words & names and (column != "tax" or not words & _NO_TAX_CELL):
            return column
    return None


def is_plain(name: str) -> bool:
    """Whether every word of an item's field is one that this module knows."""
    return set(words_of(name)) <= _KNOWN


_KNOWN = frozenset().union(*(names for _, names in (*_CELL_NAMES, *_TAX_CELLS))) | word_set(
    "of de du la le el der die das van di per each vat mwst tva btw iva ust tax"
)
