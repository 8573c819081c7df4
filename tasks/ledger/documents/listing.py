"""Listing, retrying and forgetting of documents in the ledger.

Jobs of a connection.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, select, update

from schemas.errors import StateError
from schemas.record import Status
from tasks.ledger.connection.owners import database_time
from tasks.ledger.connection.tables import documents, invoice_numbers, outputs
from tasks.ledger.money import answers

SHORTEST_PREFIX = 6


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One document in one flow, by one definition of it. `path` is empty when it was forgotten."""

    flow: str
    document_id: str
    path: str
    status: Status
    pages: int
    confidence: float | None
    error_code: str | None
    error_message: str | None
    attempts: int
    in_work: bool
    updated_at: float


@dataclass(frozen=True, slots=True)
class OutputEntry:
    """A document's place in an output: `target` as in outputs.py, `entry` its file name there if
    that is a folder."""

    target: str
    entry: str


def listing(
    connection: Connection,
    *,
    flow: str | None = None,
    status: Status | None = None,
    limit: int | None = None,
) -> tuple[DocumentRow, ...]:
    """The newest definition of each document only, latest change first."""
    shown = [
        column for column in documents.c if column.name not in ("result", "usage")
    ]  # records are long
    wanted = select(*shown).order_by(documents.c.updated_at.desc())
    if flow is not None:
        wanted = wanted.where(documents.c.flow == flow)
    found: dict[tuple[str, str], DocumentRow] = {}
    for row in connection.execute(wanted):
        if (row.flow, row.document_id) in found:
            continue
        found[row.flow, row.document_id] = DocumentRow(
            flow=row.flow,
            document_id=row.document_id,
            path=row.path,
            status=Status(row.status),
            pages=row.pages,
            confidence=row.confidence,
            error_code=row.error_code,
            error_message=row.error_message,
            attempts=row.attempts,
            in_work=row.claim_owner is not None,
            updated_at=row.updated_at,
        )
    chosen = [row for row in found.values() if status is None or row.status is status]
    return tuple(chosen[:limit])


def find(connection: Connection, wanted: str) -> tuple[str, ...]:
    """Ids of the documents that `wanted` may mean: an id, its first characters (six at least), a
    path or a file name."""
    same: ColumnElement[bool] = (documents.c.path == wanted) | documents.c.path.endswith(
        "/" + wanted, autoescape=True
    )
    if len(wanted) >= SHORTEST_PREFIX:
        same |= documents.c.document_id.startswith(wanted.lower(), autoescape=True)
    return tuple(
        connection.execute(
            select(documents.c.document_id).where(same).distinct().order_by(documents.c.document_id)
        ).scalars()
    )


def retry(
    connection: Connection, *, flow: str | None = None, document_id: str | None = None
) -> tuple[DocumentRow, ...]:
    """Lets the next run try failed documents again, however often they failed. Returns them."""
    failed = [
        row
        for row in listing(connection, flow=flow, status=Status.FAILED)
        if document_id in (None, row.document_id)
    ]
    for row in failed:
        same = (
            documents.c.flow == row.flow,
            documents.c.document_id == row.document_id,
            documents.c.status == str(Status.FAILED),
        )
        connection.execute(update(documents).where(*same).values(attempts=0))
    return tuple(failed)


def forget(connection: Connection, document_id: str) -> tuple[OutputEntry, ...]:
    """Removes what a document said: records, error messages, path, answers. Its id, statuses and
    calls stay, so that sums stay true.

    Returns the outputs that listed it, which have to be written again. Raises StateError while a
    process works on it.
    """
    rows = connection.execute(
        select(documents.c.claim_owner).where(documents.c.document_id == document_id)
    ).all()
    if any(row.claim_owner is not None for row in rows):
        raise StateError(
            f"document {document_id[:12]} is being worked on; forget it when that run has ended"
        )
    overwrite = connection.dialect.name == "sqlite"
    if overwrite:
        connection.exec_driver_sql(
            "PRAGMA secure_delete=ON"
        )  # also pages that become free are overwritten
    emptied = {
        "path": "",
        "result": None,
        "error_message": None,
        "confidence": None,
        "updated_at": database_time(connection),
    }
    connection.execute(
        update(documents).where(documents.c.document_id == document_id).values(emptied)
    )
    answers.remove(connection, document_id=document_id)
    connection.execute(delete(invoice_numbers).where(invoice_numbers.c.document_id == document_id))
    listed = connection.execute(
        delete(outputs)
        .where(outputs.c.document_id == document_id)
        .returning(outputs.c.target, outputs.c.entry)
    ).all()
    if overwrite:
        connection.exec_driver_sql("PRAGMA secure_delete=FAST")
    return tuple(OutputEntry(row.target, row.entry) for row in listed)
