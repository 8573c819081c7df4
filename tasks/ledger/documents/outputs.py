"""Documents listed by each output.

What was once written to it stays in it, in that order. Jobs of a connection.

A target is a word for the kind of output and its path: relative to the project's folder, so that a
project may be moved or shared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, and_, bindparam, select

from schemas.record import Status
from tasks.ledger.connection.tables import documents, outputs
from tasks.ledger.connection.upsert import insert_into

ROWS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One document of an output. `result` is its DocumentResult as JSON; `name` a file name for it
    without suffix."""

    name: str
    result: str


@dataclass(frozen=True, slots=True)
class OutputListing:
    """A document's place in outputs: its record of this definition, under the file name `entry`."""

    targets: tuple[str, ...]
    flow: str
    document_id: str
    definition_hash: str
    entry: str


@cache
def _add(dialect_name: str) -> Executable:
    insert = insert_into(outputs, dialect_name)
    values: dict[str, Any] = {
        name: bindparam(f"new_{name}")
        for name in ("target", "flow", "document_id", "definition_hash", "entry")
    }
    return insert.values(values).on_conflict_do_update(
        index_elements=["target", "flow", "document_id"],
        set_={"definition_hash": insert.excluded.definition_hash},
    )


_LISTED = (
    select(outputs.c.entry, documents.c.result)
    .join(
        documents,
        and_(
            documents.c.flow == outputs.c.flow,
            documents.c.document_id == outputs.c.document_id,
            documents.c.definition_hash == outputs.c.definition_hash,
        ),
    )
    .where(
        outputs.c.target == bindparam("of_target"),
        documents.c.status.in_([str(Status.DONE), str(Status.NEEDS_REVIEW)]),
        documents.c.result.is_not(None),
    )
    .order_by(outputs.c.position)
)


def add(connection: Connection, listed: OutputListing) -> None:
    """Puts a document's record of this definition into the outputs; at the end where it is new. It
    shows once it is finished."""
    for target in listed.targets:
        row = {
            "target": target,
            "flow": listed.flow,
            "document_id": listed.document_id,
            "definition_hash": listed.definition_hash,
            "entry": listed.entry,
        }
        connection.execute(
            _add(connection.dialect.name), {f"new_{name}": value for name, value in row.items()}
        )


def listed(
    connection: Connection, target: str, document_ids: Sequence[str] | None = None
) -> Iterator[Entry]:
    """The output's finished documents in its order, or those of them in `document_ids`; read a few
    at a time."""
    if document_ids is None:
        yield from _entries(connection, target)
        return
    for start in range(0, len(document_ids), ROWS_AT_ONCE):
        yield from _entries(connection, target, document_ids[start : start + ROWS_AT_ONCE])


def _entries(
    connection: Connection, target: str, document_ids: Sequence[str] | None = None
) -> Iterator[Entry]:
    wanted = (
        _LISTED if document_ids is None else _LISTED.where(outputs.c.document_id.in_(document_ids))
    )
    rows = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(
        wanted, {"of_target": target}
    )
    for row in rows:
        yield Entry(row.entry, row.result)
