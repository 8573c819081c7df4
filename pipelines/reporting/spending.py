"""Report behind `docmill usage`: spending and what is left, from the ledger's calls."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from schemas.flow import BudgetSpec
from schemas.usage import NANO_PER_UNIT
from tasks.ledger.money.budgets import Limits
from tasks.ledger.money.usage import By, Spent
from tasks.ledger.read_only import ReadOnlyLedger

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

    @classmethod
    def of(cls, spent: Spent, path: str | None = None) -> "SpentRow":
        return cls(
            name=spent.name,
            calls=spent.calls,
            documents=spent.documents,
            pages=spent.pages,
            tokens=spent.tokens,
            prompt_tokens=spent.prompt_tokens,
            completion_tokens=spent.completion_tokens,
            cost=spent.cost,
            cost_per_document=spent.cost_per_document,
            cost_per_page=spent.cost_per_page,
            charged_at_bound=spent.at_bound,
            path=None if path is None else Path(path).name,
        )


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
    ledger: ReadOnlyLedger, budgets: Mapping[str, BudgetSpec], flow: str | None
) -> SpendingReport:
    """`budgets` by flow. Days begin where the budget of `flow` says, else in UTC."""
    budget = None if flow is None else budgets.get(flow)
    timezone = "UTC" if budget is None else budget.timezone

    def rows(by: By) -> tuple[SpentRow, ...]:
        return tuple(map(SpentRow.of, ledger.spent(by, flow=flow, timezone=timezone)))

    documents = ledger.spent("document", flow=flow)
    total = Spent("total")
    for document in documents:  # each counts once, however many flows read it
        total.add(document)
    paths = {row.document_id: row.path for row in ledger.documents(flow)}
    chosen = {name: budget for name, budget in budgets.items() if flow in (None, name)}
    return SpendingReport(
        flow=flow,
        timezone=timezone,
        total=SpentRow.of(total),
        flows=rows("flow"),
        days=rows("day"),
        models=rows("model"),
        documents=tuple(SpentRow.of(one, paths.get(one.name) or None) for one in documents),
        budgets=tuple(_budget_row(ledger, name, budget) for name, budget in chosen.items()),
    )


def _budget_row(ledger: ReadOnlyLedger, flow: str, budget: BudgetSpec) -> BudgetRow:
    limits = Limits(NEXT_RUN, budget, max_tokens=None, max_cost_nano=None)
    row = BudgetRow(flow, budget.per, budget.timezone, None, None)
    for state in ledger.budget_states(flow, limits, time.time()):
        limit, sums, left = state.limit, state.sums, state.left
        if limit.tokens is not None and left.tokens is not None:
            tokens = Left(limit.tokens, sums.spent_tokens, sums.held_tokens, left.tokens)
            row = replace(row, tokens=tokens)
        if limit.cost_nano is not None and left.cost_nano is not None:
            amounts = limit.cost_nano, sums.spent_cost_nano, sums.held_cost_nano, left.cost_nano
            row = replace(row, cost=Left(*(amount / NANO_PER_UNIT for amount in amounts)))
    return row
