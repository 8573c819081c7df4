"""Meaning of a field of any schema.

By its name, alias, title, description and type, and by what it is nested in.

A name has an attribute ("address"), perhaps a party ("store_address") and a qualifier ("due_date"),
in any order and language: the attribute wins, so `store_address`, `adresse_fournisseur` and
"address of the company" are all the seller's address.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from tasks.printed_values.folding import fold, word_set
from tasks.vocabulary.amount_labels import amount_label
from tasks.vocabulary.labels import LABELS, Concept

Kind = Literal[
    "date", "money", "number", "code", "text", "name", "address", "pattern", "currency", "nothing"
]
Party = Literal["seller", "buyer", "delivery", "other"]
ValueType = Literal["date", "datetime", "decimal", "float", "int", "str", "bool", "choice"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """`key` is a concept or, for a field the lexicon does not know, the field's own; `phrases` are
    labels made from its name."""

    kind: Kind
    key: str
    party: Party | None = None
    part: str | None = None  # of an address: postcode, city, ...
    phrases: tuple[str, ...] = ()


_PARTIES: dict[Party, frozenset[str]] = {
    "other": word_set("payee representative beneficiary bank signatory agency agent carrier"),
    "delivery": word_set("delivery shipping ship deliver livraison lieferung liefer entrega envio consegna " "levering shipment destination"),
    "buyer": word_set("buyer customer client recipient purchaser bill billed billing acheteur kunde kunden " "kaeufer kaufer klant koper cliente comprador acquirente receiver destinataire debtor " "abonne destinatario rechnungsempfaenger"),
    "seller": word_set("seller vendor supplier issuer company merchant store shop business provider biller " "fournisseur vendeur emetteur societe entreprise verkaeufer verkaufer lieferant firma " "aussteller "
    "verkoper leverancier bedrijf proveedor vendedor emisor empresa venditore fornitore " "cedente azienda sender retailer restaurant hotel organisation organization commerce " "tienda negozio winkel laden"),
}  # fmt: skip
_DATE = word_set("date datum fecha data dated day jour issued due")
_NUMBER = word_set(
    "number no num nr id identifier code reference ref numero nummer n numer identifiant kennung"
)
_ADDRESS = word_set(
    "address adresse anschrift adres direccion indirizzo location addr domicilio ubicacion sede"
)
_PARTS: dict[str, frozenset[str]] = {
    "postcode": word_set("postcode zip zipcode postal plz cap cp postleitzahl"),
    "city": word_set("city town ville stadt ort ciudad citta stad plaats localita"),
    "country": word_set("country pays land pais paese"),
    "region": word_set("region state province provincia county bundesland departement"),
    "street": word_set("street rue strasse straat calle via road line1"),
}
_NAME = word_set("name nom nombre naam nome title names")
_PATTERNS: dict[Concept, frozenset[str]] = {
    Concept.IBAN: word_set("iban ibans"),
    Concept.BIC: word_set("bic swift"),
    Concept.EMAIL: word_set("email emails mail courriel correo"),
    Concept.PHONE: word_set("phone telephone tel mobile telefon telefono telefoon telefonnummer"),
    Concept.FAX: word_set("fax telefax"),
    Concept.URL: word_set("website url web homepage"),
}
_VAT = word_set("vat tva ust btw iva mwst umsatzsteuer ustid partita")
_TAX = word_set("tax gst sst steuer steuernummer fiscal fiscale tin ein gstin siret nif cif abn")
_TEXTS: dict[Concept, tuple[frozenset[str], ...]] = {
    Concept.PAYMENT_TERMS: (
        word_set("terms conditions zahlungsbedingungen condizioni condiciones"),
    ),
    Concept.PAYMENT_METHOD: (
        word_set("payment paiement zahlung pago pagamento betaal"),
        word_set("method means mode type art methode medio metodo way"),
    ),
}
_NUMBERS: tuple[tuple[Concept, frozenset[str]], ...] = (
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
_DOCUMENT = word_set(
    "invoice receipt bill document facture rechnung rechnungs factuur factura fattura "
    "beleg ticket doc inv slip voucher statement recibo ricevuta"
)
_DATES: tuple[tuple[Concept, frozenset[str]], ...] = (
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
_NEVER_ISSUE = word_set(
    "birth print printed expiry expires expiration valid tax check arrival departure hired "
    "signed received created updated scheme point"
)
_UNREADABLE = word_set(
    "scheme category currency base"
)  # refinements of a value that stand nowhere beside a label of their own
_ALSO_PARTIES = frozenset().union(*_PARTIES.values())
_UNLESS_READABLE = word_set("amount total code")
_CURRENCY = word_set("currency devise wahrung waehrung valuta moneda divisa monnaie munt")
_ELECTRONIC = word_set("email electronic")
_TAX_NUMBERS = word_set("gstin siret nif cif abn tin ein steuernummer")
_SUMMED = word_set(
    "total amount sum betrag montant importe importo gesamtbetrag ttc subtotal gross net "
    "tax totale totaal summe"
)
_FILLER = word_set(
    "the a an of de du la le el des der die das van di del il or and et und as such what "
    "which is was where how"
)


def words_of(name: str) -> list[str]:
    """Folded words of a field name: snake_case, camelCase, kebab-case, or plain text."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word for word in re.split(r"[^a-z0-9]+", fold(split)) if word]


@lru_cache(maxsize=1024)
def meaning_of(
    path: tuple[str, ...],
    value_type: ValueType,
    *,
    alias: str | None = None,
    title: str | None = None,
    description: str | None = None,
) -> Meaning:
    """What the field at `path` (names from the outermost model in) means. A name that says nothing
    leaves it to title and description."""
    parents = [word for name in path[:-1] for word in words_of(name)]
    names = [path[-1], *(text for text in (alias, title) if text)]
    phrases = tuple(dict.fromkeys(" ".join(words_of(name)) for name in names))
    for text in (*names, _first_clause(description or "")):
        meaning = _by_words(_Name.of(text, parents), value_type)
        if meaning is not None and meaning.key in _PERIODS:
            return Meaning(
                meaning.kind, meaning.key, phrases=(*phrases, *_range_labels(path[-1], meaning.key))
            )
        if meaning is not None:
            return meaning
    return _by_compound(path[-1], value_type) or Meaning(
        _plain_kind(path[-1], value_type), f"own:{'.'.join(path)}", phrases=phrases
    )


def _by_compound(name: str, value_type: ValueType) -> Meaning | None:
    """Words written in one, as labels are: rechnungsdatum, factuurnummer."""
    listed = _BY_LABEL.get("".join(words_of(name)))
    if listed is None or value_type not in ("date", "datetime", "str"):
        return None
    dated = listed in _DATE_CONCEPTS
    if dated != (value_type != "str"):
        return None
    return Meaning("date" if dated else "code", listed)


def _plain_kind(name: str, value_type: ValueType) -> Kind:
    kinds: dict[ValueType, Kind] = {
        "date": "date",
        "datetime": "date",
        "decimal": "number",
        "float": "number",
        "int": "number",
        "bool": "nothing",
    }
    return kinds.get(value_type, "code" if set(words_of(name)) & _NUMBER else "text")


_DATE_CONCEPTS = (Concept.ISSUE_DATE, Concept.DUE_DATE, Concept.ORDER_DATE, Concept.DELIVERY_DATE)
_CODE_CONCEPTS = (Concept.NUMBER, *(concept for concept, _ in _NUMBERS), Concept.TAX_NUMBER)
_LEAST_COMPOUND = 7  # letters: shorter ones are plain words
_BY_LABEL: dict[str, Concept] = {
    "".join(words_of(phrase)): concept for concept in (*_CODE_CONCEPTS, *_DATE_CONCEPTS) for phrase in LABELS[concept].split("|") if len(phrase) >= _LEAST_COMPOUND
}  # fmt: skip
_PERIODS = (Concept.PERIOD_START.value, Concept.PERIOD_END.value)


def range_of(name: str) -> str:
    """What a pair of fields spans: "flight" of `flight_from` and `flight_to`; empty for a plain
    `start` and `end`."""
    ends = {word for concept, words in _DATES for word in words if concept in _PERIODS}
    return " ".join(
        word
        for word in words_of(name)
        if word not in ends and word not in ("date", "dates", "period")
    )


def _range_labels(name: str, key: str) -> tuple[str, ...]:
    spanned = range_of(name)
    return (
        (f"{spanned} dates", f"{spanned} date", f"{spanned} period", spanned)
        if spanned and key == Concept.PERIOD_START
        else ()
    )


def _first_clause(description: str) -> str:
    return re.split(r"[,;:(.\n]| - ", description, maxsplit=1)[0]


def _party(words: frozenset[str], parents: list[str]) -> Party | None:
    for party, names in _PARTIES.items():
        if words & names:
            return party
    for party, names in _PARTIES.items():
        if set(parents) & names:
            return party
    if parents and parents[-1] in ("from", "to"):
        return "seller" if parents[-1] == "from" else "buyer"
    return None


class _Name(NamedTuple):
    """A field's words: its own without articles, its own and its parents', and whom it belongs
    to."""

    words: tuple[str, ...]
    parents: tuple[str, ...]
    here: frozenset[str]
    around: frozenset[str]
    party: Party | None

    @classmethod
    def of(cls, text: str, parents: list[str]) -> "_Name":
        words = words_of(text)
        here = frozenset(words) - _FILLER
        return cls(
            tuple(words), tuple(parents), here, frozenset((*words, *parents)), _party(here, parents)
        )

    @property
    def numbered(self) -> bool:
        return bool(self.here & _NUMBER)


def _by_words(name: _Name, value_type: ValueType) -> Meaning | None:
    if not name.here or value_type == "bool":
        return None
    if value_type in ("date", "datetime"):
        return _date(name.here, name.around)
    if value_type in ("decimal", "float", "int"):
        return _amount(list(name.words), list(name.parents), value_type)
    return next((meaning for rule in _STRING_RULES if (meaning := rule(name)) is not None), None)


def _date(here: frozenset[str], around: frozenset[str]) -> Meaning | None:
    for concept, names in _DATES:
        if here & names or (
            concept not in (Concept.PERIOD_END, Concept.PERIOD_START)
            and around & names
            and not here & _DOCUMENT
        ):
            return Meaning("date", concept)
    if around & _NEVER_ISSUE or not (
        here & _DATE
        or here & _DOCUMENT
        or here & word_set("issue purchase transaction on at when sale emission")
    ):
        return None
    return Meaning("date", Concept.ISSUE_DATE)


def _amount(words: list[str], parents: list[str], value_type: ValueType) -> Meaning | None:
    here = set(words)
    if here & word_set(
        "rate percent percentage percentage quantity count currency pages taux satz tarif"
    ):
        return None
    if "line" in here or "lines" in here or "item" in here:
        return Meaning("money", Concept.SUBTOTAL)
    label = amount_label(" ".join(words)) or amount_label(" ".join([*words, *parents]))
    # an int is seldom money
    if label is None or (value_type == "int" and label.weight < 0.8):  # noqa: PLR2004
        return None
    if label.concept == Concept.CHARGE and "charge" not in here and "charges" not in here:
        return None  # shipping, service, tip: labels of their own
    return Meaning("money", label.concept)


def _refinement(name: _Name) -> Meaning | None:
    if name.here & _UNREADABLE and not name.here & _UNLESS_READABLE and name.here != {"currency"}:
        return Meaning("nothing", Concept.UNKNOWN)
    return None


def _pattern(name: _Name) -> Meaning | None:
    found = next((concept for concept, names in _PATTERNS.items() if name.here & names), None)
    return Meaning("pattern", found, name.party) if found and "debited" not in name.here else None


def _currency(name: _Name) -> Meaning | None:
    return (
        Meaning("currency", Concept.CURRENCY)
        if name.here & _CURRENCY and "tax" not in name.here
        else None
    )


def _address(name: _Name) -> Meaning | None:
    party = name.party or "seller"
    addressed = bool(name.here & _ADDRESS)
    part = next(
        (
            part
            for part, names in _PARTS.items()
            if name.here & names and not (addressed and part == "street")
        ),
        None,
    )
    if part is None and "lines" in name.here and name.around & _ADDRESS:
        part = "lines"
    if part is None and (not addressed or name.here & _ELECTRONIC):
        return None
    return Meaning("address", Concept.SELLER_ADDRESS, party, part)


def _payment_words(name: _Name) -> Meaning | None:
    if "code" in name.here:
        return None
    found = next(
        (
            concept
            for concept, groups in _TEXTS.items()
            if all(name.here & group for group in groups)
        ),
        None,
    )
    return Meaning("text", found) if found else None


def _tax_identifier(name: _Name) -> Meaning | None:
    if name.here & _VAT and (name.numbered or name.here <= _VAT | _ALSO_PARTIES):
        return Meaning("pattern", Concept.VAT_ID, name.party)
    if (name.here & _TAX and name.numbered) or name.here & _TAX_NUMBERS:
        return Meaning("code", Concept.TAX_NUMBER, name.party)
    return None


def _bank_account(name: _Name) -> Meaning | None:
    banking = name.here & word_set("bank account konto compte") and name.around & word_set(
        "bank payment accounts iban konto"
    )
    return Meaning("code", Concept.ACCOUNT_NUMBER) if name.numbered and banking else None


def _date_in_words(name: _Name) -> Meaning | None:
    return _date(name.here, name.around) if name.here & _DATE and not name.numbered else None


def _number(name: _Name) -> Meaning | None:
    if name.numbered and name.here & _DOCUMENT:
        return Meaning("code", Concept.NUMBER)
    for concept, names in _NUMBERS:
        if name.here & names and (
            name.numbered or (name.here <= names and not name.here & _ALSO_PARTIES)
        ):
            return Meaning("code", concept, name.party)
    if (name.numbered and name.here <= _NUMBER and not name.parents) or name.here <= _DOCUMENT:
        return Meaning("code", Concept.NUMBER)
    return None


def _sum_in_words(name: _Name) -> Meaning | None:
    label = amount_label(" ".join(name.words))
    return (
        Meaning("money", label.concept)
        if label is not None and name.here & _SUMMED and not name.numbered
        else None
    )


def _party_name(name: _Name) -> Meaning | None:
    if "contact" in name.parents:
        return Meaning("nothing", Concept.CONTACT)  # a clerk is not the company
    alone = name.here <= _NAME and not name.parents
    party: Party | None = "seller" if name.party is None and alone else name.party
    plain = any(name.here <= (names | _NAME) for names in _PARTIES.values())
    if party is None or name.numbered or not plain or not name.here & (_NAME | _ALSO_PARTIES):
        return None
    keys = {
        "seller": Concept.SELLER_NAME,
        "buyer": Concept.BUYER_NAME,
        "delivery": Concept.DELIVERY_NAME,
    }
    return (
        Meaning("name", keys[party], party)
        if party in keys
        else Meaning("nothing", Concept.UNKNOWN, party)
    )


_STRING_RULES: tuple[Callable[[_Name], Meaning | None], ...] = (  # the first that answers decides
    _refinement,
    _pattern,
    _currency,
    _address,
    _payment_words,
    _tax_identifier,
    _bank_account,
    _date_in_words,
    _number,
    _sum_in_words,
    _party_name,
)
