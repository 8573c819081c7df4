"""Ledger of documents: runs, claims and records.

The truth about documents, which Prefect and outputs follow.

A document's row is known by flow, document_id and definition hash. While it is worked on the row is
claimed by its owner; its status is what the last finished run said, and `deferred: interrupted`
before the first, so that a kill leaves the right word.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from sqlalchemy import Connection, update

from schemas.document import Document
from schemas.errors import DeferReason
from schemas.record import DocumentResult, Status
from schemas.usage import Usage
from tasks.ledger.connection import owners
from tasks.ledger.connection.database import Database
from tasks.ledger.connection.location import database_url
from tasks.ledger.connection.locks import Locks
from tasks.ledger.connection.migrations import migrate
from tasks.ledger.connection.owners import Owner
from tasks.ledger.connection.tables import documents, runs
from tasks.ledger.connection.upsert import insert_into
from tasks.ledger.documents import claims, listing, outcomes, outputs
from tasks.ledger.documents.claims import (
    DEFER_MESSAGES,
    SETTLED,
    Claimed,
    HeldElsewhere,
    Settled,
)
from tasks.ledger.documents.listing import DocumentRow, OutputEntry
from tasks.ledger.documents.outcomes import Outcome
from tasks.ledger.documents.outputs import OutputListing
from tasks.ledger.money import answers, reservations, resolutions
from tasks.source_files import printable


class Ledger:
    """One open ledger in one process; open it once and share it. `database`, `owner` and
    `locks` are for the other modules of the ledger."""

    def __init__(self, database: Database, owner: Owner, locks: Locks) -> None:
        self.database, self.owner, self.locks = database, owner, locks

    @classmethod
    async def open(cls, url: str | None, folder: Path, *, owner: Owner | None = None) -> Self:
        """Opens, makes or moves on the database. `folder` is that of flows.yaml; `url` None is
        SQLite in `.docmill/` there.

        What processes held that are dead by now is free at once. Raises StateError and
        MissingExtraError.
        """
        return await asyncio.to_thread(cls._open, url, folder, owner or owners.this_process())

    @classmethod
    def _open(cls, url: str | None, folder: Path, owner: Owner) -> Self:
        def tick(connection: Connection) -> None:
            owners.heartbeat(connection, owner)
            locks.give_back_left_overs(connection)

        database = Database(
            database_url(url, folder), on_tick=tick, tick_seconds=owners.HEARTBEAT_SECONDS
        )
        locks = Locks(database, owner.owner_id)
        owners.begin(owner)
        try:
            database.start(
                [
                    migrate,
                    lambda connection: owners.register(connection, owner),
                    lambda connection: reservations.reap(connection, owner),
                ],
            )
        except BaseException:
            owners.end(owner)
            raise
        return cls(database, owner, locks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Gives back what it still holds; a call that was sent and never settled is charged at its
        bound.

        When that cannot be written (StateError), the next ledger that opens does it.
        """

        def leave(connection: Connection) -> None:
            reservations.close_calls_of(connection, self.owner.owner_id, "abandoned")
            owners.drop_owner(connection, self.owner.owner_id)

        def close() -> None:
            try:
                self.database.close(leave)
            finally:
                owners.end(self.owner)

        await asyncio.shield(asyncio.to_thread(close))

    async def take_over_from_the_dead(self) -> int:
        """Frees what dead processes hold; returns how many there were."""
        return await self.database.write(
            lambda connection: reservations.reap(connection, self.owner)
        )

    async def start_run(self, flow: str, run_id: str | None = None) -> str:
        """The id of a new run; with `run_id`, that of a run which is fanned out over processes and
        started by the first of them."""
        started = run_id or uuid4().hex

        def job(connection: Connection) -> None:
            now = owners.database_time(connection)
            connection.execute(
                insert_into(runs, connection.dialect.name)
                .values(run_id=started, flow=flow, started_at=now)
                .on_conflict_do_nothing()
            )

        await self.database.write(job)
        return started

    async def finish_run(self, run_id: str, summary: Mapping[str, Any] | None = None) -> None:
        def job(connection: Connection) -> None:
            now = owners.database_time(connection)
            connection.execute(
                update(runs)
                .where(runs.c.run_id == run_id)
                .values(finished_at=now, result=summary and json.dumps(summary))
            )

        await self.database.write(job)

    async def claim(
        self,
        flow: str,
        document: Document,
        definition_hash: str,
        run_id: str,
        *,
        again: bool,
        document_attempts: int,
    ) -> Claimed | Settled | HeldElsewhere:
        """Takes the document for this run, unless it is settled or held. `again` works on settled
        ones too.

        A failed document is tried again by `document_attempts` further runs.
        """
        claim = Claimed(flow, document.document_id, definition_hash, run_id, uuid4().hex)

        def job(connection: Connection) -> Claimed | Settled | HeldElsewhere:
            row = claims.find(connection, claim)
            if (
                row is not None
                and row.claim_owner not in (None, self.owner.owner_id)
                and reservations.reap(connection, self.owner)
            ):
                row = claims.find(connection, claim)
            if row is not None and row.claim_owner is not None:
                return HeldElsewhere(here=row.claim_owner == self.owner.owner_id)
            if row is not None and not again and claims.is_settled(row, document_attempts):
                return Settled(DocumentResult.model_validate_json(row.result))
            claims.take(connection, self.owner, claim, printable(document.path), new=row is None)
            return claim

        return await self.database.write(job)

    async def finish(
        self,
        claim: Claimed,
        result: DocumentResult,
        usage: Usage,
        listed: OutputListing | None = None,
    ) -> bool:
        """Stores the outcome; only then is it safe. False, and nothing stored, when another process
        has taken the document over.

        `listed` is stored in the same transaction: a kill leaves no document that is done and in no
        output. A deferred outcome is a `release`: it never takes the place of a record.
        """
        error = result.error
        if result.status == Status.DEFERRED:
            reason = DeferReason(error.code if error else DeferReason.STOPPED)
            return await self.release(
                claim, reason, usage, message=error.message if error else None
            )
        values = {
            "path": result.path,
            "status": str(result.status),
            "pages": result.pages,
            "confidence": result.confidence,
            "error_code": error and error.code,
            "error_message": error and error.message,
            "result": result.model_dump_json(),
            "usage": usage.model_dump_json(),
            "attempts": documents.c.attempts + 1 if result.status == Status.FAILED else 0,
        }

        def job(connection: Connection) -> bool:
            ended = claims.store_end(connection, claim, values)
            if ended and listed is not None:
                outputs.add(connection, listed)
            return ended

        return await self.database.write(job)

    async def release(
        self,
        claim: Claimed,
        reason: DeferReason,
        usage: Usage | None = None,
        *,
        message: str | None = None,
    ) -> bool:
        """Hands the document to the next run as `deferred`; a record it had from an earlier run
        stays its record."""

        def job(connection: Connection) -> bool:
            row = claims.find(connection, claim)
            if row is None or row.claim_id != claim.claim_id:
                return False
            values: dict[str, Any] = {}
            if row.status not in SETTLED or row.result is None:
                values = {
                    "status": str(Status.DEFERRED),
                    "error_code": str(reason),
                    "error_message": message or DEFER_MESSAGES[reason],
                    "result": None,
                }
                values |= {} if usage is None else {"usage": usage.model_dump_json()}
            return claims.store_end(connection, claim, values)

        return await self.database.write(job)

    async def list_in_outputs(self, listed: OutputListing) -> None:
        """Lists a document again; twice is the same as once."""
        await self.database.write(lambda connection: outputs.add(connection, listed))

    async def outcomes(
        self, flow: str, definition_hash: str, document_ids: Sequence[str]
    ) -> dict[str, Outcome]:
        """By document_id, of those documents that any run has begun."""
        return await self.database.read(
            lambda connection: outcomes.outcomes(connection, flow, definition_hash, document_ids)
        )

    async def spent_by_run(self, flow: str, run_id: str) -> Usage:
        """What all processes of a run were charged; cache hits are not counted."""
        return await self.database.read(
            lambda connection: outcomes.spent_by_run(connection, flow, run_id)
        )

    async def processes_at_work(self) -> int:
        return await self.database.read(owners.count_at_work)

    async def retry_failed(
        self, *, flow: str | None = None, document_id: str | None = None
    ) -> tuple[DocumentRow, ...]:
        """Lets the next run try failed documents again, however often they failed. Returns them."""
        return await self.database.write(
            lambda connection: listing.retry(connection, flow=flow, document_id=document_id)
        )

    async def forget(self, document_id: str) -> tuple[OutputEntry, ...]:
        """See `listing.forget`. Returns the outputs that have to be written without it."""
        return await self.database.write(lambda connection: listing.forget(connection, document_id))

    async def remove_answers(self, before: float | None) -> int:
        """Removes the answers stored earlier than `before` (None: all) and returns how many."""
        return await self.database.write(
            lambda connection: answers.remove(connection, before=before)
        )

    async def resolution(self, endpoint: str, role: str) -> str | None:
        """The model that `role` stood for at `endpoint` when that was last found out, at most 24 h
        ago."""
        return await self.database.read(
            lambda connection: resolutions.get(connection, endpoint, role)
        )

    async def keep_resolution(self, endpoint: str, role: str, model: str) -> None:
        await self.database.write(
            lambda connection: resolutions.put(connection, endpoint, role, model)
        )

    async def remove_old_answers(self, flow: str, keep_days: int | None) -> int:
        """Retention: removes the answers that `flow` paid for more than `keep_days` ago (None keeps
        all). Returns how many."""
        if keep_days is None:
            return 0
        before = time.time() - keep_days * 86_400.0
        return await self.database.write(
            lambda connection: answers.remove(connection, flow=flow, before=before)
        )
