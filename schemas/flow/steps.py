"""The steps that a flow may name, and the settings of each."""

import inspect
import re
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    SerializeAsAny,
    TypeAdapter,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

# FieldEntry names FieldSpec
from schemas.flow.inline_fields import FieldEntry, FieldSpec  # noqa: F401
from schemas.flow.page_selection import parse_page_selection
from schemas.flow.spec import EnvironmentName, Name, PositiveInt, Spec


class EinvoiceSettings(Spec):
    """Read e-invoice XML, embedded or bare (Factur-X, ZUGFeRD, XRechnung, UBL): exact and free."""


class RenderSettingsSpec(Spec):
    """Open the document and apply limits and page selection.

    Images are made later, when a step needs them.
    """

    max_side_px: Literal["auto"] | Annotated[int, Field(ge=64, le=10_000)] = Field(
        "auto",
        description="Longest side of a page image, in pixels; auto: the largest that the model "
        "can use.",
    )
    pages: str | None = Field(
        None,
        description='Pages to read, such as "1-3,last"; "5-" means to the end. Pages left out are '
        "reported as a finding.",
    )
    max_pages: PositiveInt | None = Field(
        None, description="Maximum pages to read; pages left out are reported as a finding."
    )
    page_limit: PositiveInt = Field(5_000, description="A document with more pages fails.")
    max_megapixels: PositiveInt = Field(
        200, description="An image with more megapixels in one frame fails."
    )
    page_seconds: Annotated[float, Field(gt=0)] = Field(
        30.0, description="Maximum seconds to render one page."
    )
    document_seconds: Annotated[float, Field(gt=0)] = Field(
        1_800.0, description="Maximum seconds to render all pages of one document."
    )
    memory_mb: Annotated[int, Field(ge=256)] = Field(
        2_000, description="Memory limit of one worker process, in MB (enforced on Linux)."
    )
    passwords_env: EnvironmentName | None = Field(
        None,
        description="Name of an environment variable with passwords for encrypted PDFs, one per "
        "line.",
    )
    passwords_file: str | None = Field(
        None,
        description="File with passwords for encrypted PDFs, one per line, relative to flows.yaml.",
    )

    @field_validator("pages", mode="before")
    @classmethod
    def _one_page_may_be_a_number(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("pages")
    @classmethod
    def _pages_are_a_selection(cls, value: str | None) -> str | None:
        if value is not None:
            parse_page_selection(value)
        return value


class ExtractSettings(Spec):
    """Read the text of each page.

    By a vision model, or by the local engine from the text layer or by OCR.
    """

    model: Name = Field("vision", description="Role of the model (see `models:`).")
    prompt: str | None = Field(
        None, description="File with your own prompt, relative to flows.yaml."
    )
    max_tokens: PositiveInt = Field(4_096, description="Maximum tokens of the answer for one page.")
    temperature: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="Sampling temperature."
    )
    images_per_request: Annotated[int, Field(ge=1, le=8)] = Field(
        1, description="Pages per request."
    )


class SummariseSettings(Spec):
    """Combine the text of all pages into one record of a schema."""

    model: Name = Field("text", description="Role of the model (see `models:`).")
    schema_: str | None = Field(
        None,
        alias="schema",
        description="`path.py:Class` relative to flows.yaml, or `package.module:Class`.",
    )
    fields: dict[Name, FieldEntry] | None = Field(
        None, min_length=1, description="Inline schema, instead of `schema`."
    )
    prompt: str | None = Field(
        None, description="File with your own prompt, relative to flows.yaml."
    )
    max_tokens: PositiveInt = Field(4_096, description="Maximum tokens of the answer.")
    temperature: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="Sampling temperature."
    )

    @model_validator(mode="after")
    def _exactly_one_schema(self) -> "SummariseSettings":
        if (self.schema_ is None) == (self.fields is None):
            raise ValueError("give either `schema` or `fields`")
        return self


class CheckSettings(Spec):
    """Validate the record and apply the rules; a violation means `needs_review`."""

    review_below: Annotated[float, Field(ge=0, le=1)] = Field(
        0.8,
        description="Required values below this confidence need a review; others get a note.",
    )


class WriteSettings(Spec):
    """Where records are written. Paths are relative to flows.yaml; `--out DIR` replaces them."""

    jsonl: str | None = Field(None, description="JSON Lines file with one line per document.")
    csv: str | None = Field(
        None, description="CSV file with one row per document; nested fields are dotted columns."
    )
    json_: str | None = Field(
        None, alias="json", description="Folder with one JSON file per document."
    )

    def paths(self, flow: str) -> dict[str, str]:
        """Path of each kind of output, relative to flows.yaml. `write: {}` stands for all kinds."""
        named = {"jsonl": self.jsonl, "csv": self.csv, "json": self.json_}
        given = {kind: path for kind, path in named.items() if path}
        return given or {
            "jsonl": f"out/{flow}.jsonl",
            "csv": f"out/{flow}.csv",
            "json": f"out/{flow}",
        }


CUSTOM_STEP_PATTERN = r"^[^:]+\.py:[A-Za-z_][A-Za-z0-9_]*$"


STEP_SETTINGS: dict[str, type[Spec]] = {
    "einvoice": EinvoiceSettings,
    "render": RenderSettingsSpec,
    "extract": ExtractSettings,
    "summarise": SummariseSettings,
    "check": CheckSettings,
    "write": WriteSettings,
}
"""The steps a flow may name, in their only valid order.

`path.py:function` steps go between any two of them.
"""


CustomSettings = dict[str, JsonValue]


class StepSpec(Spec):
    """One entry of `steps:`, written `name: {settings}`; `name` alone is short for `name: {}`."""

    name: str
    settings: SerializeAsAny[Spec] | CustomSettings  # a dict only for a step of the user's own

    @model_validator(mode="before")
    @classmethod
    def _from_entry(cls, value: Any) -> Any:
        if isinstance(value, cls) or (
            isinstance(value, dict) and isinstance(value.get("settings"), Spec)
        ):
            return value  # made in Python
        entry = {value: None} if isinstance(value, str) else value
        if not isinstance(entry, dict):
            raise PydanticCustomError("step_form", "must be a step such as `- render: {{}}`")
        if len(entry) != 1:
            names = [
                name
                for name in entry
                if name in STEP_SETTINGS or re.match(CUSTOM_STEP_PATTERN, str(name))
            ]
            raise PydanticCustomError(
                "step_names",
                "must be one name with its settings",
                {"names": list(entry), "steps": names},
            )
        name = next(iter(entry))
        kind: Any = STEP_SETTINGS.get(
            name, CustomSettings if re.match(CUSTOM_STEP_PATTERN, name) else None
        )
        if kind is None:
            raise PydanticCustomError(
                "unknown_step", "unknown step", {"name": name, "known": list(STEP_SETTINGS)}
            )
        settings = {} if entry[name] is None else entry[name]
        return {
            "name": name,
            "settings": TypeAdapter(dict[str, kind]).validate_python({name: settings})[name],
        }

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        entries = {
            name: {
                "anyOf": [handler(kind.__pydantic_core_schema__), {"type": "null"}],
                "description": inspect.getdoc(kind),
            }
            for name, kind in STEP_SETTINGS.items()
        }
        mapping = {
            "type": "object",
            "properties": entries,
            "patternProperties": {
                CUSTOM_STEP_PATTERN: {
                    "type": ["object", "null"],
                    "description": "A step of your own, with its settings.",
                }
            },
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }
        name = {
            "anyOf": [
                {"type": "string", "enum": list(STEP_SETTINGS)},
                {"type": "string", "pattern": CUSTOM_STEP_PATTERN},
            ]
        }
        return {"description": "One step: its name with its settings.", "anyOf": [mapping, name]}
