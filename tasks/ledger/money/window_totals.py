"""Running totals per budget window: spent and held.

A look costs the same after a million calls.

A sum that does not exist yet is counted from the calls; from then on each change of a call changes
every sum that it counts in, in the same transaction. Jobs of the writer.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, bindparam, case, func, insert, or_, select, update

from tasks.ledger.connection.tables import calls, windows
from tasks.ledger.money.budgets import Window


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that one call can use. `cost_nano` None: the price is unknown."""

    tokens: int
    cost_nano: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call counts: the windows of `flow` that hold `counted_at`, over all runs or of
    `run_id`."""

    flow: str
    run_id: str
    counted_at: float


class Sums(NamedTuple):
    """Of one window: charged by settled calls, and held by those in flight."""

    spent_tokens: int
    held_tokens: int
    spent_cost_nano: int
    held_cost_nano: int


_ADD = (
    update(windows)
    .where(
        windows.c.flow == bindparam("of_flow"),
        or_(windows.c.run_id == "", windows.c.run_id == bindparam("of_run")),
        windows.c.starts_at <= bindparam("at"),
        windows.c.ends_at > bindparam("at"),
    )
    .values(
        spent_tokens=windows.c.spent_tokens + bindparam("add_spent_tokens"),
        held_tokens=windows.c.held_tokens + bindparam("add_held_tokens"),
        spent_cost_nano=windows.c.spent_cost_nano + bindparam("add_spent_cost"),
        held_cost_nano=windows.c.held_cost_nano + bindparam("add_held_cost"),
    )
    .returning(*windows.c)
)


def add(
    connection: Connection,
    place: Place,
    *,
    spent: Bound | None = None,
    held: Bound | None = None,
    sign: int = 1,
    held_sign: int | None = None,
) -> list[Row[Any]]:
    """Changes the sums of all windows that `place` counts in, and returns them as they are then."""
    held_sign = sign if held_sign is None else held_sign
    return list(
        connection.execute(
            _ADD,
            {
                "of_flow": place.flow,
                "of_run": place.run_id,
                "at": place.counted_at,
                "add_spent_tokens": sign * spent.tokens if spent else 0,
                "add_held_tokens": held_sign * held.tokens if held else 0,
                "add_spent_cost": sign * (spent.cost_nano or 0) if spent else 0,
                "add_held_cost": held_sign * (held.cost_nano or 0) if held else 0,
            },
        )
    )


def sums_of(connection: Connection, flow: str, window: Window) -> Sums:
    """Counted from the calls themselves."""
    counts = [
        calls.c.flow == flow,
        calls.c.counted_at >= window.starts_at,
        calls.c.counted_at < window.ends_at,
    ]
    if window.run_id:
        counts.append(calls.c.run_id == window.run_id)
    held = calls.c.state != "settled"
    row = connection.execute(
        select(
            func.coalesce(func.sum(calls.c.tokens), 0),
            func.coalesce(func.sum(case((held, calls.c.bound_tokens), else_=0)), 0),
            func.coalesce(func.sum(calls.c.cost_nano), 0),
            func.coalesce(func.sum(case((held, calls.c.bound_cost_nano), else_=0)), 0),
        ).where(and_(*counts))
    ).one()
    return Sums(*(int(value) for value in row))


def start_window(connection: Connection, flow: str, window: Window) -> None:
    """Begins to keep the sums of a window, with what was bought in it before."""
    counted = sums_of(connection, flow, window)
    connection.execute(
        insert(windows).values(flow=flow, **window._asdict(), **counted._asdict(), warned=False)
    )
