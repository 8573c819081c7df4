"""An inline schema in flows.yaml: `fields:` with types, descriptions and nested fields."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from schemas.flow.spec import Name, Spec

FieldType = Literal["string", "integer", "number", "decimal", "date", "boolean", "list"]


def _is_short_form(value: object) -> str:
    return "short" if isinstance(value, str) else "long"


FieldEntry = Annotated[
    Annotated["FieldSpec", Tag("long")] | Annotated[FieldType, Tag("short")],
    Discriminator(_is_short_form),
]
"""A field of an inline schema: settings, or only its type as in `total: decimal`."""


class FieldSpec(Spec):
    """One field of an inline schema."""

    type: Literal["string", "integer", "number", "decimal", "date", "boolean", "list", "object"] = (
        Field("string", description="Type of the value; `list` and `object` take `fields`.")
    )
    description: str | None = Field(
        None, description="What the value is, in the words printed on the document."
    )
    optional: bool = Field(False, description="A document without this value needs no review.")
    fields: dict[Name, FieldEntry] | None = Field(
        None,
        min_length=1,
        description="Fields of an object or of each list item; a list without fields holds "
        "strings.",
    )

    @model_validator(mode="after")
    def _nested_fields_fit_the_type(self) -> "FieldSpec":
        if self.fields is not None and self.type not in ("list", "object"):
            raise ValueError(f"only `list` and `object` have fields, not `{self.type}`")
        if self.fields is None and self.type == "object":
            raise ValueError("an object needs `fields`")
        return self
