"""Migrations of the database to the shape of tables.py: a version, and a function per step.

A new database is made from `METADATA` and gets the newest version. A release that changes tables.py
appends one function to `MIGRATIONS`, with the SQL of that change written out (tables.py moves on, a
migration never does).
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, delete, insert, inspect, select

from schemas.errors import StateError
from tasks.ledger.connection.tables import METADATA, schema_version

Migration = Callable[[Connection], None]

MIGRATIONS: tuple[Migration, ...] = ()
"""`MIGRATIONS[n]` leads from version n + 1 to n + 2; the first shape is version 1."""


def migrate(connection: Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Brings the database to this code's version. Call inside the one write transaction, which
    makes it safe at simultaneous starts.

    Raises StateError when the database was made by a newer docmill; nothing is changed then.
    """
    newest = len(migrations) + 1
    found = _version(connection)
    if found > newest:
        raise StateError(
            f"the ledger was made by a newer docmill (its version is {found}, this docmill knows "
            f"up to {newest}). Upgrade docmill, or point `state` to another database. Nothing was "
            "run."
        )
    if found == newest:
        return
    if found == 0:
        METADATA.create_all(connection)
    else:
        for migration in migrations[found - 1 :]:
            migration(connection)
    connection.execute(delete(schema_version))
    connection.execute(insert(schema_version).values(version=newest))


def _version(connection: Connection) -> int:
    """0 for an empty database."""
    if not inspect(connection).has_table(schema_version.name):
        return 0
    return int(connection.execute(select(schema_version.c.version)).scalar_one())
