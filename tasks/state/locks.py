"""What only one process at a time may do: asking for one answer, rebuilding one output.

A lock is a row with its owner; the lock of a dead owner is taken over (see owners.py). Jobs of the writer.
"""

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from tasks.state.tables import locks


def try_lock(connection: Connection, name: str, owner_id: str) -> bool:
    """False when another owner has it, or this one already (locks do not nest)."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    taken = connection.execute(insert(locks).values(name=name, owner_id=owner_id).on_conflict_do_nothing())
    return bool(taken.rowcount)


def unlock(connection: Connection, name: str, owner_id: str) -> None:
    connection.execute(delete(locks).where(locks.c.name == name, locks.c.owner_id == owner_id))


def holder(connection: Connection, name: str) -> str | None:
    return connection.execute(select(locks.c.owner_id).where(locks.c.name == name)).scalar_one_or_none()
