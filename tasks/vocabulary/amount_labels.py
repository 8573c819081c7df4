"""Meaning of the text beside an amount.

By words, not phrases: "Total Sales (Inclusive of 6 % GST)" has no fixed order.
"""

from collections.abc import Iterable
from typing import NamedTuple

from tasks.text.folding import tokens, word_set
from tasks.vocabulary.labels import Concept, LabelBook

_WORDS: dict[str, str] = {
    "count": "qty quantity items item pcs points point saved savings saving count " "menge " "anzahl " "aantal stuks articles articulos articoli pieces units tickets guests",
    "change": "change ruckgeld rueckgeld wechselgeld rendu wisselgeld cambio resto " "vuelto " "kembali " "baki retour",
    "paid": "cash paid tender tendered tendering visa mastercard master card credit " "debit " "amex " "payment bar gegeben especes contant pin efectivo contanti bargeld received deposit "
    "prepaid anzahlung anzahlungen anzahlungsbetrag vorauszahlung acompte acomptes regle " "paye betaald voldaan pagado anticipo acconto pagato cheque nets ewallet",
    "round": "rounding rounded round arrondi rundung afronding redondeo arrotondamento roundng",
    "after": "after apres nach na despues dopo rounded",
    "before": "before b4 avant vor voor antes prima",
    "discount": "discount disc allowance allowances rabatt rabatte nachlass remise remises korting descuento sconto skonto abschlag abschlage promo voucher rebate escompte",
    "sub": "subtotal subtotaal subtotale zwischensumme sub sous positionssumme parcial warenwert subtot partial",
    "tax": "gst vat tax taxes sst tva mwst ust umsatzsteuer mehrwertsteuer steuer steuerbetrag steuersumme btw iva igic imposta impuesto impuestos imposte aliquota cgst sgst igst hst pst qst mva moms gct cst taxe",
    "incl": "incl inclusive including included inc include ttc inklusive inkl inclusief compris comprise brutto bruttobetrag bruttosumme gross incluido incluidos inclusa inclusi ivato incluye tvac with",
    "excl": "excl exclusive excluding excluded ex exclusief exkl exklusive ohne hors ht htva sans zonder sin senza netto nettobetrag nettosumme net nett imponible imponibile taxable untaxed basisbetrag "
    "bemessungsgrundlage nettowert hthva tvanoncomprise steuerfrei without",
    "total": "total totals totali totaal totale gesamt gesamtbetrag gesamtsumme gesamtpreis summe rechnungsbetrag rechnungssumme rechnungsendbetrag endbetrag endsumme bruttosumme bruttobetrag nettosumme "
    "nettobetrag tot ttl jumlah amaun totalt",
    "amount": "amount amt montant betrag bedrag importe importi importo somme sum sales " "sale " "valore " "prix facture invoice fattura fatture factura steuerbetrag basisbetrag nettowert " "warenwert",
    "grand": "grand gesamtbetrag rechnungsbetrag endbetrag endsumme " "rechnungsendbetrag " "final " "overall general generale complessivo",
    "net": "net nett netto",
    "paper": "invoice bill receipt",
    "balance": "due balance owing outstanding saldo solde offen offener restant",
    "due": "due payable balance zahlbetrag payer zahlen zahlender betalen pagar " "pagare " "saldo " "solde owing outstanding restant offen offener verschuldigd dovuto owed uberweisen " "ueberweisen",
    "charge": "shipping freight delivery postage versand versandkosten port " "livraison " "verzendkosten " "bezorgkosten envio spedizione trasporto service svc serv charge charges handling "
    "porto fee fees tips tip gratuity carriage",
    "extra": "zuschlag zuschlage surcharge surcharges",
    "other": "within days tage tagen jours dagen dias giorni innerhalb entro previous " "prior " "opening " "forward precedent vorheriger anterior precedente limit credit_limit average",
    "unit": "price unit rate prijs preis prezzo precio unitaire unitario " "einzelpreis " "stuckpreis " "unitprice",
}  # fmt: skip
_CLASSES: dict[str, set[str]] = {}
for _name, _text in _WORDS.items():
    for _word in word_set(_text):
        _CLASSES.setdefault(_word, set()).add(_name)
_BOOK = LabelBook({"word": _CLASSES})


class AmountLabel(NamedTuple):
    """`weight` is how far the words settle the concept, 0..1; `net_word`: "net total", which tills
    print for what is to be paid."""

    concept: Concept
    weight: float
    net_word: bool = False


class _Rule(NamedTuple):
    """`every` class of words must occur, `some` one of them unless empty, `no` one of these. A rule
    without concept names no sum."""

    every: frozenset[str]
    some: frozenset[str]
    no: frozenset[str]
    concept: Concept | None
    weight: float

    def fits(self, has: set[str]) -> bool:
        return self.every <= has and (not self.some or bool(self.some & has)) and not self.no & has


def _rule(
    every: str, concept: Concept | None, weight: float = 1.0, *, some: str = "", no: str = ""
) -> _Rule:
    return _Rule(word_set(every), word_set(some), word_set(no), concept, weight)


_RULES = (  # the first that fits decides
    _rule("count", None, no="tax incl"),  # total quantity
    _rule("change", Concept.CHANGE),
    _rule("round after", Concept.TOTAL, some="total amount"),
    _rule("round incl", Concept.TOTAL, some="total amount"),
    _rule("round", Concept.ROUNDING),
    _rule("other", None),  # previous balance
    _rule("extra", Concept.CHARGE),
    _rule("discount", Concept.DISCOUNT, no="sub total"),
    _rule("discount", Concept.DISCOUNT, no="sub after before"),
    _rule("paid", Concept.PAID, 0.8, some="total amount", no="due tax"),
    _rule("paid", Concept.PAID, no="due tax"),
    _rule("incl sub", Concept.SUBTOTAL, 0.9, no="excl"),
    _rule("incl due", Concept.AMOUNT_DUE, no="excl"),
    _rule("incl tax", Concept.TOTAL, 0.95, some="total amount grand", no="excl"),
    _rule("incl total", Concept.TOTAL, 0.95, no="excl"),
    _rule("incl", Concept.TOTAL, 0.7, no="excl tax"),
    _rule("incl", Concept.TOTAL, 0.4, no="excl"),  # "incl. VAT 3.20" may as well be the tax
    _rule("net due", Concept.AMOUNT_DUE, no="tax"),
    _rule("excl", Concept.NET_TOTAL, 0.95, some="total amount sub grand due tax"),
    _rule("excl", Concept.NET_TOTAL, 0.8),
    _rule("tax before", Concept.NET_TOTAL, 0.9),
    _rule("tax after", Concept.TOTAL, 0.9),
    _rule("tax paper total", Concept.TOTAL, 0.9),  # total of this tax invoice
    _rule("tax", Concept.TAX_TOTAL, some="total amount sub grand due"),
    _rule("tax", Concept.TAX_TOTAL, 0.85),
    _rule("sub", Concept.SUBTOTAL, 0.9),
    _rule("discount before", Concept.SUBTOTAL, 0.9),
    _rule("due", Concept.AMOUNT_DUE, some="total amount grand", no="balance"),
    _rule("due", Concept.AMOUNT_DUE, 0.9, no="balance"),
    _rule(
        "due", Concept.AMOUNT_DUE, 0.9, some="total amount grand"
    ),  # a balance may hold older debts
    _rule("due", Concept.AMOUNT_DUE, 0.85),
    _rule("total charge", Concept.CHARGE, 0.6, no="grand amount"),
    _rule("grand", Concept.TOTAL),
    _rule("total discount", Concept.TOTAL, 0.7),
    _rule("total", Concept.TOTAL, 0.9),
    _rule("charge", Concept.CHARGE, 0.9),
    _rule("amount", Concept.TOTAL, 0.5, no="unit"),
)
_MOST_WORDS = 12
_MOST_TORN = 3


def names_only_a_sum(words: Iterable[str]) -> bool:
    """Whether each word is one that a sum is called by: "total" and "net", but not "weight"."""
    return all(word in _CLASSES for word in words)


def amount_label(text: str, *, forgiving: bool = False) -> AmountLabel | None:
    """The concept that the words of `text` name, or None when they name none that can be summed.

    `forgiving`: the text comes from OCR, so that "Arnount" is an amount; in a text layer, "Chang"
    is no change.
    """
    words = list(tokens(text)[-_MOST_WORDS:])
    if forgiving:
        words = [_BOOK.canonical(word) for word in words]
    if (
        1 < len(words) <= _MOST_TORN and "".join(words) in _CLASSES
    ):  # torn apart by kerning: "Br uttosumme"
        words = ["".join(words)]
    has = {name for word in words for name in _CLASSES.get(word, ())}
    rule = next((rule for rule in _RULES if rule.fits(has)), None)
    if rule is None or rule.concept is None:
        return None
    net_word = rule.concept == Concept.NET_TOTAL and "net" in has and "tax" not in has
    return AmountLabel(rule.concept, rule.weight, net_word)
