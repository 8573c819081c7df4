"""Settings for model endpoints and for models missing from the catalogue."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from schemas.flow.spec import EndpointUrl, EnvironmentName, PositiveInt, Spec


class ProviderLimits(Spec):
    """What a provider lets us send. All calls of a process share them; a rate-limit answer lowers
    the pace further."""

    requests_per_second: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Requests started per second, at most."
    )
    tokens_per_minute: PositiveInt | None = Field(
        None, description="Input plus output tokens per minute, at most."
    )
    concurrency: Annotated[int, Field(ge=1, le=512)] = Field(
        32, description="Requests in flight at one time, at most."
    )


class ProviderSpec(Spec):
    """An HTTP endpoint that speaks Mistral's chat completions (Mistral, Azure AI, vLLM, ...)."""

    base_url: EndpointUrl = Field(
        "https://api.mistral.ai/v1", description="URL up to and with `/v1`."
    )
    api_key_env: EnvironmentName | None = Field(
        "MISTRAL_API_KEY",
        description="Name of the environment variable that holds the key; null for an endpoint "
        "without "
        "keys.",
    )
    limits: ProviderLimits = Field(
        ProviderLimits(), description="Requests, tokens and concurrency allowed."
    )
    connect_timeout_seconds: Annotated[float, Field(gt=0)] = Field(
        10.0, description="Time to reach the endpoint."
    )
    read_timeout_seconds: Annotated[float, Field(gt=0)] = Field(
        300.0, description="Time without a byte of an answer."
    )


class ModelSpec(Spec):
    """Price and image rule of a model that the built-in catalogue does not know, or gets wrong."""

    input_per_million: Decimal | None = Field(
        None, ge=0, strict=False, description="USD per million input tokens."
    )
    output_per_million: Decimal | None = Field(
        None, ge=0, strict=False, description="USD per million output tokens."
    )
    image_tokens_max: PositiveInt | None = Field(
        None,
        description="Tokens of one image, at most; needed to run an uncatalogued model under a "
        "budget.",
    )
    max_side_px: PositiveInt | None = Field(
        None, description="Longest useful side of a page image."
    )
    context_tokens: PositiveInt | None = Field(
        None, description="Input plus output tokens of one call, at most."
    )
