"""The databases that a ledger may lie in: SQLite always, PostgreSQL where there is one."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from tasks.ledger.ledger import Ledger

POSTGRES = os.environ.get("DOCMILL_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")


def _postgres_is_missing() -> str:
    try:
        engine = create_engine(
            POSTGRES.replace("postgresql://", "postgresql+psycopg://"),
            connect_args={"connect_timeout": 2},
        )
        with engine.connect():
            pass
        engine.dispose()
    except (OperationalError, ImportError) as exc:
        return f"no PostgreSQL at 127.0.0.1:5432 with a database `test` ({type(exc).__name__})"
    return ""


_missing = _postgres_is_missing()
BACKENDS = [
    "sqlite",
    pytest.param(
        "postgresql", marks=pytest.mark.skipif(bool(_missing), reason=_missing or "there")
    ),
]
every_backend = pytest.mark.parametrize("backend", BACKENDS)


@contextmanager
def state_url(backend: str) -> Iterator[str | None]:
    """A database of one's own: None is SQLite in the project folder; PostgreSQL gets a schema that
    is dropped afterwards."""
    if backend == "sqlite":
        yield None
        return
    schema = f"docmill_test_{uuid4().hex[:12]}"
    engine = create_engine(POSTGRES.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    try:
        yield f"{POSTGRES}?options=-csearch_path%3D{schema}"
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()


@asynccontextmanager
async def open_ledger(backend: str, folder: Path) -> AsyncIterator[Ledger]:
    with state_url(backend) as url:
        async with await Ledger.open(url, folder) as ledger:
            yield ledger
