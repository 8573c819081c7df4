"""Claims on documents: who works on which, and how one ends. Jobs of a connection."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, insert, select, update

from schemas.errors import DeferReason
from schemas.record import DocumentResult, Status
from tasks.ledger.connection.owners import Owner, database_time
from tasks.ledger.connection.tables import documents

DEFER_MESSAGES = {
    DeferReason.BUDGET: "the budget has no room for another call; the next run with budget left "
    "will process it",
    DeferReason.PROVIDER_DOWN: "the provider does not answer; the next run will process it",
    DeferReason.STOPPED: "the run stopped before reaching this document; the next run will "
    "process it",
    DeferReason.INTERRUPTED: "the run was interrupted; the next run will process it",
    DeferReason.CLAIMED_ELSEWHERE: "another process is working on it",
}
SETTLED = (Status.DONE, Status.NEEDS_REVIEW)


@dataclass(frozen=True, slots=True)
class Claimed:
    """The document is this run's to work on, until `finish` or `release`."""

    flow: str
    document_id: str
    definition_hash: str
    run_id: str
    claim_id: str


@dataclass(frozen=True, slots=True)
class Settled:
    """Nothing to do: done before with the same definition (report it as `skipped`), or failed as
    often as it may be tried."""

    result: DocumentResult


@dataclass(frozen=True, slots=True)
class HeldElsewhere:
    """Somebody is at it: another process, or (`here`) another task of this one, as when a folder
    has the same bytes twice."""

    here: bool


_KEY = and_(
    documents.c.flow == bindparam("of_flow"),
    documents.c.document_id == bindparam("of_document"),
    documents.c.definition_hash == bindparam("of_definition"),
)
_FIND = select(documents).where(_KEY)
_TAKE = update(documents).where(_KEY)
_END = update(documents).where(_KEY, documents.c.claim_id == bindparam("of_claim"))


def find(connection: Connection, claim: Claimed) -> Row[Any] | None:
    return connection.execute(_FIND, _key(claim)).one_or_none()


def take(connection: Connection, owner: Owner, claim: Claimed, path: str, *, new: bool) -> None:
    """Claims the row for `owner`; a new one says `interrupted` until it is finished."""
    now = database_time(connection)
    held = {
        "run_id": claim.run_id,
        "claim_owner": owner.owner_id,
        "claim_id": claim.claim_id,
        "updated_at": now,
    }
    if not new:
        connection.execute(_TAKE, {**_key(claim), **held})
        return
    reason = DeferReason.INTERRUPTED
    values = {
        "path": path,
        "status": str(Status.DEFERRED),
        "error_code": str(reason),
        "error_message": DEFER_MESSAGES[reason],
        "first_seen_at": now,
    }
    key = {
        "flow": claim.flow,
        "document_id": claim.document_id,
        "definition_hash": claim.definition_hash,
    }
    connection.execute(insert(documents), {**key, **held, **values, "pages": 0, "attempts": 0})


def settled_documents(
    connection: Connection, flow: str, definition_hash: str, document_attempts: int
) -> dict[str, tuple[Status, int]]:
    """Status and pages, by document_id, of what `claim` would not give to a run of this definition.

    For plans.
    """
    rows = connection.execute(
        select(documents).where(
            documents.c.flow == flow, documents.c.definition_hash == definition_hash
        )
    )
    return {
        row.document_id: (Status(row.status), row.pages)
        for row in rows
        if is_settled(row, document_attempts)
    }


def is_settled(row: Row[Any], document_attempts: int) -> bool:
    if row.result is None:  # never finished, or forgotten
        return False
    return row.status in SETTLED or bool(
        row.status == Status.FAILED and row.attempts > document_attempts
    )


def _key(claim: Claimed) -> dict[str, str]:
    return {
        "of_flow": claim.flow,
        "of_document": claim.document_id,
        "of_definition": claim.definition_hash,
    }


def store_end(connection: Connection, claim: Claimed, values: dict[str, Any]) -> bool:
    ended = {
        **values,
        "claim_owner": None,
        "claim_id": None,
        "updated_at": database_time(connection),
    }
    return bool(
        connection.execute(_END.values(ended), {**_key(claim), "of_claim": claim.claim_id}).rowcount
    )
