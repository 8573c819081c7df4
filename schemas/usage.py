"""Usage: tokens and money spent.

Budgets are in `schemas.flow.BudgetSpec`.
"""

from pydantic import BaseModel, ConfigDict

NANO_PER_UNIT = 1_000_000_000  # money is counted in whole nano-dollars, so that sums are exact


class Usage(BaseModel):
    """Spent by one call, one document or one run. `cost_nano` is None when a model's price is
    unknown: never a guess of 0."""

    model_config = ConfigDict(frozen=True)

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_nano: int | None = 0
    cache_hits: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def cost(self) -> float | None:
        """US dollars, for people; sums are made in `cost_nano`."""
        return None if self.cost_nano is None else self.cost_nano / NANO_PER_UNIT

    def __add__(self, other: "Usage") -> "Usage":
        known = self.cost_nano is not None and other.cost_nano is not None
        return Usage(
            requests=self.requests + other.requests,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cost_nano=(self.cost_nano or 0) + (other.cost_nano or 0) if known else None,
            cache_hits=self.cache_hits + other.cache_hits,
        )
