"""Locks for work that only one process may do: asking for one answer, rebuilding one output.

A lock is a row with its owner; the lock of a dead owner is taken over (see owners.py). Jobs of the
writer.
"""

from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, bindparam, delete

from tasks.ledger.connection.tables import locks
from tasks.ledger.connection.upsert import insert_into

_VALUES: dict[str, Any] = {"name": bindparam("of_name"), "owner_id": bindparam("of_owner")}
_GIVE_BACK = delete(locks).where(
    locks.c.name == bindparam("of_name"), locks.c.owner_id == bindparam("of_owner")
)


def try_lock(connection: Connection, name: str, owner_id: str) -> bool:
    """False when another owner has it, or this one already (locks do not nest)."""
    return (
        connection.execute(
            _take(connection.dialect.name), {"of_name": name, "of_owner": owner_id}
        ).first()
        is not None
    )


def unlock(connection: Connection, name: str, owner_id: str) -> None:
    connection.execute(_GIVE_BACK, {"of_name": name, "of_owner": owner_id})


@cache
def _take(dialect_name: str) -> Executable:
    return (
        insert_into(locks, dialect_name)
        .values(_VALUES)
        .on_conflict_do_nothing()
        .returning(locks.c.name)
    )
