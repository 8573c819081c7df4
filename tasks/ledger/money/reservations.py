"""Enforcement of budgets: each call is a row, reserved at its bound and settled at its charge.

All functions are jobs of the one writer, so that nothing comes between the look at a window's sums
and the change.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from schemas.errors import StateError
from schemas.usage import Usage
from tasks.ledger.connection import owners
from tasks.ledger.connection.tables import calls, windows
from tasks.ledger.money import answers
from tasks.ledger.money.answers import StoredAnswer
from tasks.ledger.money.budgets import Limit, Window
from tasks.ledger.money.window_limits import Broken, Full, Warned, hold, warnings
from tasks.ledger.money.window_totals import Bound, Place, add


@dataclass(frozen=True, slots=True)
class CallIntent:
    """One HTTP attempt about to be made. `page_numbers` count from 1; `answer_key` None keeps the
    answer out of the cache."""

    document_id: str
    page_numbers: tuple[int, ...]
    step: str
    attempt: int
    role: str
    provider: str
    model: str
    answer_key: str | None
    bound: Bound


@dataclass(frozen=True, slots=True)
class SettledCall:
    """How an attempt ended. `usage` None: it was sent and what it used is not known, so it is
    charged at the bound; `Usage()`: surely not billed (a refusal with its own status). `outcome` is
    a stable word such as `ok`, `lost`, `rate_limited`.
    """

    usage: Usage | None
    outcome: str
    http_status: int | None = None
    latency_seconds: float | None = None
    cached_tokens: int | None = None
    answer: StoredAnswer | None = None


@dataclass(frozen=True, slots=True)
class Reserved:
    call_id: int


_INSERT = insert(calls).returning(calls.c.call_id)
_MARK_SENT = (
    update(calls)
    .where(calls.c.call_id == bindparam("of_call"), calls.c.state == "open")
    .values(state="sent")
)
_SETTLE = update(calls).where(calls.c.call_id == bindparam("of_call"), calls.c.state != "settled")


def reserve(
    connection: Connection,
    place: Place,
    owner_id: str,
    intent: CallIntent,
    limits: Mapping[Window, Limit],
) -> Reserved | Full | Broken:
    refusal = hold(connection, place, intent.bound, limits)
    if refusal is not None:
        return refusal
    values = {
        "flow": place.flow,
        "run_id": place.run_id,
        "document_id": intent.document_id,
        "page_numbers": json.dumps(intent.page_numbers),
        "step": intent.step,
        "attempt": intent.attempt,
        "role": intent.role,
        "provider": intent.provider,
        "model": intent.model,
        "answer_key": intent.answer_key,
        "state": "open",
        "owner_id": owner_id,
        "counted_at": place.counted_at,
        "bound_tokens": intent.bound.tokens,
        "bound_cost_nano": intent.bound.cost_nano,
        "tokens": 0,
    }
    return Reserved(connection.execute(_INSERT, values).scalar_one())


def mark_sent(connection: Connection, call_id: int) -> bool:
    """False when the reservation is gone: another process believed this one dead and released
    it."""
    return bool(connection.execute(_MARK_SENT, {"of_call": call_id}).rowcount)


def move(
    connection: Connection,
    call_id: int,
    old: Place,
    new: Place,
    bound: Bound,
    limits: Mapping[Window, Limit],
) -> Full | Broken | None:
    """Counts a reservation in the windows of `new`; where it does not fit there, it stays in the
    old ones and the reason is returned."""
    add(connection, old, held=bound, sign=-1)
    refusal = hold(connection, new, bound, limits)
    if refusal is None:
        connection.execute(
            update(calls).where(calls.c.call_id == call_id).values(counted_at=new.counted_at)
        )
    else:
        add(connection, old, held=bound)
    return refusal


def release(connection: Connection, call_id: int, place: Place, bound: Bound) -> None:
    """Undoes a reservation that was not marked sent; anything else is left as it is."""
    if connection.execute(
        delete(calls).where(calls.c.call_id == call_id, calls.c.state == "open")
    ).rowcount:
        add(connection, place, held=bound, sign=-1)


def settle(
    connection: Connection,
    call_id: int,
    place: Place,
    intent: CallIntent,
    settled: SettledCall,
    limits: Mapping[Window, Limit],
    *,
    now: float,
    warn_at: float,
) -> tuple[Warned, ...]:
    """Charges the call, frees its reservation and stores its answer. The charge of a call
    that a takeover charged meanwhile is corrected."""
    charged = _charge(intent.bound, settled.usage)
    values = _settled_values(settled, charged, now)
    if connection.execute(_SETTLE, {"of_call": call_id, **values}).rowcount:
        rows = add(connection, place, spent=charged, held=intent.bound, held_sign=-1)
    else:
        rows = _settle_again(connection, call_id, place, charged, values)
    answer = settled.answer
    if answer is not None and intent.answer_key is not None:
        answers.put(
            connection,
            intent.answer_key,
            flow=place.flow,
            document_id=intent.document_id,
            answer=answer,
            now=now,
        )
    if _above(charged, intent.bound):
        connection.execute(
            update(windows)
            .where(windows.c.flow == place.flow, windows.c.run_id == place.run_id)
            .values(bound_broken=intent.model)
        )
    return warnings(connection, rows, limits, warn_at)


def _settled_values(settled: SettledCall, charged: Bound, now: float) -> dict[str, Any]:
    usage, answer = settled.usage, settled.answer
    return {
        "state": "settled",
        "settled_at": now,
        "tokens": charged.tokens,
        "cost_nano": charged.cost_nano,
        "prompt_tokens": None if usage is None else usage.prompt_tokens,
        "completion_tokens": None if usage is None else usage.completion_tokens,
        "cached_tokens": settled.cached_tokens,
        "outcome": settled.outcome,
        "http_status": settled.http_status,
        "latency_seconds": settled.latency_seconds,
        "model_answered": None if answer is None else answer.model,
    }


def _settle_again(
    connection: Connection, call_id: int, place: Place, charged: Bound, values: dict[str, Any]
) -> list[Row[Any]]:
    """Another process believed this one dead and charged the bound; what was really used goes in
    its place."""
    before = connection.execute(
        select(calls.c.tokens, calls.c.cost_nano).where(calls.c.call_id == call_id)
    ).one_or_none()
    if before is None:
        raise StateError(
            f"call {call_id} is not in the ledger: it was settled without having been "
            "marked as sent"
        )
    connection.execute(update(calls).where(calls.c.call_id == call_id), values)
    add(connection, place, spent=Bound(before.tokens, before.cost_nano), sign=-1)
    return add(connection, place, spent=charged)


def reap(connection: Connection, here: owners.Owner) -> int:
    """Takes over what dead owners hold: what was not sent is released, what was sent is charged at
    the bound. Returns how many owners."""
    dead = owners.dead_owners(connection, here)
    for owner_id in dead:
        close_calls_of(connection, owner_id, "owner_died")
        owners.drop_owner(connection, owner_id)
    return len(dead)


def close_calls_of(connection: Connection, owner_id: str, outcome: str) -> None:
    now = owners.database_time(connection)
    for row in connection.execute(
        select(calls).where(calls.c.owner_id == owner_id, calls.c.state != "settled")
    ).all():
        place, bound = (
            Place(row.flow, row.run_id, row.counted_at),
            Bound(row.bound_tokens, row.bound_cost_nano),
        )
        if row.state == "open":
            release(connection, row.call_id, place, bound)
            continue
        connection.execute(
            update(calls)
            .where(calls.c.call_id == row.call_id)
            .values(
                state="settled",
                settled_at=now,
                tokens=bound.tokens,
                cost_nano=bound.cost_nano,
                outcome=outcome,
            )
        )
        add(connection, place, spent=bound, held=bound, held_sign=-1)


def _charge(bound: Bound, usage: Usage | None) -> Bound:
    if usage is None:
        return bound
    return Bound(usage.tokens, bound.cost_nano if usage.cost_nano is None else usage.cost_nano)


def _above(charged: Bound, bound: Bound) -> bool:
    return charged.tokens > bound.tokens or (
        bound.cost_nano is not None and (charged.cost_nano or 0) > bound.cost_nano
    )
