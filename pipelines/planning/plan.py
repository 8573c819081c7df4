"""Content of a plan: documents, pages, calls, tokens, money, and whether the budget suffices."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.planning.estimate import Spread, StepEstimate, dollars
from tasks.ledger.money.usage import BudgetState


@dataclass(frozen=True, slots=True)
class RoleModel:
    """The model that a step would ask, the ids of its role that are known to be retired, and the id
    that would be asked next."""

    step: str
    role: str
    model: str
    retired: tuple[str, ...]
    next: str | None


@dataclass(slots=True)
class Free:
    """What costs nothing. `failing` documents cannot be read; `not_tried` ones failed as often as
    they may."""

    einvoices: int = 0
    done_before: int = 0
    same_bytes: int = 0
    failing: int = 0
    not_tried: int = 0
    cached_answers: int = 0
    blank_pages: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Plan:
    """`fits_budget` None: there is no budget. `notes` are for people: what was left out and why."""

    flow: str
    documents: int
    pages: int
    free: Free
    steps: tuple[StepEstimate, ...]
    models: tuple[RoleModel, ...]
    budgets: tuple[BudgetState, ...]
    fits_budget: bool | None
    notes: tuple[str, ...]
    seconds: float

    @property
    def requests(self) -> int:
        return sum(step.requests for step in self.steps)

    @property
    def prompt(self) -> Spread:
        return sum((step.prompt for step in self.steps), Spread())

    @property
    def completion(self) -> Spread:
        return sum((step.completion for step in self.steps), Spread())

    @property
    def cost_nano(self) -> Spread | None:
        """None when the price of a model that would be asked is not known."""
        return _sum(step.cost_nano for step in self.steps)

    def as_json(self) -> dict[str, Any]:
        """The object of `--json`."""
        return {
            "flow": self.flow,
            "documents": self.documents,
            "pages": self.pages,
            "free": self.free.as_json(),
            "steps": [
                _step_json(model, [step for step in self.steps if step.step == model.step])
                for model in self.models
            ],
            "total": {
                "requests": self.requests,
                "prompt_tokens": self.prompt.as_json(),
                "completion_tokens": self.completion.as_json(),
                "cost": dollars(self.cost_nano),
            },
            "fits_budget": self.fits_budget,
        }


def fits(budgets: Iterable[BudgetState], steps: Sequence[StepEstimate]) -> bool | None:
    """Whether the run gets to its end: what is expected, and what must be free beyond that for its
    widest call, against what is left.

    None when nothing is limited.
    """
    cost = _sum(step.cost_nano for step in steps)
    tokens = sum(step.prompt.expected + step.completion.expected for step in steps)
    wanted_tokens = tokens + max((step.widest_call[0] for step in steps), default=0)
    wanted_cost = (
        None
        if cost is None
        else cost.expected + max((step.widest_call[1] for step in steps), default=0)
    )
    answers = []
    for left in (budget.left for budget in budgets):
        if left.tokens is not None:
            answers.append(wanted_tokens <= left.tokens)
        if left.cost_nano is not None:
            answers.append(wanted_cost is not None and wanted_cost <= left.cost_nano)
    return all(answers) if answers else None


def _sum(spreads: Iterable[Spread | None]) -> Spread | None:
    total = Spread()
    for spread in spreads:
        if spread is None:
            return None
        total += spread
    return total


def _step_json(model: RoleModel, estimates: Sequence[StepEstimate]) -> dict[str, Any]:
    """One model step; all zero when everything it would ask is free."""
    prompt = sum((estimate.prompt for estimate in estimates), Spread())
    completion = sum((estimate.completion for estimate in estimates), Spread())
    return {
        "step": model.step,
        "role": model.role,
        "model": model.model,
        "retired": list(model.retired),
        "next": model.next,
        "requests": sum(estimate.requests for estimate in estimates),
        "image_tokens": sum(estimate.image_tokens for estimate in estimates),
        "prompt_tokens": prompt.as_json(),
        "completion_tokens": completion.as_json(),
        "cost": dollars(_sum(estimate.cost_nano for estimate in estimates)),
    }
