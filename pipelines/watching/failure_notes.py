"""Note beside a document that failed: what happened, what to do, how to try it again."""

from datetime import UTC, datetime

from schemas.errors import DocmillError
from schemas.record import DocumentResult


def failure_note(name: str, result: DocumentResult, folder: str) -> str:
    """The text of `NAME.error.txt`: what happened, what to do, how to have the file taken again.
    Holds no document text."""
    code = result.error.code if result.error else "unknown"
    message = result.error.message if result.error else "no reason was given"
    advice = (result.error and result.error.advice) or DocmillError.advice
    return (
        f"{name} could not be processed.\n\n"
        f"Why:        {message}\n"
        f"What to do: {advice}\n"
        f"Then:       move the file back into {folder}; it is processed again. "
        "Pages that were paid for are not paid for again.\n\n"
        f"Code:     {code}\n"
        f"Document: {result.document_id or 'never read'}\n"
        f"Time:     {datetime.now(UTC).isoformat(timespec='seconds')}\n"
    )
