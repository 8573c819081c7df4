"""Settings for limits: budgets, retries, timeouts and concurrency."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.flow.spec import PositiveInt, Spec, Timezone


class RetrySpec(Spec):
    """Retries of failed model calls and documents. Waits for rate limits are not counted."""

    attempts: Annotated[int, Field(ge=1, le=20)] = Field(
        5, description="Maximum attempts per model call."
    )
    max_wait_seconds: Annotated[float, Field(gt=0)] = Field(
        60.0, description="Maximum seconds between two attempts."
    )
    document_attempts: Annotated[int, Field(ge=1, le=20)] = Field(
        3,
        description="Later runs that retry a failed document automatically.",
    )
    document_seconds: Annotated[float, Field(gt=0)] = Field(
        3_600.0, description="Maximum seconds for all model calls of one document, waits included."
    )


class ConcurrencySpec(Spec):
    """How much is processed concurrently."""

    documents: Annotated[int, Field(ge=1, le=256)] = Field(
        4, description="Documents processed concurrently."
    )
    pages: Annotated[int, Field(ge=1, le=512)] = Field(
        16, description="Pages processed concurrently, over all documents."
    )


class OnExceeded(StrEnum):
    STOP = "stop"
    DEFER = "defer"
    LOCAL = "local"


class BudgetSpec(Spec):
    """Spending limit of a flow per period. A call counts in the period in which it was sent."""

    tokens: PositiveInt | None = Field(None, description="Input plus output tokens.")
    cost: Decimal | None = Field(None, gt=0, strict=False, description="Cost in USD.")
    per: Literal["run", "day", "month", "total"] = Field(
        "run", description="Period that the budget covers."
    )
    timezone: Timezone = Field("UTC", description="Timezone in which a day and a month begin.")
    on_exceeded: OnExceeded = Field(
        OnExceeded.STOP,
        strict=False,
        description="stop: end the run; defer: leave the remaining documents to a run in the next "
        "period; local: finish with the local engine.",
    )
    warn_at: Annotated[float, Field(gt=0, le=1)] = Field(
        0.8, description="Fraction of the budget at which one warning is printed."
    )

    @model_validator(mode="after")
    def _limits_something(self) -> "BudgetSpec":
        if self.tokens is None and self.cost is None:
            raise ValueError("give `tokens`, `cost` or both")
        return self


class CacheSpec(Spec):
    """How long model answers are stored."""

    keep_days: PositiveInt | None = Field(
        None,
        description="Days to keep stored answers; older ones are removed at the start of a run. "
        "null keeps all.",
    )
