"""Limits of budget windows: a bound is held only where it fits, and a window warns once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, update

from tasks.ledger.connection.tables import windows
from tasks.ledger.money.budgets import Limit, Window
from tasks.ledger.money.window_totals import Bound, Place, add, start_window


@dataclass(frozen=True, slots=True)
class Full:
    """The bound does not fit. `for_good`: also when every call in flight would use nothing; amounts
    are in `unit`."""

    unit: str
    limit: int
    spent: int
    wanted: int
    for_good: bool


@dataclass(frozen=True, slots=True)
class Broken:
    """A call of this run used more than its bound, so that bounds cannot be trusted."""

    model: str


@dataclass(frozen=True, slots=True)
class Warned:
    """A window has just reached the part of its budget at which a warning is due."""

    unit: str
    limit: int
    spent: int


def hold(
    connection: Connection, place: Place, bound: Bound, limits: Mapping[Window, Limit]
) -> Full | Broken | None:
    """Adds the bound to every window it counts in, unless it does not fit into one of `limits`;
    then the reason."""
    rows = _by_window(add(connection, place, held=bound))
    missing = [window for window in limits if window not in rows]
    if missing:
        add(connection, place, held=bound, sign=-1)
        for window in missing:
            start_window(connection, place.flow, window)
        rows = _by_window(add(connection, place, held=bound))
    refusals = [
        refusal
        for window, limit in limits.items()
        if (refusal := _refusal(rows[window], limit, bound)) is not None
    ]
    if not refusals:
        return None
    add(connection, place, held=bound, sign=-1)
    return min(refusals, key=lambda refusal: isinstance(refusal, Full) and not refusal.for_good)


def _refusal(row: Row[Any], limit: Limit, bound: Bound) -> Full | Broken | None:
    if row.bound_broken is not None:
        return Broken(row.bound_broken)
    if limit.tokens is not None and row.spent_tokens + row.held_tokens > limit.tokens:
        return Full(
            "tokens",
            limit.tokens,
            row.spent_tokens,
            bound.tokens,
            row.spent_tokens + bound.tokens > limit.tokens,
        )
    cost = bound.cost_nano or 0
    if limit.cost_nano is not None and row.spent_cost_nano + row.held_cost_nano > limit.cost_nano:
        return Full(
            "cost",
            limit.cost_nano,
            row.spent_cost_nano,
            cost,
            row.spent_cost_nano + cost > limit.cost_nano,
        )
    return None


def warnings(
    connection: Connection, rows: list[Row[Any]], limits: Mapping[Window, Limit], warn_at: float
) -> tuple[Warned, ...]:
    """The warnings now due among `rows`. Each window is marked, so that it warns only once."""
    found = []
    for window, row in _by_window(rows).items():
        limit = limits.get(window)
        if limit is None or row.warned:
            continue
        due = None
        if limit.tokens is not None and row.spent_tokens >= warn_at * limit.tokens:
            due = Warned("tokens", limit.tokens, row.spent_tokens)
        elif limit.cost_nano is not None and row.spent_cost_nano >= warn_at * limit.cost_nano:
            due = Warned("cost", limit.cost_nano, row.spent_cost_nano)
        if due is not None:
            connection.execute(
                update(windows)
                .where(
                    windows.c.flow == row.flow,
                    *(windows.c[name] == value for name, value in window._asdict().items()),
                )
                .values(warned=True)
            )
            found.append(due)
    return tuple(found)


def _by_window(rows: list[Row[Any]]) -> dict[Window, Row[Any]]:
    return {Window(row.run_id, row.starts_at, row.ends_at): row for row in rows}
