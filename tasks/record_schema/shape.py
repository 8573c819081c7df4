"""Shape of a record: any pydantic model as a tree of leaves, groups and lists.

Each leaf has its meaning.
"""

import types
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tasks.vocabulary.concepts import Meaning, ValueType, meaning_of

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
    children: list[Node] = []
    if len(within) < DEEPEST and schema not in within:
        for name, info in schema.model_fields.items():
            alias = info.validation_alias if isinstance(info.validation_alias, str) else info.alias
            children.append(
                _node(alias or name, (*path, name), info.annotation, info, (*within, schema))
            )
    return Group(key, path, tuple(children), optional)


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
    key: str, path: tuple[str, ...], annotation: Any, info: FieldInfo, within: tuple[type, ...]
) -> Node:
    inner, optional = _without_none(annotation)
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return shape_of(inner, key, path, optional=optional, within=within)
    origin = get_origin(inner)
    if inner in (list, tuple, set, frozenset) or (
        isinstance(origin, type)
        and issubclass(origin, Collection)
        and not issubclass(origin, Mapping)
    ):
        arguments = [a for a in get_args(inner) if a is not Ellipsis]
        return Listed(
            key,
            path,
            _item(key, path, arguments[0], info, within)
            if arguments and origin is not Literal
            else None,
        )
    return _leaf(key, path, inner, info)


def _item(
    key: str, path: tuple[str, ...], annotation: Any, info: FieldInfo, within: tuple[type, ...]
) -> Leaf | Group | None:
    node = _node(key, path, annotation, info, within)
    return None if isinstance(node, Listed) else node


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """The annotation without `Annotated` and `None`; of several types the first that this engine
    can fill."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        arguments = [a for a in get_args(annotation) if a is not types.NoneType]
        first = next((a for a in arguments if a is not str), arguments[0] if arguments else str)
        return _without_none(first)[0], len(arguments) < len(get_args(annotation))
    return annotation, False


def _leaf(key: str, path: tuple[str, ...], annotation: Any, info: FieldInfo) -> Leaf:
    choices: tuple[str | int | bool, ...] = ()
    value_type: ValueType = "str"
    if get_origin(annotation) is Literal:
        choices, value_type = tuple(get_args(annotation)), "choice"
    elif isinstance(annotation, type):
        if issubclass(annotation, Enum):
            choices, value_type = tuple(member.value for member in annotation), "choice"
        else:
            table: Sequence[tuple[type, ValueType]] = (
                (datetime, "datetime"),
                (date, "date"),
                (bool, "bool"),
                (Decimal, "decimal"),
                (float, "float"),
                (int, "int"),
            )
            value_type = next((name for kind, name in table if issubclass(annotation, kind)), "str")
    if isinstance(annotation, type) and issubclass(annotation, Mapping | AbstractSet | bytes):
        return Leaf(key, path, "str", Meaning("nothing", "unknown"))
    alias = info.validation_alias if isinstance(info.validation_alias, str) else info.alias
    meaning = meaning_of(
        path,
        "str" if value_type == "choice" else value_type,
        alias=alias,
        title=info.title,
        description=info.description,
    )
    return Leaf(key, path, value_type, meaning, choices)
