"""Records of any schema, seen in the terms of an invoice."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from pydantic import JsonValue

from schemas.record_path import RecordPath
from tasks.vocabulary.concepts import ValueType, meaning_of
from tasks.vocabulary.labels import Concept
from tasks.vocabulary.terms import NO_FIELDS, FieldName, groups_terms, kind_of, meant


class Found(NamedTuple):
    """A value of a record and its place there."""

    place: RecordPath
    value: JsonValue

    @property
    def path(self) -> str:
        return str(self.place)


def invoice_terms(
    record: Mapping[str, JsonValue], fields: Mapping[tuple[str, ...], FieldName] = NO_FIELDS
) -> dict[str, Found]:
    """What a record of any schema says in the terms of an invoice; nulls are left out.

    `fields` are those of the schema, by the keys that lead to them; a field that is not among them
    is known by its name and value. Lists stay lists, of `lines` and the like.
    """
    return _best(_terms_in(record, "invoice", "", RecordPath(), fields))


def item_terms(
    item: JsonValue,
    kind: str,
    at: RecordPath,
    fields: Mapping[tuple[str, ...], FieldName] = NO_FIELDS,
) -> dict[str, Found]:
    """The same for one item of a list; `kind` is `line` or `tax`."""
    return _best(_terms_in(item, kind, "", at, fields)) if isinstance(item, dict) else {}


def concept_at(
    place: RecordPath, value: JsonValue, fields: Mapping[tuple[str, ...], FieldName]
) -> str:
    """The concept of the value at a place, such as `iban`."""
    field = _field_at(place, value, fields)
    texts = {"alias": field.alias, "title": field.title, "description": field.description}
    return meaning_of((*place.names[:-1], field.name), field.type, **texts).key


def _field_at(
    place: RecordPath, value: JsonValue, fields: Mapping[tuple[str, ...], FieldName]
) -> FieldName:
    """What the schema says about the value at a place; without one, what the value looks like."""
    return fields.get(place.names) or _guessed(place.names[-1], value)


_Ranked = tuple[int, str, Found]


def _best(found: Iterator[_Ranked]) -> dict[str, Found]:
    """Of several fields for one term: the one of that name, else the first; vague ones last."""
    best: dict[str, Found] = {}
    for _, term, value in sorted(found, key=lambda each: each[0]):
        best.setdefault(term, value)
    return best


def _terms_in(
    values: Mapping[str, JsonValue],
    kind: str,
    prefix: str,
    at: RecordPath,
    fields: Mapping[tuple[str, ...], FieldName],
) -> Iterator[_Ranked]:
    for name, value in values.items():
        if value is None:
            continue
        place = at / name
        if isinstance(value, dict) and groups_terms(name):
            yield from _terms_in(value, kind, prefix, place, fields)
            continue
        known = meant(kind, _field_at(place, value, fields))
        term = prefix + (known.terms[0] if known.terms else name)
        if isinstance(value, dict):
            yield from _terms_in(value, kind_of(term), f"{term}.", place, fields)
            continue
        if kind_of(term) == "party" and isinstance(value, str):
            term = f"{term}.name"
        yield 2 if known.vague else 0 if known.canonical else 1, term, Found(place, value)


def _guessed(name: str, value: JsonValue) -> FieldName:
    if isinstance(value, dict):
        return FieldName(name, holds="object")
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return FieldName(name, holds="list")
    return FieldName(name, _type_of(name, value))


def _type_of(name: str, value: JsonValue) -> ValueType:
    """A JSON text may be a date or a decimal; a number of digits alone may be an identifier."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "decimal"
    if not isinstance(value, str):
        return "str"
    try:
        date.fromisoformat(value[:10])
    except ValueError:
        pass
    else:
        return "date"
    try:
        Decimal(value)
    except InvalidOperation:
        return "str"
    meaning = meaning_of((name,), "str")
    identifies = meaning.kind in ("code", "address", "pattern") and not (
        meaning.key == Concept.VAT_ID and meaning_of((name,), "decimal").kind == "money"
    )
    return "str" if identifies else "decimal"
