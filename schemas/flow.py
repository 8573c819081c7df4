"""What flows.yaml may say. These models are the reference: they make the JSON Schema, the docs page and the error messages.

A key is here only when it takes effect. Nothing in this file reads a file; `pipelines.loading` does.
"""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    SerializeAsAny,
    Tag,
    TypeAdapter,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from schemas.deployment import DeploymentSpec, NotifySpec, ScaleSpec, WatchSpec
from schemas.limits import BudgetSpec as BudgetSpec  # noqa: PLC0414 - exported on purpose: this file is the reference
from schemas.limits import CacheSpec as CacheSpec  # noqa: PLC0414
from schemas.limits import ConcurrencySpec as ConcurrencySpec  # noqa: PLC0414
from schemas.limits import OnExceeded as OnExceeded  # noqa: PLC0414
from schemas.limits import RetrySpec as RetrySpec  # noqa: PLC0414
from schemas.pages import parse_page_selection
from schemas.spec import ENVIRONMENT_PATTERN as ENVIRONMENT_PATTERN  # noqa: PLC0414
from schemas.spec import NAME_PATTERN as NAME_PATTERN  # noqa: PLC0414
from schemas.spec import URL_PATTERN as URL_PATTERN  # noqa: PLC0414
from schemas.spec import EndpointUrl
from schemas.spec import EnvironmentName as EnvironmentName  # noqa: PLC0414
from schemas.spec import Name as Name  # noqa: PLC0414
from schemas.spec import PositiveInt as PositiveInt  # noqa: PLC0414
from schemas.spec import Spec as Spec  # noqa: PLC0414


class ProviderLimits(Spec):
    """What a provider lets us send. All calls of a process share them; a rate-limit answer lowers the pace further."""

    requests_per_second: Annotated[float, Field(gt=0)] | None = Field(None, description="Requests started per second, at most.")
    tokens_per_minute: PositiveInt | None = Field(None, description="Input plus output tokens per minute, at most.")
    concurrency: Annotated[int, Field(ge=1, le=512)] = Field(32, description="Requests in flight at one time, at most.")


class ProviderSpec(Spec):
    """An HTTP endpoint that speaks Mistral's chat completions (Mistral, Azure AI, vLLM, ...)."""

    base_url: EndpointUrl = Field("https://api.mistral.ai/v1", description="URL up to and with `/v1`.")
    api_key_env: EnvironmentName | None = Field(
        "MISTRAL_API_KEY", description="Name of the environment variable that holds the key; null for an endpoint without keys."
    )
    limits: ProviderLimits = Field(ProviderLimits(), description="Requests, tokens and concurrency allowed.")
    connect_timeout_seconds: Annotated[float, Field(gt=0)] = Field(10.0, description="Time to reach the endpoint.")
    read_timeout_seconds: Annotated[float, Field(gt=0)] = Field(300.0, description="Time without a byte of an answer.")


class ModelSpec(Spec):
    """Price and image rule of a model that the built-in catalogue does not know, or gets wrong."""

    input_per_million: Decimal | None = Field(None, ge=0, strict=False, description="USD per million input tokens.")
    output_per_million: Decimal | None = Field(None, ge=0, strict=False, description="USD per million output tokens.")
    image_tokens_max: PositiveInt | None = Field(
        None, description="Tokens of one image, at most; needed to run an uncatalogued model under a budget."
    )
    max_side_px: PositiveInt | None = Field(None, description="Longest useful side of a page image.")
    context_tokens: PositiveInt | None = Field(None, description="Input plus output tokens of one call, at most.")


DOCUMENT_PATTERNS = tuple(
    f"*.{suffix}"
    for suffix in (
        *("pdf", "png", "jpg", "jpeg", "tif", "tiff", "webp", "gif", "bmp", "xml", "avif", "heic", "heif"),
        *("jp2", "tga", "psd", "sgi", "fli", "ppm", "pgm", "pbm", "pcx", "dib", "ico"),
    )
)
"""Names that documents usually have. What a file really is, its content tells."""


class FolderSource(Spec):
    """Files of a folder."""

    folder: str = Field(description="Folder to read, relative to flows.yaml.")
    match: tuple[str, ...] = Field(
        DOCUMENT_PATTERNS, min_length=1, strict=False, description="Glob patterns of names to take; case does not matter."
    )
    recursive: bool = Field(False, description="Also look into sub-folders.")


class EinvoiceSettings(Spec):
    """Read embedded or bare e-invoice XML (Factur-X, ZUGFeRD, XRechnung, UBL): exact and free."""


class RenderSettingsSpec(Spec):
    """Open the document, apply limits and page selection. Images are made later, when a step asks for them."""

    max_side_px: Literal["auto"] | Annotated[int, Field(ge=64, le=10_000)] = Field(
        "auto", description="Longest side of a page image; auto: what the model can use."
    )
    pages: str | None = Field(None, description='Pages to take, such as "1-3,last"; "5-" means to the end. What is left out is a finding.')
    max_pages: PositiveInt | None = Field(None, description="Take at most so many pages; the rest is a finding.")
    page_limit: PositiveInt = Field(5_000, description="A document with more pages is refused.")
    max_megapixels: PositiveInt = Field(200, description="An image frame with more pixels is refused.")
    page_seconds: Annotated[float, Field(gt=0)] = Field(30.0, description="Time for one page.")
    document_seconds: Annotated[float, Field(gt=0)] = Field(1_800.0, description="Time for all page work of one document.")
    memory_mb: Annotated[int, Field(ge=256)] = Field(2_000, description="Memory of one worker process (enforced on Linux).")
    passwords_env: EnvironmentName | None = Field(
        None, description="Name of an environment variable with passwords for encrypted PDFs, one a line."
    )
    passwords_file: str | None = Field(None, description="File with passwords for encrypted PDFs, one a line, relative to flows.yaml.")

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
    """Read the text of each page: by a vision model, or by the local engine from the text layer or OCR."""

    model: Name = Field("vision", description="Role of the model (see `models:`).")
    prompt: str | None = Field(None, description="File with a prompt of one's own, relative to flows.yaml.")
    max_tokens: PositiveInt = Field(4_096, description="Longest answer for one page, in tokens.")
    temperature: Annotated[float, Field(ge=0, le=1)] = Field(0.0, description="Sampling temperature.")
    images_per_request: Annotated[int, Field(ge=1, le=8)] = Field(1, description="Pages sent in one request.")


FieldType = Literal["string", "integer", "number", "decimal", "date", "boolean", "list"]


def _is_short_form(value: object) -> str:
    return "short" if isinstance(value, str) else "long"


FieldEntry = Annotated[Annotated["FieldSpec", Tag("long")] | Annotated[FieldType, Tag("short")], Discriminator(_is_short_form)]
"""A field of an inline schema: settings, or only its type as in `total: decimal`."""


class FieldSpec(Spec):
    """One field of an inline schema."""

    type: Literal["string", "integer", "number", "decimal", "date", "boolean", "list", "object"] = Field(
        "string", description="Type of the value; list and object take `fields`."
    )
    description: str | None = Field(None, description="What the value is, in the words of the document.")
    optional: bool = Field(False, description="The document may lack it without needing a review.")
    fields: dict[Name, FieldEntry] | None = Field(
        None, min_length=1, description="Fields of an object, or of each item of a list; a list without fields holds strings."
    )

    @model_validator(mode="after")
    def _nested_fields_fit_the_type(self) -> "FieldSpec":
        if self.fields is not None and self.type not in ("list", "object"):
            raise ValueError(f"only `list` and `object` have fields, not `{self.type}`")
        if self.fields is None and self.type == "object":
            raise ValueError("an object needs `fields`")
        return self


class SummariseSettings(Spec):
    """Turn the extractions of all pages into one record of a schema."""

    model: Name = Field("text", description="Role of the model (see `models:`).")
    schema_: str | None = Field(None, alias="schema", description="`path.py:Class` relative to flows.yaml, or `package.module:Class`.")
    fields: dict[Name, FieldEntry] | None = Field(None, min_length=1, description="Inline schema, instead of `schema`.")
    prompt: str | None = Field(None, description="File with a prompt of one's own, relative to flows.yaml.")
    max_tokens: PositiveInt = Field(4_096, description="Longest answer, in tokens.")
    temperature: Annotated[float, Field(ge=0, le=1)] = Field(0.0, description="Sampling temperature.")

    @model_validator(mode="after")
    def _exactly_one_schema(self) -> "SummariseSettings":
        if (self.schema_ is None) == (self.fields is None):
            raise ValueError("give either `schema` or `fields`")
        return self


class CheckSettings(Spec):
    """Validate the record and apply the rules; a broken one means `needs_review`."""

    review_below: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="Confidence under which a required value asks for a review; others are only told."
    )


class WriteSettings(Spec):
    """Where records go. Paths are relative to flows.yaml; `--out DIR` puts them into DIR instead."""

    jsonl: str | None = Field(None, description="One line a document.")
    csv: str | None = Field(None, description="One row a document, dotted columns.")
    json_: str | None = Field(None, alias="json", description="Folder with one JSON file a document.")


CUSTOM_STEP_PATTERN = r"^[^:]+\.py:[A-Za-z_][A-Za-z0-9_]*$"
STEP_SETTINGS: dict[str, type[Spec]] = {
    "einvoice": EinvoiceSettings,
    "render": RenderSettingsSpec,
    "extract": ExtractSettings,
    "summarise": SummariseSettings,
    "check": CheckSettings,
    "write": WriteSettings,
}
"""The steps a flow may name, in the one order that makes sense. `path.py:function` steps go between any two of them."""


CustomSettings = dict[str, JsonValue]


class StepSpec(Spec):
    """One entry of `steps:`, in the file `name: {settings}`. `name` alone is short for `name: {}`."""

    name: str
    settings: SerializeAsAny[Spec] | CustomSettings  # a dict only for a step of the user's own

    @model_validator(mode="before")
    @classmethod
    def _from_entry(cls, value: Any) -> Any:
        if isinstance(value, cls) or (isinstance(value, dict) and isinstance(value.get("settings"), Spec)):
            return value  # made in Python
        entry = {value: None} if isinstance(value, str) else value
        if not isinstance(entry, dict):
            raise PydanticCustomError("step_form", "must be a step such as `- render: {{}}`")
        if len(entry) != 1:
            names = [name for name in entry if name in STEP_SETTINGS or re.match(CUSTOM_STEP_PATTERN, str(name))]
            raise PydanticCustomError("step_names", "must be one name with its settings", {"names": list(entry), "steps": names})
        name = next(iter(entry))
        kind: Any = STEP_SETTINGS.get(name, CustomSettings if re.match(CUSTOM_STEP_PATTERN, name) else None)
        if kind is None:
            raise PydanticCustomError("unknown_step", "unknown step", {"name": name, "known": list(STEP_SETTINGS)})
        settings = {} if entry[name] is None else entry[name]
        return {"name": name, "settings": TypeAdapter(dict[str, kind]).validate_python({name: settings})[name]}

    @classmethod
    def __get_pydantic_json_schema__(cls, _core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        entries = {
            name: {"anyOf": [handler(kind.__pydantic_core_schema__), {"type": "null"}], "description": kind.__doc__}
            for name, kind in STEP_SETTINGS.items()
        }
        mapping = {
            "type": "object",
            "properties": entries,
            "patternProperties": {
                CUSTOM_STEP_PATTERN: {"type": ["object", "null"], "description": "A step of your own, with its settings."}
            },
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }
        name = {"anyOf": [{"type": "string", "enum": list(STEP_SETTINGS)}, {"type": "string", "pattern": CUSTOM_STEP_PATTERN}]}
        return {"description": "One step: its name with its settings.", "anyOf": [mapping, name]}


class FlowSpec(Spec):
    """One entry under `flows:`; becomes one Prefect flow of the same name."""

    description: str = Field("", description="Shown by `docmill check` and in Prefect.")
    engine: Literal["mistral", "local"] = Field("mistral", description="mistral: models over HTTP; local: offline, free.")
    provider: Name = Field("mistral", description="Which of `providers:` the models are asked at.")
    source: FolderSource | None = Field(None, description="Where documents come from when the command names none.")
    steps: tuple[StepSpec, ...] = Field(min_length=1, strict=False, description="What is done with each document, in order.")
    budget: BudgetSpec | None = Field(None, description="What may be spent.")
    retry: RetrySpec = Field(RetrySpec(), description="Repeats of calls and documents.")
    cache: CacheSpec = Field(CacheSpec(), description="Stored answers.")
    concurrency: ConcurrencySpec = Field(ConcurrencySpec(), description="How much is done at one time.")
    deployments: tuple[DeploymentSpec, ...] = Field(
        (), strict=False, description="Ways to run it that `docmill deploy` registers with Prefect."
    )
    watch: WatchSpec | None = Field(
        None, description="A folder whose files are taken as they come, by `docmill watch` and `docmill serve`."
    )
    scale: ScaleSpec | None = Field(None, description="How a large run in Prefect is spread over workers.")
    fail_on: Literal["never", "needs_review", "failed"] = Field(
        "never", description="Which documents make a Prefect flow run show as failed."
    )
    notify: NotifySpec | None = Field(None, description="Who is told when a run needs a person.")

    @model_validator(mode="after")
    def _deployments_have_their_own_names(self) -> "FlowSpec":
        names = [deployment.name for deployment in self.deployments]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two deployments are named {twice[0]!r}")
        if self.scale is not None and self.scale.deployment not in names:
            raise ValueError(
                f"scale.deployment {self.scale.deployment!r} is not one of this flow's deployments ({', '.join(names) or 'it has none'})"
            )
        taker = next((each for each in self.deployments if self.scale and each.name == self.scale.deployment), None)
        if taker is not None and taker.overlap is not None:
            raise ValueError(
                f"deployment {taker.name!r} takes the batches of `scale`, so it cannot have `overlap`: they would wait for each other"
            )
        return self


DEFAULT_MODELS = {
    "vision": ("pixtral-large-latest", "mistral-large-2512"),
    "text": ("mistral-large-latest",),
}


ModelIds = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False, min_length=1)]


class FlowFile(Spec):
    """The whole of flows.yaml."""

    version: Literal[1] = Field(description="Version of this format.")
    state: str | None = Field(
        None, description="Database URL; default: SQLite in .docmill/ beside flows.yaml. DOCMILL_STATE in the environment goes first."
    )
    store: str | None = Field(None, description="fsspec URL for large things; default: .docmill/store.")
    providers: dict[Name, ProviderSpec] = Field({"mistral": ProviderSpec()}, description="Endpoints.")
    models: dict[Name, ModelIds] = Field(DEFAULT_MODELS, description="Roles: model ids in order of preference.")
    catalogue: dict[str, ModelSpec] = Field({}, description="Prices and image rules of models, over the built-in table.")
    flows: dict[Name, FlowSpec] = Field(min_length=1, description="The flows.")

    @field_validator("state", "store")
    @classmethod
    def _holds_no_password(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).password:
            raise ValueError(
                "holds a password; secrets are named, never written: set DOCMILL_STATE (the whole URL) in the environment or in .env"
            )
        return value
