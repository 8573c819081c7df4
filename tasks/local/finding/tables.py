"""Line items: rows under column heads, read by where their numbers are."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from tasks.layout.rows import Segment, Sheet, Token
from tasks.local.finding.candidates import Candidate, found_by, place_of
from tasks.printed_values.money import FoundAmount, find_amounts
from tasks.text.folding import tokens, word_set
from tasks.vocabulary.amount_labels import amount_label
from tasks.vocabulary.labels import Concept, LabelBook

MOST_ITEMS = 2_000
_COLUMNS = {  # English | French | German | Dutch | Spanish | Italian
    "description": "description|item|items|item "
    "description|product|products|title|details|particulars|service|designation|libelle|article|prestation|bezeichnung|beschreibung|artikel|artikelbeschreibung|produkt|leistung|"
    "omschrijving|descripcion|concepto|articulo|producto|descrizione|prodotto|articolo",
    "quantity": "qty|quantity|quantite|qte|menge|anzahl|aantal|cantidad|cant|quantita|qta|hours|stunden|qty "
    "tax",
    "unit": "unit|unite|einheit|eenheid|unidad|um|uom",
    "unit_price": "unit price|price|rate|u price|u p|s price|rsp|unit cost|price each|prix "
    "unitaire|prix|pu|pu ht|p u|einzelpreis|preis|nettopreis|e "
    "preis|stuckpreis|prijs|prijs per stuk|stukprijs|precio|precio unitario|"
    "prezzo|prezzo unitario|prix unitaire ht",
    "amount": "amount|total|amt|line total|total amount|total price|montant|montant ht|total "
    "ht|prix "
    "ht|prix total|betrag|gesamt|gesamtpreis|summe|nettobetrag|entgelt|bedrag|totaal|prijs "
    "incl btw|prijs excl btw|importe|"
    "importo|totale|amount rm|net amount|price rm|subtotal|rm",
    "tax_rate": "tax|vat|tva|mwst|ust|btw|iva|gst|tax rate|vat rate|taux|taux "
    "tva|steuersatz|steuer|tax code|tipo iva|aliquota",
    "discount": "disc|discount|rem|remise|rabatt|korting|dto|descuento|sconto",
    "id": "pos|position|line|lp|sl no|s no|sr no|sno",
    "item_id": "art nr|article no|sku|code|item no|item "
    "code|artikelnummer|artikelnr|ref|reference|art no|product code|art|codigo|codice|item id|hsn",
}
_BOOK = LabelBook({name: phrases.split("|") for name, phrases in _COLUMNS.items()})
_NUMERIC = frozenset({"quantity", "unit_price", "amount", "tax_rate", "tax_amount", "discount"})
_ENDS = frozenset(
    {
        Concept.TOTAL,
        Concept.SUBTOTAL,
        Concept.NET_TOTAL,
        Concept.AMOUNT_DUE,
        Concept.TAX_TOTAL,
        Concept.PAID,
        Concept.CHANGE,
        Concept.ROUNDING,
        Concept.DISCOUNT,
    }
)
_COUNTS = word_set("total tot subtotal ttl totaal gesamt totale item items")
_WINDOW = 70  # rows that one head may rule on a page


class Column(NamedTuple):
    name: str
    x0: float
    x1: float


@dataclass(slots=True)
class Item:
    """One row. Cells by column name; `agrees`: quantity times price is the amount."""

    cells: dict[str, Candidate] = field(default_factory=dict)
    agrees: bool = False


def items_on(sheet: Sheet) -> list[Item]:
    """The billed positions of a page, in order; empty when no row of column heads is recognised."""
    for number, row in enumerate(sheet.rows):
        columns = _heads(row, forgiving=sheet.from_ocr)
        if columns:
            items = _body(sheet, number + 1, columns)
            if items:
                return items
    return []


def _heads(row: tuple[Segment, ...], *, forgiving: bool) -> list[Column]:
    """Columns that a row of heads names, left to right; none when it is no such row."""
    printed = [token for segment in row for token in segment.tokens]
    words: list[str] = []
    owner: list[Token] = []
    for token in printed:
        for word in tokens(token.word.text):
            words.append(word)
            owner.append(token)
    if len(words) > 24 or any(
        a.decimals == 2 for segment in row for a in find_amounts(segment.text)
    ):
        return []
    taken: set[int] = set()
    columns: list[Column] = []
    names: set[str] = set()
    for match in _BOOK.matches(words, forgiving=forgiving):
        span = set(range(match.start, match.end))
        if span & taken:
            continue
        taken |= span
        name = match.key
        if name in {
            c.name for c in columns
        }:  # "Tax (%)" and "Tax"; of two sums the last is the line's
            name = {
                "tax_rate": "tax_amount",
                "amount": "unit_price" if "unit_price" not in names else "amount",
            }.get(name, "")
        names.add(name)
        columns.append(Column(name, owner[match.start].x0, owner[match.end - 1].x1))
    good = (
        bool(names & {"amount", "unit_price"})
        and bool(names & {"description", "quantity", "item_id"})
        and len(columns) >= 2
    )
    covered = len(taken) >= 0.5 * len(words)
    return sorted((c for c in columns if c.name), key=lambda c: c.x0) if good and covered else []


def _body(sheet: Sheet, start: int, columns: list[Column]) -> list[Item]:
    items: list[Item] = []
    waiting: list[
        Segment
    ] = []  # text without an amount: the name of the next item, or more of the last one
    cells: dict[str, Candidate] = {}  # quantity and price whose amount stands one row lower
    last_bottom: float | None = None
    priced = any(c.name == "amount" for c in columns)
    for row in sheet.rows[start : start + _WINDOW]:
        if _ends(row, forgiving=sheet.from_ocr) or len(items) >= MOST_ITEMS:
            break
        item, texts = _read_row(sheet, row, columns)
        if "amount" in item.cells or ("unit_price" in item.cells and not priced):
            item.cells = {**cells, **item.cells}
            _name(sheet, item, texts if texts and not cells else waiting or texts)
            waiting, cells = [], {}
            items.append(_checked(item))
            last_bottom = row[0].y1
            continue
        if (
            texts
            and items
            and last_bottom is not None
            and row[0].y0 - last_bottom > 4 * row[0].height
            and not waiting
        ):
            break  # white space: what follows is another part of the page
        if "quantity" in item.cells and "unit_price" in item.cells:
            cells, waiting = item.cells, texts or waiting
        elif texts and not cells:
            waiting = [*waiting[-2:], *texts]
    return items


def _ends(row: tuple[Segment, ...], *, forgiving: bool) -> bool:
    """A row of sums. One that counts pieces ("Total Qty") ends the positions as well."""
    text = " ".join(segment.text for segment in row)
    numbers = find_amounts(text)
    words = [word for word in tokens(text) if not any(c.isdigit() for c in word)]
    if not any(n.is_money for n in numbers) or len(words) > 12:
        return False
    label = amount_label(" ".join(words), forgiving=forgiving)
    return (label is not None and label.concept in _ENDS and label.weight >= 0.8) or bool(
        set(words[:2]) & _COUNTS
    )


def _read_row(
    sheet: Sheet, row: tuple[Segment, ...], columns: list[Column]
) -> tuple[Item, list[Segment]]:
    item = Item()
    texts: list[Segment] = []
    named = next((c.x0 for c in columns if c.name == "description"), 0.0)
    limit = min((c.x0 for c in columns if c.name in _NUMERIC and c.x0 > named), default=sheet.width)
    for segment in row:
        used: set[Token] = set()
        last = None
        for number in find_amounts(segment.text):
            covering = _tokens_at(segment, number.start, number.end)
            column = _column_of(covering, number, columns)
            if column is None or column in item.cells:
                continue
            words = tuple(t.word for t in covering)
            item.cells[column] = Candidate(
                column,
                number.value,
                0.7,
                sheet.page_number,
                words,
                found_by(sheet),
                (),
                place_of(sheet, segment),
            )
            used.update(covering)
            last = column
        rest = tuple(
            t for t in segment.tokens if t not in used and any(c.isalpha() for c in t.word.text)
        )
        letters = sum(c.isalpha() for t in rest for c in t.word.text)
        if rest and last == "quantity" and len(rest) == 1 and letters < 9:
            unit = rest[0].word
            item.cells["unit"] = Candidate(
                "unit",
                unit.text,
                0.6,
                sheet.page_number,
                (unit,),
                found_by(sheet),
                (),
                place_of(sheet, segment),
            )
        elif letters > 2 and (not used or rest[0].x0 < limit - rest[0].height):
            texts.append(
                Segment(
                    tuple(t for t in segment.tokens if t not in used), segment.row, segment.column
                )
            )
    return item, texts


def _tokens_at(segment: Segment, start: int, end: int) -> list[Token]:
    found, at = [], 0
    for token in segment.tokens:
        if at < end and at + len(token.word.text) > start:
            found.append(token)
        at += len(token.word.text) + 1
    return found


def _column_of(covering: list[Token], number: FoundAmount, columns: list[Column]) -> str | None:
    """The numeric column whose head stands over the number, by its nearer edge."""
    if not covering:
        return None
    x0, x1, height = covering[0].x0, covering[-1].x1, covering[0].height
    numeric = [
        c for c in columns if c.name in _NUMERIC and (c.name == "tax_rate") >= number.percent
    ]
    if number.is_money:
        barred = {"tax_rate", "quantity"} if number.currency else {"tax_rate"}
        numeric = [c for c in numeric if c.name not in barred] or numeric
    if number.percent:
        numeric = [c for c in numeric if c.name in ("tax_rate", "discount")]
    if not numeric:
        return None

    def distance(column: Column) -> float:
        return min(
            abs(x1 - column.x1), abs(x0 - column.x0), abs((x0 + x1) - (column.x0 + column.x1)) / 2
        )

    best = min(numeric, key=distance)
    return best.name if distance(best) < 3.5 * height else None


def _name(sheet: Sheet, item: Item, texts: list[Segment]) -> None:
    code = texts[0].text if len(texts) > 1 else ""
    if (
        code and " " not in code and any(c.isdigit() for c in code)
    ):  # the article number stands before the name
        item.cells["item_id"] = Candidate(
            "item_id",
            code,
            0.5,
            sheet.page_number,
            (texts[0].tokens[0].word,),
            found_by(sheet),
            (),
            place_of(sheet, texts[0]),
        )
        texts = texts[1:]
    words = [t.word for segment in texts for t in segment.tokens]
    text = " ".join(w.text for w in words).strip(" *|-")
    if text:
        first = texts[0]
        item.cells["description"] = Candidate(
            "description",
            text,
            0.6,
            sheet.page_number,
            tuple(words),
            found_by(sheet),
            (),
            place_of(sheet, first),
        )


def _checked(item: Item) -> Item:
    values = {name: cell.value for name, cell in item.cells.items()}
    quantity, price, amount = values.get("quantity"), values.get("unit_price"), values.get("amount")
    if isinstance(quantity, Decimal) and isinstance(price, Decimal) and isinstance(amount, Decimal):
        item.agrees = abs(quantity * price - amount) <= Decimal("0.02")
    return item
