"""Schema for the model: the same fields, all nullable, so that nothing pushes it to invent.

`schema_for_model` makes the JSON Schema that is sent; `nullable` the pydantic model that an answer
is read with.
"""

import functools
import json
import warnings
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ForwardRef, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from tasks.record_schema.fields import (
    FieldShape,
    fields_of,
    is_list,
    is_model,
    is_union,
    without_annotated,
)

JsonObject = dict[str, Any]
_KEPT = ("type", "format", "enum", "const", "description", "$ref", "additionalProperties")
_REQUIRED = (
    "x-required"  # marks a property on its way from the pydantic model to the `required` list
)


@functools.cache
def nullable(schema: type[BaseModel]) -> type[BaseModel]:
    """`schema` with every value optional and its constraints and validators left out: those are for
    `check`, on what was really found."""
    made: dict[type[BaseModel], type[BaseModel] | ForwardRef] = {}
    top = _nullable_model(schema, made)
    classes = {model.__name__: model for model in made.values() if isinstance(model, type)}
    for model in classes.values():
        model.model_rebuild(_types_namespace=classes)
    return top


def schema_for_model(schema: type[BaseModel]) -> JsonObject:
    """JSON Schema of `nullable(schema)`: every value nullable, no other properties, `$defs` kept,
    titles and limits left out.

    `required` are the fields that the user's schema requires; the others may be left out, which
    saves the tokens of their nulls. Decimals are JSON numbers: they are read as written, digit by
    digit, so no float comes in between. Dates are ISO 8601.
    """
    full = nullable(schema).model_json_schema(
        mode="validation", schema_generator=_DecimalsAreNumbers
    )
    definitions = {name: _for_model(part) for name, part in full.pop("$defs", {}).items()}
    top = _for_model(full)
    if "$ref" in top:  # a schema that holds itself; the top level must be an object
        top = definitions[top["$ref"].removeprefix("#/$defs/")]
    return {**top, **({"$defs": definitions} if definitions else {})}


class _DecimalsAreNumbers(GenerateJsonSchema):
    # pydantic's signature
    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:  # noqa: ARG002
        return {"type": "number"}


@functools.cache
def schema_json(schema: type[BaseModel]) -> str:
    """`schema_for_model` as compact JSON: what is sent and, byte by byte, what the budget's bound
    counts."""
    return json.dumps(schema_for_model(schema), separators=(",", ":"), ensure_ascii=False)


def _nullable_model(
    schema: type[BaseModel], made: dict[type[BaseModel], type[BaseModel] | ForwardRef]
) -> type[BaseModel]:
    taken = {
        model.__name__ if isinstance(model, type) else model.__forward_arg__
        for model in made.values()
    }
    name = schema.__name__ if schema.__name__ not in taken else f"{schema.__name__}_{len(made)}"
    made[schema] = ForwardRef(name)
    fields: dict[str, Any] = {}
    keys = {field.key for field in fields_of(schema) if field.alias}
    for field in fields_of(schema):
        annotation = str if field.annotation is None else field.annotation
        fields[field.name] = (_or_none(_nullable_type(annotation, made)), _nullable_field(field))
    config = ConfigDict(
        extra="ignore",
        coerce_numbers_to_str=True,
        populate_by_name=keys.isdisjoint(schema.model_fields),  # `date` may be another's alias
        protected_namespaces=(),
        arbitrary_types_allowed=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # a field called `json` or `copy` was warned of when the user's own class was made
        model: type[BaseModel] = create_model(name, __config__=config, __doc__=None, **fields)
    made[schema] = model
    return model


def _nullable_field(field: FieldShape) -> Any:
    return Field(
        default=[] if field.is_list else None,
        description=field.description,
        json_schema_extra={_REQUIRED: True} if field.required else None,
        validation_alias=field.alias,
        serialization_alias=field.alias,
    )


def _or_none(annotation: Any) -> Any:
    return Union[annotation, None]  # noqa: UP007 - a forward reference has no `|`


def _nullable_type(
    annotation: Any, made: dict[type[BaseModel], type[BaseModel] | ForwardRef]
) -> Any:
    annotation = without_annotated(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if is_union(annotation):
        # the options are only known now
        return Union[tuple(_nullable_type(option, made) for option in arguments)]  # noqa: UP007
    if is_list(annotation) and arguments:
        # a type made at run time
        return list[_nullable_type(arguments[0], made)]  # type: ignore[misc]
    if origin is dict or origin is Mapping:
        # a type made at run time
        return dict[arguments[0], _nullable_type(arguments[1], made)]  # type: ignore[misc,valid-type]
    if is_model(annotation):
        return made.get(annotation) or _nullable_model(annotation, made)
    return annotation


def _for_model(part: Any) -> Any:
    """One JSON Schema node in the form that is sent."""
    if not isinstance(part, dict):
        return part
    options = part.get("anyOf") or part.get("oneOf") or part.get("allOf")
    sent: JsonObject = {key: value for key, value in part.items() if key in _KEPT}
    if isinstance(sent.get("additionalProperties"), dict):
        sent["additionalProperties"] = _for_model(sent["additionalProperties"])
    if options:
        sent["anyOf"] = [_for_model(option) for option in options]
    if "items" in part:
        sent["items"] = _for_model(part["items"])
    if "properties" in part:
        sent["properties"] = {name: _property(child) for name, child in part["properties"].items()}
        required = [name for name, child in part["properties"].items() if child.get(_REQUIRED)]
        if required:
            sent["required"] = required
        sent["additionalProperties"] = False
    return sent


def _property(part: Any) -> Any:
    """A list is empty rather than null: one way to say that nothing was found."""
    options = part.get("anyOf", ()) if isinstance(part, dict) else ()
    kinds = [option for option in options if option.get("type") != "null"]
    if len(kinds) == 1 and kinds[0].get("type") == "array":
        part = {**{key: value for key, value in part.items() if key != "anyOf"}, **kinds[0]}
    return _for_model(part)


def read_json(text: str) -> Any:
    """JSON with numbers kept as written (Decimal), so that 12.50 stays 12.50. Raises ValueError."""
    return json.loads(text, parse_float=Decimal)
