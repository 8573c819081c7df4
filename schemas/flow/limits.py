"""Settings for limits: budgets, retries, timeouts and concurrency."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.flow.spec import PositiveInt, Spec, Timezone


class RetrySpec(Spec):
    """How often an answer that may still come is asked for again. Rate-limit waits do not count."""

    attempts: Annotated[int, Field(ge=1, le=20)] = Field(5, description="Attempts of one call.")
    max_wait_seconds: Annotated[float, Field(gt=0)] = Field(
        60.0, description="Longest wait between two attempts."
    )
    document_attempts: Annotated[int, Field(ge=1, le=20)] = Field(
        3, description="Runs that try a failed document again by themselves."
    )
    document_seconds: Annotated[float, Field(gt=0)] = Field(
        3_600.0, description="Time for all calls of one document, waits included."
    )


class ConcurrencySpec(Spec):
    documents: Annotated[int, Field(ge=1, le=256)] = Field(
        4, description="Documents worked on at one time."
    )
    pages: Annotated[int, Field(ge=1, le=512)] = Field(
        16, description="Pages worked on at one time, over all documents."
    )


class OnExceeded(StrEnum):
    STOP = "stop"
    DEFER = "defer"
    LOCAL = "local"


class BudgetSpec(Spec):
    """What a flow may spend in a window. A call counts in the window in which it was sent."""

    tokens: PositiveInt | None = Field(None, description="Input plus output tokens.")
    cost: Decimal | None = Field(None, gt=0, strict=False, description="USD.")
    per: Literal["run", "day", "month", "total"] = Field("run", description="Window of the budget.")
    timezone: Timezone = Field("UTC", description="Where a day and a month begin.")
    on_exceeded: OnExceeded = Field(
        OnExceeded.STOP,
        strict=False,
        description="stop: end the run; defer: the next window's run goes on; local: finish with "
        "the "
        "local engine.",
    )
    warn_at: Annotated[float, Field(gt=0, le=1)] = Field(
        0.8, description="Part of the budget at which a warning is given, once."
    )

    @model_validator(mode="after")
    def _limits_something(self) -> "BudgetSpec":
        if self.tokens is None and self.cost is None:
            raise ValueError("give `tokens`, `cost` or both")
        return self


class CacheSpec(Spec):
    keep_days: PositiveInt | None = Field(
        None,
        description="Stored answers older than this are removed at the start of a run; null keeps "
        "them.",
    )
