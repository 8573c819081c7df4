"""What does the text beside an amount call it? By words, not phrases: "Total Sales (Inclusive of 6 % GST)" has no fixed order."""

from collections.abc import Sequence
from typing import NamedTuple

from tasks.local.folding import tokens
from tasks.local.labels import Concept, LabelBook

_WORDS: dict[str, str] = {
    "count": "qty quantity items item pcs points point saved savings saving count menge anzahl aantal stuks articles articulos articoli pieces units tickets guests",
    "change": "change ruckgeld rueckgeld wechselgeld rendu wisselgeld cambio resto vuelto kembali baki retour",
    "paid": "cash paid tender tendered tendering visa mastercard master card credit debit amex payment bar gegeben especes contant pin efectivo contanti bargeld received deposit "
    "prepaid anzahlung anzahlungen anzahlungsbetrag vorauszahlung acompte acomptes regle paye betaald voldaan pagado anticipo acconto pagato cheque nets ewallet",
    "round": "rounding rounded round arrondi rundung afronding redondeo arrotondamento roundng",
    "after": "after apres nach na despues dopo rounded",
    "before": "before b4 avant vor voor antes prima",
    "discount": "discount disc allowance allowances rabatt rabatte nachlass remise remises korting descuento sconto skonto abschlag abschlage promo voucher rebate escompte",
    "sub": "subtotal subtotaal subtotale zwischensumme sub sous positionssumme parcial warenwert subtot partial",
    "tax": "gst vat tax taxes sst tva mwst ust umsatzsteuer mehrwertsteuer steuer steuerbetrag steuersumme btw iva igic imposta impuesto impuestos cgst sgst igst hst pst qst mva moms gct cst taxe",
    "incl": "incl inclusive including included inc include ttc inklusive inkl inclusief compris comprise brutto bruttobetrag bruttosumme gross incluido incluidos inclusa inclusi ivato incluye tvac",
    "excl": "excl exclusive excluding excluded ex exclusief exkl exklusive ohne hors ht htva sans zonder sin senza netto nettobetrag nettosumme net nett imponible taxable untaxed basisbetrag "
    "bemessungsgrundlage nettowert hthva tvanoncomprise steuerfrei",
    "total": "total totals totaal totale gesamt gesamtbetrag gesamtsumme gesamtpreis summe rechnungsbetrag rechnungssumme rechnungsendbetrag endbetrag endsumme bruttosumme bruttobetrag nettosumme "
    "nettobetrag tot ttl jumlah amaun totalt",
    "amount": "amount amt montant betrag bedrag importe importo somme sum sales sale valore prix facture invoice fattura factura steuerbetrag basisbetrag nettowert warenwert",
    "grand": "grand gesamtbetrag rechnungsbetrag endbetrag endsumme rechnungsendbetrag final overall general generale complessivo",
    "due": "due payable balance zahlbetrag payer zahlen zahlender betalen pagar pagare saldo solde owing outstanding restant offen offener verschuldigd dovuto owed uberweisen ueberweisen",
    "charge": "shipping freight delivery postage versand versandkosten port livraison verzendkosten bezorgkosten envio spedizione trasporto service svc serv charge charges handling "
    "porto fee fees tips tip gratuity carriage",
    "extra": "zuschlag zuschlage surcharge surcharges",
    "other": "previous prior opening forward precedent vorheriger anterior precedente limit credit_limit average",
    "unit": "price unit rate prijs preis prezzo precio unitaire unitario einzelpreis stuckpreis unitprice",
}  # fmt: skip
_CLASSES: dict[str, set[str]] = {}
for _name, _text in _WORDS.items():
    for _word in _text.split():
        _CLASSES.setdefault(_word, set()).add(_name)
_BOOK = LabelBook({"word": _CLASSES})
_NET = frozenset({"net", "nett", "netto"})
_BALANCE = frozenset("due balance owing outstanding saldo solde offen offener restant".split())


class AmountLabel(NamedTuple):
    """`weight` is how far the words settle the concept, 0..1; `net_word`: "net total", which tills print for what is to be paid."""

    concept: Concept
    weight: float
    net_word: bool = False


def amount_label(text: str) -> AmountLabel | None:
    """The concept that the words of `text` name, or None when they name none that can be summed."""
    words = [_BOOK.canonical(word) for word in tokens(text)][-12:]
    if 1 < len(words) <= 3 and "".join(words) in _CLASSES:  # noqa: PLR2004  a word torn apart by kerning: "Br uttosumme"
        words = ["".join(words)]
    has = {name for word in words for name in _CLASSES.get(word, ())}
    if not has or ("count" in has and not has & {"tax", "incl"}):
        return None
    if "change" in has:
        return AmountLabel(Concept.CHANGE, 1.0)
    if "round" in has:
        settled = has & {"total", "amount"} and ("after" in has or "incl" in has)
        return AmountLabel(Concept.TOTAL, 1.0) if settled else AmountLabel(Concept.ROUNDING, 1.0)
    if "other" in has:
        return None
    if "extra" in has:
        return AmountLabel(Concept.CHARGE, 1.0)
    if "discount" in has and not ("sub" in has or ("total" in has and has & {"after", "before"})):
        return AmountLabel(Concept.DISCOUNT, 1.0)
    if "paid" in has and "due" not in has and not has & {"tax"}:
        return AmountLabel(Concept.PAID, 0.8 if has & {"total", "amount"} else 1.0)
    return _sum_label(has, words)


def _sum_label(has: set[str], words: Sequence[str]) -> AmountLabel | None:
    if has & {"tax", "incl", "excl"}:
        label = _tax_label(has, words)
        if label is not None:
            return label
    if "sub" in has or ("discount" in has and "before" in has):
        return AmountLabel(Concept.SUBTOTAL, 0.9)
    if "due" in has:
        strong = not set(words) & _BALANCE  # what is payable is the total; a balance may hold older debts
        return AmountLabel(Concept.AMOUNT_DUE, (1.0 if strong else 0.9) if has & {"total", "amount", "grand"} else 0.9 if strong else 0.85)
    if "total" in has or "grand" in has:
        if "charge" in has and "grand" not in has and "amount" not in has:
            return AmountLabel(Concept.CHARGE, 0.6)
        return AmountLabel(Concept.TOTAL, 1.0 if "grand" in has else 0.9 if "discount" not in has else 0.7)
    if "charge" in has:
        return AmountLabel(Concept.CHARGE, 0.9)
    if "amount" in has and "unit" not in has:
        return AmountLabel(Concept.TOTAL, 0.5)
    return None


def _tax_label(has: set[str], words: Sequence[str]) -> AmountLabel | None:
    summed = bool(has & {"total", "amount", "sub", "grand", "due"})
    if "incl" in has and "excl" not in has:
        if "sub" in has:
            return AmountLabel(Concept.SUBTOTAL, 0.9)
        if "due" in has:
            return AmountLabel(Concept.AMOUNT_DUE, 1.0)
        if summed or "tax" not in has:
            return AmountLabel(Concept.TOTAL, 0.95 if "total" in has or "tax" in has else 0.7)
        return AmountLabel(Concept.TOTAL, 0.4)
    if "excl" in has:
        net_word = bool(set(words) & _NET) and "tax" not in has
        if net_word and "due" in has:
            return AmountLabel(Concept.AMOUNT_DUE, 1.0)
        return AmountLabel(Concept.NET_TOTAL, 0.95 if summed or "tax" in has else 0.8, net_word=net_word)
    if "tax" in has:
        if "before" in has:
            return AmountLabel(Concept.NET_TOTAL, 0.9)
        if "after" in has:
            return AmountLabel(Concept.TOTAL, 0.9)
        # "tax invoice total" is no tax
        if "invoice" in words and "total" in has:
            return AmountLabel(Concept.TOTAL, 0.9)
        return AmountLabel(Concept.TAX_TOTAL, 1.0 if summed else 0.85)
    return None
