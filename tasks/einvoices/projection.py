"""Projection of an e-invoice's values onto the user's own schema.

By field names, recursively, whatever class it is.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, JsonValue, ValidationError

from schemas.record_path import RecordPath
from tasks.record_schema.fields import FieldShape, fields_of
from tasks.record_schema.nullable import nullable
from tasks.record_schema.satisfied import place_of, refusal, without_nulls
from tasks.record_schema.shape import name_of
from tasks.vocabulary.terms import groups_terms, kind_of, terms_of


@dataclass(slots=True)
class Projection:
    """`record` has every field of the schema, null (a list: empty) where the e-invoice has nothing;
    `sources` is record path -> invoice path.

    `fits` says whether the record satisfies the schema.
    """

    record: dict[str, JsonValue]
    sources: dict[str, str]
    fits: bool


def project(values: Mapping[str, JsonValue], schema: type[BaseModel]) -> Projection:
    """Values that the schema's types refuse are left out, so that what remains can be trusted as
    exact."""
    sources: dict[str, str] = {}
    record = _Projector(values, sources).into(schema, "invoice", RecordPath(), RecordPath())
    refused = refusal(record, schema)
    for problem in refused.errors(include_url=False, include_input=False) if refused else ():
        if problem["type"] != "missing":
            _remove(record, sources, place_of(problem, record, schema))
    return Projection(_as_json_of(schema, record), sources, fits=refused is None)


def _as_json_of(schema: type[BaseModel], record: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The record as one that a model answered is kept: a decimal as text, a float as a number."""
    try:
        typed: dict[str, JsonValue] = (
            nullable(schema)
            .model_validate_json(json.dumps(record))
            .model_dump(mode="json", by_alias=True)
        )
    except ValidationError:  # a type that has no nullable form; the values are right all the same
        return record
    return typed


def _terms(kind: str, field: FieldShape) -> tuple[str, ...]:
    """By both names of a field; the one in the record says more."""
    name = name_of(field)
    keyed = terms_of(kind, name._replace(name=field.key, alias=None)) if field.alias else ()
    return tuple(dict.fromkeys((*keyed, *terms_of(kind, name))))


@dataclass(frozen=True, slots=True)
class _Projector:
    values: Mapping[str, JsonValue]  # of the whole invoice
    sources: dict[str, str]

    def into(
        self, schema: type[BaseModel], kind: str, source: RecordPath, at: RecordPath
    ) -> dict[str, JsonValue]:
        """The fields of a schema from the object at `source`, a path of the invoice; `at` is where
        they stand in the record."""
        fields = fields_of(schema)
        own = {_terms(kind, field)[0] for field in fields}
        record: dict[str, JsonValue] = {}
        for field in fields:
            path = at / field.key
            if (
                field.model
                and groups_terms(field.name)
                and not (source / field.name).get(self.values)
            ):
                inner = self.into(field.model, kind, source, path)
                record[field.key] = inner if without_nulls(inner) else None
                continue
            likeliest, *others = _terms(kind, field)
            terms = (likeliest, *(other for other in others if other not in own))
            record[field.key] = self._first(
                [source.joined(RecordPath.parse(term)) for term in terms], field, path
            )
        return record

    def _first(self, sources: list[RecordPath], field: FieldShape, path: RecordPath) -> JsonValue:
        for source in sources:
            value = self._adapted(source.get(self.values), field, source, path)
            if value is not None:
                return value
        return [] if field.is_list else None

    def _adapted(
        self, value: JsonValue, field: FieldShape, source: RecordPath, path: RecordPath
    ) -> JsonValue:
        if value is None:
            return None
        if isinstance(value, dict):
            return self._of_object(value, field, source, path)
        if isinstance(value, list):
            return self._of_list(value, field, source, path)
        if field.model:
            return None
        self._note(path / 0 if field.is_list else path, source)
        return [value] if field.is_list else value

    def _of_object(
        self, value: dict[str, JsonValue], field: FieldShape, source: RecordPath, path: RecordPath
    ) -> JsonValue:
        if field.model and not field.is_list:
            inner = self.into(field.model, _kind_of(source), source, path)
            return inner if without_nulls(inner) else None
        return None if field.model or field.is_list else self._as_text(value, source, path)

    def _of_list(
        self, values: list[JsonValue], field: FieldShape, source: RecordPath, path: RecordPath
    ) -> JsonValue:
        if field.model and field.is_list:
            kind = _kind_of(source)
            return [
                self.into(field.model, kind, source / index, path / index)
                for index, _ in enumerate(values)
            ]
        if field.model or not all(isinstance(item, str) for item in values):
            return None
        if not field.is_list:
            self._note(path, source / 0)
            return "\n".join(str(item) for item in values)
        for index, _ in enumerate(values):
            self._note(path / index, source / index)
        return values

    def _as_text(
        self, value: dict[str, JsonValue], source: RecordPath, path: RecordPath
    ) -> str | None:
        """A party is its name, an address one line, where the schema has only a text for it."""
        if isinstance(value.get("name"), str):
            self._note(path, source / "name")
            return str(value["name"])
        lines = value.get("lines")
        if _kind_of(source) != "address" or not isinstance(lines, list) or not lines:
            return None
        self._note(path, source / "lines" / 0)
        town = " ".join(str(value[part]) for part in ("postcode", "city") if value.get(part))
        return ", ".join(str(part) for part in (*lines, town, value.get("country")) if part)

    def _note(self, path: RecordPath, source: RecordPath) -> None:
        self.sources[str(path)] = str(source)


def _kind_of(source: RecordPath) -> str:
    return kind_of(".".join(source.names))


def _remove(record: dict[str, JsonValue], sources: dict[str, str], place: RecordPath) -> None:
    """Takes a refused value out of the record. Items of lists stay, so that paths stay right."""
    if place.steps and isinstance(place.steps[-1], str):
        place.set(record, None)
        for known in [known for known in sources if RecordPath.parse(known).is_within(place)]:
            del sources[known]
