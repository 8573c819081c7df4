"""Outcomes of documents, whichever process worked on them.

For a run that is spread over processes. Jobs of a connection.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from schemas.record import DocumentResult, ErrorInfo, Status
from schemas.usage import Usage
from tasks.ledger.connection.tables import calls, documents

# SQLite's limit on parameters of one statement is far above, PostgreSQL's planner likes short lists
_IDS_AT_ONE_TIME = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """One document as the ledger has it. `in_work`: claimed by a process that has not been found
    dead."""

    run_id: str
    in_work: bool
    result: DocumentResult
    usage: Usage

    @property
    def settled(self) -> bool:
        return not self.in_work and self.result.status is not Status.DEFERRED


def outcomes(
    connection: Connection, flow: str, definition_hash: str, document_ids: Sequence[str]
) -> dict[str, Outcome]:
    """Of those documents that any run has begun."""
    found: dict[str, Outcome] = {}
    for start in range(0, len(document_ids), _IDS_AT_ONE_TIME):
        wanted = select(documents).where(
            documents.c.flow == flow,
            documents.c.definition_hash == definition_hash,
            documents.c.document_id.in_(document_ids[start : start + _IDS_AT_ONE_TIME]),
        )
        for row in connection.execute(wanted):
            error = (
                None
                if row.error_code is None
                else ErrorInfo(code=row.error_code, message=row.error_message or "")
            )
            bare = DocumentResult(
                path=row.path,
                document_id=row.document_id,
                status=Status(row.status),
                pages=row.pages,
                error=error,
            )
            found[row.document_id] = Outcome(
                run_id=row.run_id,
                in_work=row.claim_owner is not None,
                result=bare
                if row.result is None
                else DocumentResult.model_validate_json(row.result),
                usage=Usage() if row.usage is None else Usage.model_validate_json(row.usage),
            )
    return found


def spent_by_run(connection: Connection, flow: str, run_id: str) -> Usage:
    """What all processes of a run were charged. `cost_nano` is None when one call's price is
    unknown. Cache hits are not counted here."""
    row = connection.execute(
        select(
            func.count(),
            func.coalesce(func.sum(calls.c.prompt_tokens), 0),
            func.coalesce(func.sum(calls.c.completion_tokens), 0),
            func.coalesce(func.sum(calls.c.cost_nano), 0),
            func.count(calls.c.cost_nano),
        ).where(calls.c.flow == flow, calls.c.run_id == run_id, calls.c.state == "settled")
    ).one()
    requests, prompt, completion, cost, priced = (int(value) for value in row)
    return Usage(
        requests=requests,
        prompt_tokens=prompt,
        completion_tokens=completion,
        cost_nano=cost if priced == requests else None,
    )
