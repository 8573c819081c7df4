"""Words that the names of fields are made of, in six languages."""

import re
from typing import Literal

from tasks.text.folding import fold, word_set
from tasks.vocabulary.labels import Concept

Party = Literal["seller", "buyer", "delivery", "other"]

PARTIES: dict[Party, frozenset[str]] = {
    "other": word_set("payee representative beneficiary bank signatory agency agent carrier"),
    "delivery": word_set("delivery shipping ship deliver livraison lieferung liefer entrega envio consegna levering shipment destination"),
    "buyer": word_set("buyer customer client recipient purchaser bill billed billing acheteur kunde kunden kaeufer kaufer klant koper cliente comprador acquirente receiver destinataire debtor abonne destinatario rechnungsempfaenger"),
    "seller": word_set("seller vendor supplier issuer company merchant store shop business provider biller fournisseur vendeur emetteur societe entreprise verkaeufer verkaufer lieferant firma aussteller "
    "verkoper leverancier bedrijf proveedor vendedor emisor empresa venditore fornitore cedente azienda sender retailer restaurant hotel organisation organization commerce tienda negozio winkel laden"),
}  # fmt: skip
DATE = word_set("date datum fecha data dated day jour issued due")
NUMBER = word_set(
    "number no num nr id identifier code reference ref numero nummer n numer identifiant kennung"
)
ADDRESS = word_set(
    "address adresse anschrift adres direccion indirizzo location addr domicilio ubicacion sede"
)
PARTS: dict[str, frozenset[str]] = {
    "postcode": word_set("postcode zip zipcode postal plz cap cp postleitzahl"),
    "city": word_set("city town ville stadt ort ciudad citta stad plaats localita"),
    "country": word_set("country pays land pais paese"),
    "region": word_set("region state province provincia county bundesland departement"),
    "street": word_set("street rue strasse straat calle via road line1"),
}
NAME = word_set("name nom nombre naam nome title names")
PATTERNS: dict[Concept, frozenset[str]] = {
    Concept.IBAN: word_set("iban ibans"),
    Concept.BIC: word_set("bic swift"),
    Concept.EMAIL: word_set("email emails mail courriel correo"),
    Concept.PHONE: word_set("phone telephone tel mobile telefon telefono telefoon telefonnummer"),
    Concept.FAX: word_set("fax telefax"),
    Concept.URL: word_set("website url web homepage"),
}
VAT = word_set("vat tva ust btw iva mwst umsatzsteuer ustid partita")
TAX = word_set("tax gst sst steuer steuernummer fiscal fiscale tin ein gstin siret nif cif abn")
TEXTS: dict[Concept, tuple[frozenset[str], ...]] = {
    Concept.PAYMENT_TERMS: (
        word_set("terms conditions zahlungsbedingungen condizioni condiciones"),
    ),
    Concept.PAYMENT_METHOD: (
        word_set("payment paiement zahlung pago pagamento betaal"),
        word_set("method means mode type art methode medio metodo way"),
    ),
}
NUMBERS: tuple[tuple[Concept, frozenset[str]], ...] = (
    (Concept.PAYMENT_REFERENCE, word_set("payment paiement zahlung pago pagamento remittance")),
    (
        Concept.ORDER_NUMBER,
        word_set("order po purchase commande bestellung bestell auftrag bestelling pedido ordine"),
    ),
    (Concept.CUSTOMER_NUMBER, word_set("customer client kunden kunde klant cliente account")),
    (
        Concept.CONTRACT_NUMBER,
        word_set("contract contrat vertrag vertrags contrato contratto agreement"),
    ),
    (
        Concept.DELIVERY_NUMBER,
        word_set("delivery despatch dispatch lieferschein livraison albaran ddt"),
    ),
    (Concept.PROJECT_NUMBER, word_set("project projet projekt proyecto progetto job")),
    (Concept.REGISTRATION_NUMBER, word_set("registration register registry siren kvk hrb company")),
)
DOCUMENT = word_set(
    "invoice receipt bill document facture rechnung rechnungs factuur factura fattura beleg "
    "ticket doc inv slip voucher statement recibo ricevuta"
)
DATES: tuple[tuple[Concept, frozenset[str]], ...] = (
    (
        Concept.DUE_DATE,
        word_set(
            "due payment deadline echeance faelligkeit fallig faellig faelligkeits "
            "vervaldatum verval vencimiento scadenza pay payable limite"
        ),
    ),
    (Concept.ORDER_DATE, word_set("order commande bestell bestelldatum auftrags pedido ordine po")),
    (
        Concept.DELIVERY_DATE,
        word_set(
            "delivery delivered shipping shipped ship service supply livraison liefer "
            "lieferdatum lever entrega consegna"
        ),
    ),
    (
        Concept.PERIOD_START,
        word_set("start from begin debut von beginn van desde inicio inizio since"),
    ),
    (Concept.PERIOD_END, word_set("end to until bis fin ende tot hasta fine thru through")),
)
NEVER_ISSUE = word_set(
    "birth print printed expiry expires expiration valid tax check arrival departure hired "
    "signed received created updated scheme point"
)
UNREADABLE = word_set(
    "scheme category currency base"
)  # refinements of a value that stand nowhere beside a label of their own
ALSO_PARTIES = frozenset().union(*PARTIES.values())
UNLESS_READABLE = word_set("amount total code")
CURRENCY = word_set("currency devise wahrung waehrung valuta moneda divisa monnaie munt")
ELECTRONIC = word_set("email electronic")
TAX_NUMBERS = word_set("gstin siret nif cif abn tin ein steuernummer")
SUMMED = word_set(
    "total amount sum betrag montant importe importo gesamtbetrag ttc subtotal gross net tax "
    "totale totaal summe"
)
CHARGES = word_set("charge charges surcharge surcharges zuschlag zuschlaege zuschlage")
FILLER = word_set(
    "the a an of de du la le el des der die das van di del il or and et und as such what "
    "which is was where how"
)


KNOWN: frozenset[str] = frozenset().union(
    *PARTIES.values(),
    *PARTS.values(),
    *PATTERNS.values(),
    *(group for groups in TEXTS.values() for group in groups),
    *(words for _, words in (*NUMBERS, *DATES)),
    DATE,
    NUMBER,
    ADDRESS,
    NAME,
    VAT,
    TAX,
    DOCUMENT,
    CURRENCY,
)
"""Every word that says something about a value that is no sum."""


PERIODS = (Concept.PERIOD_START.value, Concept.PERIOD_END.value)


def names_a_currency(name: str) -> bool:
    """Whether a value by this name is a currency, also the one that tax is accounted in."""
    words = set(words_of(name))
    return bool(words & CURRENCY) and words <= CURRENCY | VAT | {"tax", "code"}


def words_of(name: str) -> list[str]:
    """Folded words of a field name: snake_case, camelCase, kebab-case, or plain text."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word for word in re.split(r"[^a-z0-9]+", fold(split)) if word]


def first_clause(description: str) -> str:
    return re.split(r"[,;:(.\n]| - ", description, maxsplit=1)[0]


def range_of(name: str) -> str:
    """What a pair of fields spans: "flight" of `flight_from` and `flight_to`.

    Empty for a plain `start` and `end`.
    """
    ends = {word for concept, words in DATES for word in words if concept in PERIODS}
    return " ".join(
        word
        for word in words_of(name)
        if word not in ends and word not in ("date", "dates", "period")
    )
