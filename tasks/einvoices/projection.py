"""Projection of an e-invoice's values onto the user's own schema.

By field names, recursively, whatever class it is.
"""

import json
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic.fields import FieldInfo

from tasks.record_schema.nullable import nullable
from tasks.record_schema.satisfied import refusal
from tasks.rules.values import without_nulls
from tasks.vocabulary.terms import groups_terms, kind_of, terms_of

_TOKEN = re.compile(r"[^.\[\]]+")


@dataclass(slots=True)
class Projection:
    """`record` has every field of the schema, null (a list: empty) where the e-invoice has nothing;
    `sources` is record path -> invoice path.

    `fits` says whether the record satisfies the schema.
    """

    record: dict[str, JsonValue]
    sources: dict[str, str] = field(default_factory=dict)
    fits: bool = False


def project(values: Mapping[str, JsonValue], schema: type[BaseModel]) -> Projection:
    """Values that the schema's types refuse are left out, so that what remains can be trusted as
    exact."""
    sources: dict[str, str] = {}
    record = _Projector(values, sources).into(schema, "invoice", "", "")
    refused = refusal(record, schema)
    for problem in refused.errors(include_url=False, include_input=False) if refused else ():
        if problem["type"] != "missing":
            _remove(record, sources, problem["loc"])
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


def record_key(name: str, info: FieldInfo) -> str:
    """The name a field has in a record: as in the JSON Schema that models are asked to fill."""
    return info.validation_alias if isinstance(info.validation_alias, str) else name


def _terms(kind: str, name: str, info: FieldInfo) -> tuple[str, ...]:
    """By both names of a field; the one in the record says more."""
    return tuple(dict.fromkeys((*terms_of(kind, record_key(name, info)), *terms_of(kind, name))))


@dataclass(frozen=True, slots=True)
class _Projector:
    values: Mapping[str, JsonValue]  # of the whole invoice
    sources: dict[str, str]

    def into(
        self, schema: type[BaseModel], kind: str, source: str, at: str
    ) -> dict[str, JsonValue]:
        """The fields of a schema from the object at `source`, a path of the invoice; `at` is where
        they stand in the record."""
        own = {_terms(kind, name, info)[0] for name, info in schema.model_fields.items()}
        record: dict[str, JsonValue] = {}
        for name, info in schema.model_fields.items():
            key = record_key(name, info)
            path = f"{at}.{key}" if at else key
            model, _ = _model_in(info.annotation)
            if (
                model
                and groups_terms(name)
                and not self._at(f"{source}.{name}" if source else name)
            ):
                inner = self.into(model, kind, source, path)
                record[key] = inner if without_nulls(inner) else None
                continue
            likeliest, *others = _terms(kind, name, info)
            terms = (likeliest, *(other for other in others if other not in own))
            record[key] = self._first(
                [f"{source}.{term}" if source else term for term in terms], info.annotation, path
            )
        return record

    def _first(self, sources: list[str], annotation: Any, path: str) -> JsonValue:
        for source in sources:
            value = self._adapted(self._at(source), annotation, source, path)
            if value is not None:
                return value
        return [] if _model_in(annotation)[1] else None

    # one return a shape
    def _adapted(self, value: JsonValue, annotation: Any, source: str, path: str) -> JsonValue:  # noqa: PLR0911
        if value is None:
            return None
        model, is_list = _model_in(annotation)
        if isinstance(value, dict):
            if model and not is_list:
                inner = self.into(model, kind_of(_unindexed(source)), source, path)
                return inner if without_nulls(inner) else None
            return None if model or is_list else self._as_text(value, source, path)
        if isinstance(value, list):
            if model and is_list:
                kind = kind_of(_unindexed(source))
                return [
                    self.into(model, kind, f"{source}[{i}]", f"{path}[{i}]")
                    for i, _ in enumerate(value)
                ]
            if model or not all(isinstance(item, str) for item in value):
                return None
            self.sources.update(
                {f"{path}[{i}]": f"{source}[{i}]" for i, _ in enumerate(value)}
                if is_list
                else {path: f"{source}[0]"}
            )
            return value if is_list else "\n".join(str(item) for item in value)
        if model:
            return None
        self.sources[f"{path}[0]" if is_list else path] = source
        return [value] if is_list else value

    def _as_text(self, value: dict[str, JsonValue], source: str, path: str) -> str | None:
        """A party is its name, an address one line, where the schema has only a text for it."""
        if isinstance(value.get("name"), str):
            self.sources[path] = f"{source}.name"
            return str(value["name"])
        lines = value.get("lines")
        if kind_of(source) != "address" or not isinstance(lines, list) or not lines:
            return None
        self.sources[path] = f"{source}.lines[0]"
        town = " ".join(str(value[part]) for part in ("postcode", "city") if value.get(part))
        return ", ".join(str(part) for part in (*lines, town, value.get("country")) if part)

    def _at(self, path: str) -> JsonValue:
        value: JsonValue = dict(self.values)
        for token in _TOKEN.findall(path):
            value = _child(value, int(token) if isinstance(value, list) else token)
        return value


def _child(holder: JsonValue, step: int | str) -> JsonValue:
    """What a step of a path leads to; None where there is nothing."""
    if isinstance(holder, dict):
        return holder.get(str(step))
    return (
        holder[step]
        if isinstance(holder, list) and isinstance(step, int) and step < len(holder)
        else None
    )


def _unindexed(path: str) -> str:
    return re.sub(r"\[\d+\]", "", path)


def _model_in(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model that a field holds (None for a plain value), and whether it holds a list; `X |
    None` counts as X."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _model_in(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        inner = [_model_in(each) for each in get_args(annotation) if each is not type(None)]
        return next((found for found in inner if found[0] or found[1]), (None, False))
    if origin in (list, tuple, set, frozenset):
        arguments = get_args(annotation)
        return (_model_in(arguments[0])[0] if arguments else None), True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    return None, annotation in (list, tuple, set, frozenset)


def _remove(
    record: dict[str, JsonValue], sources: dict[str, str], place: tuple[int | str, ...]
) -> None:
    """Takes the value at a place of a validation error out of the record; a place that the record
    does not have is left."""
    holder: JsonValue = record
    for step in place[:-1]:
        holder = _child(holder, step)
    if place and isinstance(holder, dict) and place[-1] in holder:
        holder[str(place[-1])] = None
        path = "".join(
            f"[{step}]" if isinstance(step, int) else f".{step}" for step in place
        ).removeprefix(".")
        for known in [
            known
            for known in sources
            if known == path or known.startswith((f"{path}.", f"{path}["))
        ]:
            del sources[known]
