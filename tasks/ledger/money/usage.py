"""Spending and what is left of a budget, counted from the calls.

Jobs of a connection.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Connection, Row, case, cast, func, select

from schemas.usage import NANO_PER_UNIT
from tasks.ledger.connection.tables import calls, documents
from tasks.ledger.money.budgets import Limit, Limits, Window
from tasks.ledger.money.window_totals import Sums, sums_of

By = Literal["flow", "day", "model", "document", "step", "run"]
QUARTER = 900  # seconds: days begin at a quarter of an hour in every time zone


@dataclass(slots=True)
class Spent:
    """What the calls of one flow, day, model, ... were charged. `cost_nano` None: for one of them
    at least the price was unknown.

    `pages` are all pages of the documents concerned. `at_bound` counts calls that were charged at
    their upper bound.
    """

    name: str
    calls: int = 0
    tokens: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_nano: int | None = 0
    at_bound: int = 0
    document_ids: set[str] = field(default_factory=set, repr=False)
    pages: int = 0

    def add(self, other: "Spent") -> None:
        """Adds another group; a document of both counts once, and its pages once for each."""
        self.calls += other.calls
        self.tokens += other.tokens
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.cost_nano = (
            None
            if self.cost_nano is None or other.cost_nano is None
            else self.cost_nano + other.cost_nano
        )
        self.at_bound += other.at_bound
        self.document_ids |= other.document_ids
        self.pages += other.pages

    @property
    def documents(self) -> int:
        return len(self.document_ids)

    @property
    def cost(self) -> float | None:
        """US dollars."""
        return None if self.cost_nano is None else self.cost_nano / NANO_PER_UNIT

    @property
    def cost_per_document(self) -> float | None:
        """US dollars."""
        return (
            None
            if self.cost_nano is None or not self.document_ids
            else self.cost_nano / NANO_PER_UNIT / len(self.document_ids)
        )

    @property
    def cost_per_page(self) -> float | None:
        """US dollars."""
        return (
            None
            if self.cost_nano is None or not self.pages
            else self.cost_nano / NANO_PER_UNIT / self.pages
        )


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget window and what has been used of it; `sums.held_*` is what calls in flight may still
    use."""

    window: Window
    limit: Limit
    sums: Sums

    @property
    def left(self) -> Limit:
        """What a further call may use; None where nothing is limited."""
        limit, sums = self.limit, self.sums
        return Limit(
            None if limit.tokens is None else limit.tokens - sums.spent_tokens - sums.held_tokens,
            None
            if limit.cost_nano is None
            else limit.cost_nano - sums.spent_cost_nano - sums.held_cost_nano,
        )


def spent(
    connection: Connection,
    by: By,
    *,
    flow: str | None = None,
    since: float | None = None,
    timezone: str = "UTC",
) -> list[Spent]:
    """Settled calls, summed up; days newest first, everything else dearest first. `timezone` is
    where a day begins."""
    found: dict[str, Spent] = {}
    zone = ZoneInfo(timezone)
    for row in _sums(connection, by, flow, since):
        name = (
            datetime.fromtimestamp(row.name * QUARTER, zone).date().isoformat()
            if by == "day"
            else str(row.name)
        )
        one = Spent(
            name,
            calls=row.calls,
            tokens=int(row.tokens),
            prompt_tokens=int(row.prompt_tokens),
            completion_tokens=int(row.completion_tokens),
            cost_nano=None if row.unpriced else int(row.cost_nano),
            at_bound=int(row.at_bound),
            document_ids={row.document_id},
        )
        found.setdefault(name, Spent(name)).add(one)
    _count_pages(connection, found.values())
    order = (
        (lambda one: one.name) if by == "day" else (lambda one: (one.cost_nano or 0, one.tokens))
    )
    return sorted(found.values(), key=order, reverse=True)


def budget_states(
    connection: Connection, flow: str, limits: Limits, now: float
) -> list[BudgetState]:
    return [
        BudgetState(window, limit, sums_of(connection, flow, window))
        for window, limit in limits.at(now).items()
    ]


def _sums(
    connection: Connection, by: By, flow: str | None, since: float | None
) -> Iterable[Row[Any]]:
    quarter = calls.c.counted_at / QUARTER
    whole = (
        func.floor(quarter) if connection.dialect.name == "postgresql" else quarter
    )  # PostgreSQL's cast rounds, SQLite's cuts
    names = {
        "flow": calls.c.flow,
        "day": cast(whole, BigInteger),
        "model": calls.c.model,
        "document": calls.c.document_id,
        "step": calls.c.step,
        "run": calls.c.run_id,
    }
    name = names[by].label("name")
    wanted = (
        select(
            name,
            calls.c.document_id,
            func.count().label("calls"),
            func.sum(calls.c.tokens).label("tokens"),
            func.coalesce(func.sum(calls.c.prompt_tokens), 0).label("prompt_tokens"),
            func.coalesce(func.sum(calls.c.completion_tokens), 0).label("completion_tokens"),
            func.coalesce(func.sum(calls.c.cost_nano), 0).label("cost_nano"),
            func.sum(case((calls.c.cost_nano.is_(None), 1), else_=0)).label("unpriced"),
            func.sum(case((calls.c.prompt_tokens.is_(None), 1), else_=0)).label("at_bound"),
        )
        .where(calls.c.state == "settled")
        .group_by(name, calls.c.document_id)
    )
    if flow is not None:
        wanted = wanted.where(calls.c.flow == flow)
    if since is not None:
        wanted = wanted.where(calls.c.counted_at >= since)
    return connection.execute(wanted)


def _count_pages(connection: Connection, groups: Iterable[Spent]) -> None:
    pages: dict[str, int] = defaultdict(int)
    for row in connection.execute(
        select(documents.c.document_id, func.max(documents.c.pages).label("pages")).group_by(
            documents.c.document_id
        )
    ):
        pages[row.document_id] = row.pages
    for group in groups:
        group.pages = sum(pages[document_id] for document_id in group.document_ids)
