"""Pydantic models made from inline `fields:`.

The class is of the same kind as one from a schema file.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from schemas.flow import FieldSpec, FieldType

_PLAIN: dict[str, type] = {
    "string": str,
    "integer": int,
    "number": float,
    "decimal": Decimal,
    "date": date,
    "boolean": bool,
}


def inline_model(name: str, fields: Mapping[str, FieldSpec | FieldType]) -> type[BaseModel]:
    """A model with `fields` in their order. A field that pydantic uses itself, such as `copy`, gets
    `_` behind its name and an alias."""
    definitions: dict[str, Any] = {}
    for field_name, entry in fields.items():
        field = FieldSpec(type=entry) if isinstance(entry, str) else entry
        annotation = _annotation(f"{name}_{field_name}", field)
        taken = hasattr(BaseModel, field_name)
        default: Any = (() if field.type == "list" else None) if field.optional else ...
        if field.optional and field.type != "list":
            annotation = annotation | None
        info = Field(default, description=field.description, alias=field_name if taken else None)
        definitions[f"{field_name}_" if taken else field_name] = (annotation, info)
    config = ConfigDict(
        frozen=True, protected_namespaces=(), validate_by_name=True, validate_by_alias=True
    )
    return create_model(name, __config__=config, **definitions)


def _annotation(name: str, field: FieldSpec) -> Any:
    if field.type == "list":
        item = inline_model(name, field.fields) if field.fields else str
        return tuple[item, ...]  # type: ignore[valid-type]  # the item type is made at run time
    if field.type == "object":
        return inline_model(name, field.fields or {})
    return _PLAIN[field.type]
