"""Settings for model endpoints and for models missing from the catalogue."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from schemas.flow.spec import EndpointUrl, EnvironmentName, PositiveInt, Spec


class ProviderLimits(Spec):
    """Limits that the provider sets. All calls of a process share them.

    A rate-limit response lowers the pace further.
    """

    requests_per_second: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Maximum requests started per second."
    )
    tokens_per_minute: PositiveInt | None = Field(
        None, description="Maximum input plus output tokens per minute."
    )
    concurrency: Annotated[int, Field(ge=1, le=512)] = Field(
        32, description="Maximum concurrent requests."
    )


class ProviderSpec(Spec):
    """An HTTP endpoint with Mistral's chat completions API (Mistral, Azure AI, vLLM, ...)."""

    base_url: EndpointUrl = Field(
        "https://api.mistral.ai/v1", description="URL up to and including `/v1`."
    )
    api_key_env: EnvironmentName | None = Field(
        "MISTRAL_API_KEY",
        description="Name of the environment variable that holds the API key; null if the endpoint "
        "needs none.",
    )
    limits: ProviderLimits = Field(ProviderLimits(), description="Rate and concurrency limits.")
    connect_timeout_seconds: Annotated[float, Field(gt=0)] = Field(
        10.0, description="Maximum seconds to connect."
    )
    read_timeout_seconds: Annotated[float, Field(gt=0)] = Field(
        300.0, description="Maximum seconds without receiving any data."
    )


class ModelSpec(Spec):
    """Price and limits of a model that the built-in catalogue lacks or has wrong."""

    input_per_million: Decimal | None = Field(
        None, ge=0, strict=False, description="USD per million input tokens."
    )
    output_per_million: Decimal | None = Field(
        None, ge=0, strict=False, description="USD per million output tokens."
    )
    image_tokens_max: PositiveInt | None = Field(
        None,
        description="Maximum tokens per image; required to use a model outside the catalogue with "
        "a budget.",
    )
    max_side_px: PositiveInt | None = Field(
        None, description="Longest side of a page image that the model can use, in pixels."
    )
    context_tokens: PositiveInt | None = Field(
        None, description="Maximum input plus output tokens per call."
    )
