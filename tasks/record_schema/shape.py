"""Shape of a record: any pydantic model as a tree of leaves, groups and lists.

Each leaf has its meaning.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from tasks.record_schema.fields import (
    FieldShape,
    alternatives,
    fields_of,
    is_list,
    is_model,
    is_optional,
    item_of,
)
from tasks.vocabulary.concepts import Meaning, ValueType, meaning_of
from tasks.vocabulary.terms import FieldName

DEEPEST = 5  # models nested deeper, or in themselves, are left empty


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value. `key` is its name in the record (the alias, where there is one)."""

    key: str
    path: tuple[str, ...]
    type: ValueType
    meaning: Meaning
    choices: tuple[str | int | bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A nested model. An `optional` one is null when nothing in it was found."""

    key: str
    path: tuple[str, ...]
    children: tuple["Leaf | Group | Listed", ...]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of values or of models."""

    key: str
    path: tuple[str, ...]
    item: "Leaf | Group | None"  # None: nothing this engine can fill


Node = Leaf | Group | Listed


def shape_of(
    schema: type[BaseModel],
    key: str = "",
    path: tuple[str, ...] = (),
    *,
    optional: bool = False,
    within: tuple[type, ...] = (),
) -> Group:
    """The tree of a model's fields."""
    children: tuple[Node, ...] = ()
    if len(within) < DEEPEST and schema not in within:
        children = tuple(
            _node(field, (*path, field.name), field.annotation, (*within, schema))
            for field in fields_of(schema)
        )
    return Group(key, path, children, optional)


def leaves_of(node: Node | None) -> list[Leaf]:
    """All leaves below a node, also those inside lists."""
    if node is None:
        return []
    if isinstance(node, Leaf):
        return [node]
    if isinstance(node, Listed):
        return leaves_of(node.item)
    return [leaf for child in node.children for leaf in leaves_of(child)]


def _node(
    field: FieldShape, path: tuple[str, ...], annotation: Any, within: tuple[type, ...]
) -> Node:
    inner = _likeliest(annotation)
    if is_model(inner):
        optional = is_optional(annotation)
        return shape_of(inner, field.key, path, optional=optional, within=within)
    if is_list(inner):
        item = item_of(inner)
        node = None if item is None else _node(field, path, item, within)
        return Listed(field.key, path, None if isinstance(node, Listed) else node)
    return _leaf(field, path, inner)


def _likeliest(annotation: Any) -> Any:
    """Of several types the first that this engine can fill; a text says least."""
    options = alternatives(annotation)
    return next((each for each in options if each is not str), options[0] if options else str)


def _value_type(annotation: Any) -> tuple[ValueType, tuple[str | int | bool, ...]]:
    """The type of a plain value, and its choices."""
    if get_origin(annotation) is Literal:
        return "choice", tuple(get_args(annotation))
    if not isinstance(annotation, type):
        return "str", ()
    if issubclass(annotation, Enum):
        return "choice", tuple(member.value for member in annotation)
    table: Sequence[tuple[type, ValueType]] = (
        (datetime, "datetime"),
        (date, "date"),
        (bool, "bool"),
        (Decimal, "decimal"),
        (float, "float"),
        (int, "int"),
    )
    return next((name for kind, name in table if issubclass(annotation, kind)), "str"), ()


def name_of(field: FieldShape) -> FieldName:
    """What the vocabulary has to know about a field."""
    value_type = _value_type(_likeliest(field.annotation))[0]
    return FieldName(
        field.name,
        "str" if field.model or field.is_list or value_type == "choice" else value_type,
        "list" if field.model and field.is_list else "object" if field.model else "value",
        field.alias,
        field.info.title,
        field.description,
    )


def names_in(
    schema: type[BaseModel], at: tuple[str, ...] = (), within: tuple[type, ...] = ()
) -> dict[tuple[str, ...], FieldName]:
    """Every field by the keys that lead to it in a record."""
    found: dict[tuple[str, ...], FieldName] = {}
    if len(within) >= DEEPEST or schema in within:
        return found
    for field in fields_of(schema):
        path = (*at, field.key)
        found[path] = name_of(field)
        if field.model:
            found |= names_in(field.model, path, (*within, schema))
    return found


def _leaf(field: FieldShape, path: tuple[str, ...], annotation: Any) -> Leaf:
    value_type, choices = _value_type(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Mapping | bytes):
        return Leaf(field.key, path, "str", Meaning("nothing", "unknown"))
    meaning = meaning_of(
        path,
        "str" if value_type == "choice" else value_type,
        alias=field.alias,
        title=field.info.title,
        description=field.description,
    )
    return Leaf(field.key, path, value_type, meaning, choices)
