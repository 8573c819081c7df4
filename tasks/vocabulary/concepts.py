"""Meaning of a field of any schema.

By its name, alias, title, description and type, and by what it is nested in.

A name has an attribute ("address"), perhaps a party ("store_address") and a qualifier ("due_date"),
in any order and language: the attribute wins, so `store_address`, `adresse_fournisseur` and
"address of the company" are all the seller's address.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from tasks.text.folding import word_set
from tasks.vocabulary.amount_labels import amount_label, names_only_a_sum
from tasks.vocabulary.labels import LABELS, Concept
from tasks.vocabulary.name_words import (
    ADDRESS,
    ALSO_PARTIES,
    CHARGES,
    CURRENCY,
    DATE,
    DATES,
    DOCUMENT,
    ELECTRONIC,
    FILLER,
    NAME,
    NEVER_ISSUE,
    NUMBER,
    NUMBERS,
    PARTIES,
    PARTS,
    PATTERNS,
    PERIODS,
    SUMMED,
    TAX,
    TAX_NUMBERS,
    TEXTS,
    UNLESS_READABLE,
    UNREADABLE,
    VAT,
    Party,
    first_clause,
    range_of,
    words_of,
)

Kind = Literal[
    "date", "money", "number", "code", "text", "name", "address", "pattern", "currency", "nothing"
]
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


@lru_cache(maxsize=1024)
def meaning_of(
    path: tuple[str, ...],
    value_type: ValueType,
    *,
    alias: str | None = None,
    title: str | None = None,
    description: str | None = None,
) -> Meaning:
    """What the field at `path` (names from the outermost model in) means.

    An alias, title or description that reads as a label on paper goes before the name; one that is
    a sentence is only looked at where the name says nothing.
    """
    parents = [word for name in path[:-1] for word in words_of(name)]
    clause = first_clause(description or "")
    names = [text for text in (alias, title) if text]
    texts = [*names, *([clause] if clause else [])]
    for text in texts:
        label = _label_before_name(text, path, value_type, parents)
        if label is not None:
            return label
    phrases = tuple(dict.fromkeys(" ".join(words_of(name)) for name in (path[-1], *names)))
    for text in (path[-1], *texts):
        meaning = _read(text, parents, value_type)
        if meaning is not None and meaning.key in PERIODS:
            return Meaning(
                meaning.kind, meaning.key, phrases=(*phrases, *_range_labels(path[-1], meaning.key))
            )
        if meaning is not None:
            return meaning
    return _own(path, value_type, (path[-1], *names))


def _own(path: tuple[str, ...], value_type: ValueType, texts: Iterable[str]) -> Meaning:
    """A field that the lexicon does not know: it is found beside its own words."""
    phrases = tuple(dict.fromkeys(" ".join(words_of(text)) for text in texts))
    kind = _plain_kind(" ".join(texts) if value_type == "str" else path[-1], value_type)
    return Meaning(kind, f"own:{'.'.join(path)}", phrases=phrases)


def _read(text: str, parents: list[str], value_type: ValueType) -> Meaning | None:
    return _by_words(_Name.of(text, parents), value_type) or _by_compound(text, value_type)


def _label_before_name(
    text: str, path: tuple[str, ...], value_type: ValueType, parents: list[str]
) -> Meaning | None:
    """What a text means where it is a label of another value than the name seems to be."""
    named = _read(path[-1], parents, value_type)
    if named is None or named.kind not in ("date", "code", "money") or not _is_label(text):
        return None
    if named.kind == "money" and parents:
        return None
    meaning = _read(text, parents, value_type)
    words = " ".join(words_of(text))
    if meaning is None:
        labelled = set(words.split()) & (DATE if named.kind == "date" else NUMBER)
        vague = named.key in _VAGUE and named.kind != "money" and not parents
        return _own(path, value_type, (text,)) if vague and labelled else None
    listed = " " in words and words in _LISTED
    differs = meaning.kind in ("date", "code", "money") and meaning.key != named.key
    return meaning if differs and (listed or meaning.key not in _VAGUE) else None


def _is_label(text: str) -> bool:
    """Whether a text is as short as a label on paper, and names a value."""
    words = set(words_of(text)) - FILLER
    return 0 < len(words_of(text)) <= _LONGEST_LABEL and (
        bool(words & (DATE | NUMBER))
        or " ".join(words_of(text)) in _LISTED
        or names_only_a_sum(words)
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
    return kinds.get(value_type, "code" if set(words_of(name)) & NUMBER else "text")


_DATE_CONCEPTS = (Concept.ISSUE_DATE, Concept.DUE_DATE, Concept.ORDER_DATE, Concept.DELIVERY_DATE)
_CODE_CONCEPTS = (Concept.NUMBER, *(concept for concept, _ in NUMBERS), Concept.TAX_NUMBER)
_LEAST_COMPOUND = 7  # letters: shorter ones are plain words
_BY_LABEL: dict[str, Concept] = {
    "".join(words_of(phrase)): concept for concept in (*_CODE_CONCEPTS, *_DATE_CONCEPTS) for phrase in LABELS[concept].split("|") if len(phrase) >= _LEAST_COMPOUND
}  # fmt: skip
_LONGEST_LABEL = 4  # words
_VAGUE = (Concept.NUMBER, Concept.ISSUE_DATE)  # what a plain "number" or "date" is
_LISTED = frozenset(
    " ".join(words_of(phrase))
    for concept in (*_CODE_CONCEPTS, *_DATE_CONCEPTS)
    for phrase in LABELS[concept].split("|")
)


def _range_labels(name: str, key: str) -> tuple[str, ...]:
    spanned = range_of(name)
    return (
        (f"{spanned} dates", f"{spanned} date", f"{spanned} period", spanned)
        if spanned and key == Concept.PERIOD_START
        else ()
    )


def _party(words: frozenset[str], parents: list[str]) -> Party | None:
    for party, names in PARTIES.items():
        if words & names:
            return party
    for party, names in PARTIES.items():
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
        here = frozenset(words) - FILLER
        return cls(
            tuple(words), tuple(parents), here, frozenset((*words, *parents)), _party(here, parents)
        )

    @property
    def numbered(self) -> bool:
        return bool(self.here & NUMBER)


def _by_words(name: _Name, value_type: ValueType) -> Meaning | None:
    if not name.here or value_type == "bool":
        return None
    if value_type in ("date", "datetime"):
        return _date(name.here, name.around)
    if value_type in ("decimal", "float", "int"):
        return _amount(list(name.words), list(name.parents), value_type)
    return next((meaning for rule in _STRING_RULES if (meaning := rule(name)) is not None), None)


def _date(here: frozenset[str], around: frozenset[str]) -> Meaning | None:
    for concept, names in DATES:
        if here & names or (
            concept not in (Concept.PERIOD_END, Concept.PERIOD_START)
            and around & names
            and not here & DOCUMENT
        ):
            return Meaning("date", concept)
    if around & NEVER_ISSUE or not (
        here & DATE
        or here & DOCUMENT
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
    if label.concept == Concept.CHARGE and not here & CHARGES:
        return None  # shipping, service, tip: labels of their own
    return Meaning("money", label.concept)


def _refinement(name: _Name) -> Meaning | None:
    if name.here & UNREADABLE and not name.here & UNLESS_READABLE and name.here != {"currency"}:
        return Meaning("nothing", Concept.UNKNOWN)
    return None


def _pattern(name: _Name) -> Meaning | None:
    found = next((concept for concept, names in PATTERNS.items() if name.here & names), None)
    return Meaning("pattern", found, name.party) if found and "debited" not in name.here else None


def _currency(name: _Name) -> Meaning | None:
    return (
        Meaning("currency", Concept.CURRENCY)
        if name.here & CURRENCY and "tax" not in name.here
        else None
    )


def _address(name: _Name) -> Meaning | None:
    party = name.party or "seller"
    addressed = bool(name.here & ADDRESS)
    part = next(
        (
            part
            for part, names in PARTS.items()
            if name.here & names and not (addressed and part == "street")
        ),
        None,
    )
    if part is None and "lines" in name.here and name.around & ADDRESS:
        part = "lines"
    if part is None and (not addressed or name.here & ELECTRONIC):
        return None
    return Meaning("address", Concept.SELLER_ADDRESS, party, part)


def _payment_words(name: _Name) -> Meaning | None:
    if "code" in name.here:
        return None
    found = next(
        (
            concept
            for concept, groups in TEXTS.items()
            if all(name.here & group for group in groups)
        ),
        None,
    )
    return Meaning("text", found) if found else None


def _tax_identifier(name: _Name) -> Meaning | None:
    if name.here & VAT and (name.numbered or name.here <= VAT | ALSO_PARTIES | TAX_NUMBERS):
        return Meaning("pattern", Concept.VAT_ID, name.party)
    if (name.here & TAX and name.numbered) or name.here & TAX_NUMBERS:
        return Meaning("code", Concept.TAX_NUMBER, name.party)
    return None


def _bank_account(name: _Name) -> Meaning | None:
    banking = name.here & word_set("bank account konto compte") and name.around & word_set(
        "bank payment accounts iban konto"
    )
    return Meaning("code", Concept.ACCOUNT_NUMBER) if name.numbered and banking else None


def _date_in_words(name: _Name) -> Meaning | None:
    return _date(name.here, name.around) if name.here & DATE and not name.numbered else None


def _number(name: _Name) -> Meaning | None:
    if name.numbered and name.here & DOCUMENT:
        return Meaning("code", Concept.NUMBER)
    for concept, names in NUMBERS:
        if name.here & names and (
            name.numbered or (name.here <= names and not name.here & ALSO_PARTIES)
        ):
            return Meaning("code", concept, name.party)
    if (name.numbered and name.here <= NUMBER and not name.parents) or name.here <= DOCUMENT:
        return Meaning("code", Concept.NUMBER)
    return None


def _sum_in_words(name: _Name) -> Meaning | None:
    label = amount_label(" ".join(name.words))
    return (
        Meaning("money", label.concept)
        if label is not None and name.here & SUMMED and not name.numbered
        else None
    )


def _party_name(name: _Name) -> Meaning | None:
    if "contact" in name.parents:
        return Meaning("nothing", Concept.CONTACT)  # a clerk is not the company
    alone = name.here <= NAME and not name.parents
    party: Party | None = "seller" if name.party is None and alone else name.party
    plain = any(name.here <= (names | NAME) for names in PARTIES.values())
    if party is None or name.numbered or not plain or not name.here & (NAME | ALSO_PARTIES):
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
