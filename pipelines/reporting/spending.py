"""Report behind `docmill usage`: spending and what is left, from the ledger's calls."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from schemas.flow import BudgetSpec
from schemas.usage import NANO_PER_UNIT
from tasks.ledger.documents.listing import listing
from tasks.ledger.money.budgets import Limits
from tasks.ledger.money.usage import BudgetState, By, Spent, budget_states, spent
from tasks.ledger.read_only import LedgerView

NEXT_RUN = "the next run"  # no run has this id, so that nothing counts against a budget of one run


@dataclass(frozen=True, slots=True)
class SpentRow:
    """What one flow, day, model or document was charged. Money is USD; None where the price of a
    call is not known."""

    name: str
    calls: int
    documents: int
    pages: int
    tokens: int  # charged: a call whose usage was never reported counts at its upper bound
    prompt_tokens: int  # reported
    completion_tokens: int
    cost: float | None
    cost_per_document: float | None
    cost_per_page: float | None
    charged_at_bound: int  # calls
    path: str | None = None  # of a document


@dataclass(frozen=True, slots=True)
class Left:
    """One limit of a budget: tokens, or USD. `reserved` is what calls in flight may still use."""

    limit: float
    spent: float
    reserved: float
    left: float


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """A flow's budget in the window that is open now."""

    flow: str
    per: str
    timezone: str
    tokens: Left | None
    cost: Left | None


@dataclass(frozen=True, slots=True)
class SpendingReport:
    """Every list has the dearest first, days the newest. `flow` None: all flows."""

    flow: str | None
    timezone: str  # where a day begins
    total: SpentRow
    flows: tuple[SpentRow, ...]
    days: tuple[SpentRow, ...]
    models: tuple[SpentRow, ...]
    documents: tuple[SpentRow, ...]
    budgets: tuple[BudgetRow, ...]

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def spending_report(
    view: LedgerView, budgets: Mapping[str, BudgetSpec], flow: str | None
) -> SpendingReport:
    """`budgets` by flow. Days begin where the budget of `flow` says, else in UTC."""
    budget = None if flow is None else budgets.get(flow)
    timezone = "UTC" if budget is None else budget.timezone

    def rows(by: By) -> list[Spent]:
        return (
            view.read(lambda connection: spent(connection, by, flow=flow, timezone=timezone)) or []
        )

    paths = {
        row.document_id: row.path
        for row in view.read(lambda connection: listing(connection, flow=flow)) or ()
    }
    documents = tuple(_row(one, paths.get(one.name) or None) for one in rows("document"))
    chosen = {name: budget for name, budget in budgets.items() if flow in (None, name)}
    return SpendingReport(
        flow=flow,
        timezone=timezone,
        total=_total(documents),
        flows=tuple(_row(one) for one in rows("flow")),
        days=tuple(_row(one) for one in rows("day")),
        models=tuple(_row(one) for one in rows("model")),
        documents=documents,
        budgets=tuple(_budget_row(view, name, budget) for name, budget in chosen.items()),
    )


def _row(one: Spent, path: str | None = None) -> SpentRow:
    return SpentRow(
        name=one.name,
        calls=one.calls,
        documents=one.documents,
        pages=one.pages,
        tokens=one.tokens,
        prompt_tokens=one.prompt_tokens,
        completion_tokens=one.completion_tokens,
        cost=_dollars(one.cost_nano),
        cost_per_document=one.cost_per_document,
        cost_per_page=one.cost_per_page,
        charged_at_bound=one.at_bound,
        path=None if path is None else Path(path).name,
    )


def _total(documents: Sequence[SpentRow]) -> SpentRow:
    """Summed over documents, each of which counts once however many flows read it."""
    cost = (
        None
        if any(one.cost is None for one in documents)
        else round(sum(one.cost or 0.0 for one in documents), 9)
    )  # nano-dollars
    pages = sum(one.pages for one in documents)
    return SpentRow(
        name="total",
        calls=sum(one.calls for one in documents),
        documents=len(documents),
        pages=pages,
        tokens=sum(one.tokens for one in documents),
        prompt_tokens=sum(one.prompt_tokens for one in documents),
        completion_tokens=sum(one.completion_tokens for one in documents),
        cost=cost,
        cost_per_document=None if cost is None or not documents else cost / len(documents),
        cost_per_page=None if cost is None or not pages else cost / pages,
        charged_at_bound=sum(one.charged_at_bound for one in documents),
    )


def budget_left(view: LedgerView, flow: str, limits: Limits) -> list[BudgetState]:
    """The windows that a call made now would count in; those of `NEXT_RUN` hold nothing yet."""
    now = time.time()
    return view.read(lambda connection: budget_states(connection, flow, limits, now)) or []


def _budget_row(view: LedgerView, flow: str, budget: BudgetSpec) -> BudgetRow:
    states = budget_left(view, flow, Limits(NEXT_RUN, budget, max_tokens=None, max_cost_nano=None))
    counted = next(
        (
            state
            for state in states
            if state.limit.tokens is not None or state.limit.cost_nano is not None
        ),
        None,
    )
    spent_tokens, held_tokens = (
        (counted.sums.spent_tokens, counted.sums.held_tokens) if counted else (0, 0)
    )
    spent_cost, held_cost = (
        (counted.sums.spent_cost_nano, counted.sums.held_cost_nano) if counted else (0, 0)
    )
    cost = None
    if budget.cost is not None:
        limit = int(budget.cost * NANO_PER_UNIT)
        cost = Left(
            *(
                amount / NANO_PER_UNIT
                for amount in (limit, spent_cost, held_cost, limit - spent_cost - held_cost)
            )
        )
    tokens = (
        None
        if budget.tokens is None
        else Left(
            budget.tokens, spent_tokens, held_tokens, budget.tokens - spent_tokens - held_tokens
        )
    )
    return BudgetRow(flow, budget.per, budget.timezone, tokens, cost)


def _dollars(cost_nano: int | None) -> float | None:
    return None if cost_nano is None else cost_nano / NANO_PER_UNIT
