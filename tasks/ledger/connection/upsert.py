"""Insert or update of a row.

Each database has its own way, and only the one that is used is imported.
"""

from typing import TYPE_CHECKING

from sqlalchemy import Table

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def insert_into(table: Table, dialect_name: str) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT that takes `on_conflict_do_nothing` and `on_conflict_do_update`. `dialect_name` is
    that of the connection."""
    if dialect_name == "postgresql":
        # a tenth of what a plan's imports take
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415 - as above

    return sqlite.insert(table)
