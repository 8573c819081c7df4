"""Usage of one call and of all calls of a step: low, expected and high.

In tokens and in nano-dollars.
"""

from dataclasses import dataclass, field

from schemas.usage import NANO_PER_UNIT
from tasks.models.price.catalogue import Model

TEXT_LOW, TEXT_HIGH = (
    0.8,
    1.3,
)  # of the estimated tokens of a prompt's text; those of images are exact
ANSWER_LOW, ANSWER_HIGH = 0.5, 2.0  # of the expected answer, up to `max_tokens`


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure that is not known yet. `high` is not a bound: a budget reserves more than that for
    each call."""

    low: int = 0
    expected: int = 0
    high: int = 0

    def __add__(self, other: "Spread") -> "Spread":
        return Spread(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def as_json(self) -> dict[str, int]:
        return {"low": self.low, "expected": self.expected, "high": self.high}


@dataclass(frozen=True, slots=True)
class CallEstimate:
    """One call. `may_repeat`: its answer may have to be asked for once more, which `high` counts
    in."""

    prompt: Spread
    completion: Spread
    image_tokens: int
    bound_tokens: int  # what a budget reserves for it
    bound_cost_nano: int | None

    @classmethod
    def of(
        cls,
        model: Model,
        *,
        image_tokens: int,
        text_tokens: int,
        answer_tokens: int,
        max_tokens: int,
        bound_prompt: int,
        may_repeat: bool,
    ) -> "CallEstimate":
        answer = Spread(
            min(max_tokens, round(ANSWER_LOW * answer_tokens)),
            min(max_tokens, answer_tokens),
            min(max_tokens, round(ANSWER_HIGH * answer_tokens)),
        )
        prompt = Spread(
            image_tokens + round(TEXT_LOW * text_tokens),
            image_tokens + text_tokens,
            image_tokens + round(TEXT_HIGH * text_tokens),
        )
        if may_repeat:  # the correction holds the first question and its answer
            prompt = Spread(prompt.low, prompt.expected, 2 * prompt.high + answer.high)
            answer = Spread(answer.low, answer.expected, 2 * answer.high)
        price = model.price
        bound_cost = None if price is None else price.cost_nano(bound_prompt, max_tokens)
        return cls(prompt, answer, image_tokens, bound_prompt + max_tokens, bound_cost)

    def cost_nano(self, model: Model) -> Spread | None:
        """None when the model's price is not known."""
        price = model.price
        if price is None:
            return None
        pairs = zip(self.prompt.as_json().values(), self.completion.as_json().values(), strict=True)
        return Spread(*(price.cost_nano(prompt, completion) for prompt, completion in pairs))


@dataclass(slots=True)
class StepEstimate:
    """All calls of one step at one model. `cost_nano` None: the price is not known."""

    step: str
    role: str
    model: str
    requests: int = 0
    image_tokens: int = 0
    prompt: Spread = field(default_factory=Spread)
    completion: Spread = field(default_factory=Spread)
    cost_nano: Spread | None = field(default_factory=Spread)
    widest_call: tuple[int, int] = (
        0,
        0,
    )  # tokens, nano-dollars that a budget must hold beyond what the call is expected to use

    def add(self, call: CallEstimate, model: Model) -> None:
        cost = call.cost_nano(model)
        self.requests += 1
        self.image_tokens += call.image_tokens
        self.prompt += call.prompt
        self.completion += call.completion
        self.cost_nano = None if cost is None or self.cost_nano is None else self.cost_nano + cost
        tokens = call.bound_tokens - call.prompt.expected - call.completion.expected
        nano = (call.bound_cost_nano or 0) - (cost.expected if cost else 0)
        self.widest_call = max(self.widest_call[0], tokens), max(self.widest_call[1], nano)

    def only_if_needed(self, step: str) -> "StepEstimate":
        """The same calls as those of `step`, which makes them only when something is wrong: they
        count in `high` alone."""
        cost = None if self.cost_nano is None else Spread(high=self.cost_nano.expected)
        return StepEstimate(
            step,
            self.role,
            self.model,
            prompt=Spread(high=self.prompt.expected),
            completion=Spread(high=self.completion.expected),
            cost_nano=cost,
        )


def dollars(spread: Spread | None) -> dict[str, float] | None:
    return (
        None
        if spread is None
        else {name: value / NANO_PER_UNIT for name, value in spread.as_json().items()}
    )
