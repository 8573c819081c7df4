"""The fields of a pydantic model: what each is called in a record, and what it holds."""

import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import AliasChoices, AliasPath, BaseModel
from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class FieldShape:
    """One field. `model` is the model it holds, itself or in a list; the first one of a union."""

    name: str
    key: str  # its name in a record
    info: FieldInfo

    @property
    def annotation(self) -> Any:
        return self.info.annotation

    @property
    def description(self) -> str | None:
        return self.info.description

    @property
    def required(self) -> bool:
        return self.info.is_required()

    @property
    def alias(self) -> str | None:
        """The key, where the user gave the field another one than its name."""
        return self.key if self.key != self.name else None

    @property
    def names(self) -> tuple[str, ...]:
        """Every name it has, that of the record first."""
        return tuple(dict.fromkeys((self.key, self.name)))

    @property
    def is_list(self) -> bool:
        return any(is_list(option) for option in alternatives(self.annotation))

    @property
    def model(self) -> type[BaseModel] | None:
        return next(
            (held for option in alternatives(self.annotation) if (held := model_of(option))), None
        )

    @property
    def group(self) -> type[BaseModel] | None:
        """The model that the field always holds when it is there: no list, no null, no choice."""
        return self.annotation if is_model(self.annotation) else None

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        """All models that the field can hold, also as values of a mapping."""
        return tuple(_models_in(self.annotation))


@cache
def fields_of(schema: type[BaseModel]) -> tuple[FieldShape, ...]:
    """In the order of the schema."""
    return tuple(
        FieldShape(name, _key(name, info), info) for name, info in schema.model_fields.items()
    )


def _key(name: str, info: FieldInfo) -> str:
    """The first alias that is one key. Where every alias is a path into other data, the name."""
    paths = _alias_paths(info)
    return next((str(path[0]) for path in paths if len(path) == 1), name)


def _alias_paths(info: FieldInfo) -> list[tuple[str | int, ...]]:
    """What pydantic reads the field from; it sets `validation_alias` for a plain `alias` too."""
    alias = info.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return [
        tuple(choice.path) if isinstance(choice, AliasPath) else (choice,)
        for choice in choices
        if choice is not None
    ]


@cache
def keys_by_alias_path(schema: type[BaseModel]) -> Mapping[tuple[str | int, ...], str]:
    """Keys of fields, here and in nested models, that pydantic reports under an alias path.

    A record has such a field under its key; a schema accepts that only by name.
    """
    keys: dict[tuple[str | int, ...], str] = {}
    seen: set[type[BaseModel]] = set()
    waiting = [schema]
    while waiting:
        model = waiting.pop()
        if model in seen:
            continue
        seen.add(model)
        for field in fields_of(model):
            paths = _alias_paths(field.info)
            if paths and paths[0] != (field.key,):
                keys[paths[0]] = field.key
            waiting += field.models
    return keys


def without_annotated(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def is_optional(annotation: Any) -> bool:
    """Whether null is one of its values."""
    annotation = without_annotated(annotation)
    return is_union(annotation) and any(
        option is types.NoneType or is_optional(option) for option in get_args(annotation)
    )


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The types that a value can have, without `None`; one of a type that is no union."""
    annotation = without_annotated(annotation)
    if not is_union(annotation):
        return () if annotation is types.NoneType else (annotation,)
    return tuple(found for option in get_args(annotation) for found in alternatives(option))


def is_list(annotation: Any) -> bool:
    """Whether a record has a list for it: list, tuple, set, Sequence and the like."""
    kind = get_origin(annotation) or annotation
    return (
        isinstance(kind, type)
        and issubclass(kind, Collection)
        and not issubclass(kind, Mapping | str | bytes | bytearray)
        and not is_model(kind)
    )


def item_of(annotation: Any) -> Any:
    """The type of a list's items; None where the list does not say."""
    return next((each for each in get_args(annotation) if each is not Ellipsis), None)


def is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The model that a type is, or that its list holds."""
    if is_list(annotation):
        options = alternatives(item_of(annotation))
        return next((option for option in options if is_model(option)), None)
    return annotation if is_model(annotation) else None


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if is_model(annotation):
        yield annotation
        return
    if get_origin(annotation) is Literal:
        return
    for argument in get_args(annotation):
        yield from _models_in(argument)
