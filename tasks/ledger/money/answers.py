"""The answer cache: stored model answers, found by what was asked. Jobs of a connection."""

from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, Executable, bindparam, delete, func, select

from tasks.ledger.connection.tables import answers
from tasks.ledger.connection.upsert import insert_into

_GET = select(answers).where(
    answers.c.answer_key == bindparam("key"), answers.c.stored_at >= bindparam("stored_after")
)
_STORED = tuple(column.name for column in answers.c if not column.primary_key)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A model's answer as it was read, completely. `model` is the id that the answer names, or the
    one that was sent."""

    text: str
    finish_reason: str | None
    model: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What the answer cache holds. `tokens` is what the answers cost once and cost no more."""

    answers: int
    documents: int
    characters: int
    tokens: int
    oldest_at: float | None


def get(connection: Connection, key: str, stored_after: float) -> StoredAnswer | None:
    row = connection.execute(_GET, {"key": key, "stored_after": stored_after}).one_or_none()
    return (
        None
        if row is None
        else StoredAnswer(
            row.text, row.finish_reason, row.model, row.prompt_tokens, row.completion_tokens
        )
    )


def put(
    connection: Connection,
    key: str,
    *,
    flow: str,
    document_id: str,
    answer: StoredAnswer,
    now: float,
) -> None:
    """Replaces an older answer to the same question."""
    statement = _put(connection.dialect.name)
    connection.execute(
        statement,
        {
            "answer_key": key,
            "document_id": document_id,
            "flow": flow,
            "text": answer.text.replace(
                "\x00", "\ufffd"
            ),  # PostgreSQL stores no NUL; no model means one
            "finish_reason": answer.finish_reason,
            "model": answer.model,
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
            "stored_at": now,
        },
    )


def remove(
    connection: Connection,
    *,
    flow: str | None = None,
    before: float | None = None,
    document_id: str | None = None,
) -> int:
    """Removes the answers that a flow paid for, that were stored earlier than `before`, that are of
    one document; with none of these, all.

    Returns how many.
    """
    statement = delete(answers)
    if flow is not None:
        statement = statement.where(answers.c.flow == flow)
    if before is not None:
        statement = statement.where(answers.c.stored_at < before)
    if document_id is not None:
        statement = statement.where(answers.c.document_id == document_id)
    return connection.execute(statement).rowcount


def stats(connection: Connection) -> CacheStats:
    row = connection.execute(
        select(
            func.count(),
            func.count(answers.c.document_id.distinct()),
            func.coalesce(func.sum(func.length(answers.c.text)), 0),
            func.coalesce(func.sum(answers.c.prompt_tokens + answers.c.completion_tokens), 0),
            func.min(answers.c.stored_at),
        )
    ).one()
    return CacheStats(int(row[0]), int(row[1]), int(row[2]), int(row[3]), row[4])


@cache
def _put(dialect_name: str) -> Executable:
    insert = insert_into(answers, dialect_name)
    return insert.on_conflict_do_update(
        index_elements=["answer_key"], set_={name: insert.excluded[name] for name in _STORED}
    )
