"""Which field of a user's schema means which term of an invoice, in six languages.

Terms are the dotted paths of `schemas.invoice.Invoice`. `concepts` says
what a value means; here are the terms of its concepts, and the names of objects and lists.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, NamedTuple

from pydantic import BaseModel

from schemas import invoice as invoices
from tasks.text.folding import word_set
from tasks.vocabulary.amount_labels import amount_label, names_only_a_sum
from tasks.vocabulary.concepts import Meaning, ValueType, meaning_of
from tasks.vocabulary.labels import LABELS, Concept
from tasks.vocabulary.list_names import ACCOUNTS, ITEMS, TAXES, cell_of, is_plain, tax_cell_of
from tasks.vocabulary.name_words import (
    ADDRESS,
    DOCUMENT,
    FILLER,
    KNOWN,
    NAME,
    NUMBERS,
    PARTIES,
    first_clause,
    words_of,
)

_TERMS: Mapping[str, tuple[str, ...]] = {
    Concept.NUMBER: ("number",),
    Concept.ISSUE_DATE: ("issue_date",),
    Concept.DUE_DATE: ("due_date",),
    Concept.DELIVERY_DATE: ("delivery.date",),
    Concept.PERIOD_START: ("period.start",),
    Concept.PERIOD_END: ("period.end",),
    Concept.TOTAL: ("total",),
    Concept.NET_TOTAL: ("net_total",),
    Concept.SUBTOTAL: ("net_total", "line_total"),
    Concept.TAX_TOTAL: ("tax_total",),
    Concept.AMOUNT_DUE: ("amount_due",),
    Concept.PAID: ("prepaid_amount",),
    Concept.ROUNDING: ("rounding_amount",),
    Concept.DISCOUNT: ("allowance_total",),
    Concept.CHARGE: ("charge_total",),
    Concept.ORDER_NUMBER: ("order_reference",),
    Concept.CONTRACT_NUMBER: ("contract_reference",),
    Concept.PROJECT_NUMBER: ("project_reference",),
    Concept.PAYMENT_REFERENCE: ("payment_reference",),
    Concept.PAYMENT_TERMS: ("payment_terms",),
    Concept.PAYMENT_METHOD: ("payment_means",),
    Concept.IBAN: ("payment_accounts[0].iban",),
    Concept.BIC: ("payment_accounts[0].bic",),
    Concept.CURRENCY: ("currency",),
    Concept.SELLER_NAME: ("seller.name",),
    Concept.BUYER_NAME: ("buyer.name",),
    Concept.DELIVERY_NAME: ("delivery.name",),
    Concept.VAT_ID: ("{party}.vat_id",),
    Concept.TAX_NUMBER: ("{party}.tax_number",),
    Concept.REGISTRATION_NUMBER: ("{party}.registration_id",),
    Concept.EMAIL: ("{party}.contact.email",),
    Concept.PHONE: ("{party}.contact.phone",),
}
_CELLS = {
    "tax_rate": ("tax_rate",),
    "quantity": ("quantity",),
    "unit_price": ("unit_price",),
    "amount": ("net_amount",),
    "unit": ("unit",),
    "description": ("name", "description"),
    "item_id": ("seller_item_id",),
}
_TAX_CELLS = {"rate": "rate", "taxable": "taxable_amount", "tax": "tax_amount"}

_OTHER_NAMES: dict[str, dict[str, str]] = {  # kind of object -> term -> names no concept has
    "invoice": {
        "seller.vat_id": "tax_id",
        "seller.tax_number": "tax_id",
        "buyer": "bill_to",
        "line_total": "lines_total total_lines",
        "notes": "note remarks bemerkung bemerkungen anmerkungen hinweis notities opmerkingen "
        "remarques observaciones notas osservazioni",
    },
    "party": {"vat_id": "tax_id", "tax_number": "tax_id", "name": "legal_name"},
    "address": {"lines": "address_lines", "country": "country_code"},
    "line": {
        "id": "line_number line_no position pos zeile ligne regel linea riga",
        "unit": "uom unit_of_measure",
        "unit_price": "price_per_unit",
        "net_amount": "line_total line_amount",
        "seller_item_id": "article_number item_number artikelnummer artikelnr",
    },
}
_MODELS: dict[str, type[BaseModel]] = {  # kind of object -> what has its terms as fields
    "invoice": invoices.Invoice,
    "party": invoices.Party,
    "address": invoices.Address,
    "contact": invoices.Contact,
    "line": invoices.InvoiceLine,
    "tax": invoices.TaxSubtotal,
    "delivery": invoices.Delivery,
    "period": invoices.Period,
    "payment_accounts": invoices.PaymentAccount,
}
_PLACES: dict[str, tuple[tuple[str, ...], str]] = {  # kind of object -> one of them: path, prefix
    "invoice": ((), ""),
    "party": (("seller",), "seller."),
    "address": (("seller", "address"), "seller.address."),
    "contact": (("seller", "contact"), "seller.contact."),
    "delivery": (("delivery",), "delivery."),
    "period": (("period",), "period."),
    "payment_accounts": (("accounts",), "payment_accounts[0]."),
}
_KINDS = {  # last name of a term -> the kind of object it holds
    "seller": "party",
    "buyer": "party",
    "payee": "party",
    "tax_representative": "party",
    "lines": "line",
    "tax_breakdown": "tax",
}
_GROUPS = word_set(
    "invoice header totals amounts summary payment bank dates details "
    "rechnung kopf summen betraege zahlung bankverbindung daten facture entete totaux montants "
    "paiement banque factuur totalen bedragen betaling factura totales importes pago banco "
    "fattura totali importi pagamento banca"
)
"""Objects that only group terms of what they are in, such as `totals: {net, tax, gross}`."""
_OBJECT = NAME | FILLER | word_set("info information details data daten party")
_LISTED = DOCUMENT | FILLER | word_set("list liste lista lijst breakdown subtotals")
_KNOWN = KNOWN | {word for phrases in LABELS.values() for word in words_of(phrases)}
_ANY_NUMBER = word_set("reference ref id identifier code")
_VAGUE_WEIGHT = 0.5  # of a label such as "amount"


class FieldName(NamedTuple):
    """Everything that a schema calls a field, and what the field holds."""

    name: str
    type: ValueType = "str"
    holds: Literal["value", "object", "list"] = "value"
    alias: str | None = None
    title: str | None = None
    description: str | None = None


NO_FIELDS: Mapping[tuple[str, ...], FieldName] = MappingProxyType({})


def compact(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()


def kind_of(term: str) -> str:
    last = term.rpartition(".")[2]
    return _KINDS.get(last, last)


def groups_terms(name: str) -> bool:
    words = words_of(name)
    return bool(words) and all(word in _GROUPS for word in words)


@lru_cache(maxsize=4096)
def terms_of(kind: str, field: FieldName) -> tuple[str, ...]:
    """Terms that a field of an object of this kind can mean, the likeliest first.

    Unless a description says otherwise, its own name is one of them.
    """
    known = meant(kind, field)
    if known.described:
        return known.terms
    return tuple(dict.fromkeys((*known.canonical, field.name, *known.terms)))


class Meant(NamedTuple):
    terms: tuple[str, ...] = ()
    canonical: tuple[str, ...] = ()  # the term that the field has the very name of
    described: bool = False  # a label in the description says something else than the name
    vague: bool = False


@lru_cache(maxsize=4096)
def meant(kind: str, field: FieldName) -> Meant:
    """Terms that a field means by its name and description in any language."""
    canonical = _canonical(kind).get(compact(field.name))
    own = (canonical,) if canonical else ()
    if field.holds != "value":
        return Meant(own or _structure(kind, field), own)
    bare = FieldName(field.name, field.type)
    named, described = _by_meaning(kind, bare), _by_meaning(kind, field)
    if described.terms and named.terms and described.terms != named.terms:
        return described._replace(described=True)
    others = _others(kind).get(compact(field.name), ())
    if own:
        fallback = _cells(kind, field.name) if kind == "line" else ()
        return Meant(tuple(dict.fromkeys((*own, *fallback))), own)
    found = others or _cells(kind, field.name) or named.terms or described.terms
    return Meant(found, vague=described.vague and not others)


def _by_meaning(kind: str, field: FieldName) -> Meant:
    if kind not in _PLACES:
        return Meant()
    path, prefix = _PLACES[kind]
    texts = {"alias": field.alias, "title": field.title, "description": field.description}
    meaning = meaning_of((*path, field.name), field.type, **texts)
    clause = first_clause(field.description or "")
    sayings = [text for text in (field.name, field.alias, field.title, clause) if text]
    if not any(
        _is_plain(text, meaning) and _same(meaning, (*path, text), field.type) for text in sayings
    ):
        return Meant()
    terms = _terms_of_meaning(meaning, words_of(field.name))
    vague = False
    if meaning.kind == "money":
        label = amount_label(" ".join(words_of(field.name)))
        vague = label is not None and label.weight <= _VAGUE_WEIGHT
    inside = tuple(term.removeprefix(prefix) for term in terms if term.startswith(prefix))
    return Meant(inside, vague=vague)


def _same(meaning: Meaning, path: tuple[str, ...], value_type: ValueType) -> bool:
    return meaning_of(path, value_type).key == meaning.key


def _is_plain(text: str, meaning: Meaning) -> bool:
    """Whether every word is a known one: the "weight" of `net_weight` makes it no net sum."""
    words = set(words_of(text)) - FILLER
    if meaning.kind == "money":
        base = {"base"} if meaning.key == Concept.NET_TOTAL else set()
        return names_only_a_sum(words - DOCUMENT - base)
    return words <= _KNOWN


def _terms_of_meaning(meaning: Meaning, words: list[str]) -> tuple[str, ...]:
    party = meaning.party or "seller"
    if party == "other" or meaning.kind == "nothing":
        return ()
    if meaning.kind == "address":
        part = {"street": "lines[0]", None: ""}.get(meaning.part, meaning.part)
        return (f"{party}.address.{part}".rstrip("."),)
    if meaning.key == Concept.SUBTOTAL and {"line", "lines"} & set(words):
        return ("line_total",)
    alone = meaning.kind == "code" and len(words) == 1
    if alone and (words[0] in _ANY_NUMBER or any(words[0] in names for _, names in NUMBERS)):
        return ()  # an "order" or a "reference" may be anything; an order number is not
    return tuple(term.format(party=party) for term in _TERMS.get(meaning.key, ()))


def _cells(kind: str, name: str) -> tuple[str, ...]:
    if kind not in ("line", "tax") or not is_plain(name):
        return ()
    if kind == "line":
        return _CELLS.get(cell_of(name, [name]) or "", ())
    column = tax_cell_of(name)
    return (_TAX_CELLS[column],) if column else ()


def _structure(kind: str, field: FieldName) -> tuple[str, ...]:
    """Terms of an object or a list."""
    others = _others(kind).get(compact(field.name), ())
    words = frozenset(words_of(field.name))
    if others or not words:
        return others
    if field.holds == "list":
        return _list_terms(words) if kind == "invoice" else ()
    return _object_terms(kind, words)


def _list_terms(words: frozenset[str]) -> tuple[str, ...]:
    if words & TAXES and words <= TAXES | _LISTED | ITEMS:
        return ("tax_breakdown",)
    if words & ITEMS and words <= ITEMS | _LISTED:
        return ("lines",)
    return ("payment_accounts",) if words <= ACCOUNTS | FILLER else ()


def _object_terms(kind: str, words: frozenset[str]) -> tuple[str, ...]:
    party = next((party for party, names in PARTIES.items() if words & names), None)
    of_party = PARTIES[party] if party else frozenset()
    if words & ADDRESS and words <= ADDRESS | _OBJECT | of_party:
        return (f"{party or 'seller'}.address",) if kind == "invoice" else ("address",)
    known = party is not None and party != "other" and words <= of_party | _OBJECT
    return (party,) if known and party and kind == "invoice" else ()


@lru_cache
def _others(kind: str) -> Mapping[str, tuple[str, ...]]:
    terms: dict[str, list[str]] = {}
    for term, names in _OTHER_NAMES.get(kind, {}).items():
        for name in names.split():
            terms.setdefault(compact(name), []).append(term)
    return {name: tuple(found) for name, found in terms.items()}


@lru_cache
def _canonical(kind: str) -> Mapping[str, str]:
    model = _MODELS.get(kind)
    return {compact(name): name for name in model.model_fields} if model else {}
