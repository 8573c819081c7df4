"""Models that roles resolved to, per endpoint, remembered for a day.

So that runs, plans and restarts agree. Jobs of a connection.
"""

from sqlalchemy import Connection, select

from tasks.ledger.connection.owners import database_time
from tasks.ledger.connection.tables import resolutions
from tasks.ledger.connection.upsert import insert_into

KEEP_SECONDS = 24 * 3600.0


def get(connection: Connection, endpoint: str, role: str) -> str | None:
    since = database_time(connection) - KEEP_SECONDS
    wanted = select(resolutions.c.model).where(
        resolutions.c.endpoint == endpoint,
        resolutions.c.role == role,
        resolutions.c.resolved_at > since,
    )
    return connection.execute(wanted).scalar_one_or_none()


def put(connection: Connection, endpoint: str, role: str, model: str) -> None:
    found = {"model": model, "resolved_at": database_time(connection)}
    row = insert_into(resolutions, connection.dialect.name).values(
        endpoint=endpoint, role=role, **found
    )
    connection.execute(row.on_conflict_do_update(index_elements=["endpoint", "role"], set_=found))
