"""Advice about a failed document: one sentence for each stable error code."""

from datetime import UTC, datetime

from schemas import errors
from schemas.record import DocumentResult

_ADVICE: dict[str, str] = {
    errors.UnsupportedTypeError.code: "Save it as PDF, PNG, JPEG or TIFF.",
    errors.UnreadableError.code: "The file is damaged or was cut off. Scan it again, or ask its "
    "sender for it again.",
    errors.PasswordError.code: "Save it without a password, or add its password to "
    "`render.passwords_file` (or "
    "`passwords_env`) in flows.yaml.",
    errors.LimitError.code: "Split it, scan it at a lower resolution, or raise the limit in "
    "`render:` of "
    "flows.yaml.",
    errors.WorkerError.code: "The file breaks the PDF or image reader. Print it to a new PDF.",
    errors.OcrMissingError.code: "Install the OCR extra on the machine that watches: pip install "
    '"docmill[ocr]".',
    errors.SourceError.code: "Check that the account that watches may read the file.",
    errors.AuthenticationError.code: "Set a valid API key where the watch runs.",
    errors.RequestRefusedError.code: "The model's endpoint refuses this document; the log of the "
    "run has the status.",
    errors.AnswerInvalidError.code: "The model's answers did not fit the schema. Enter this "
    "document by hand, or try "
    "another model.",
    errors.AnswerCutError.code: "The answer was too long. Raise `max_tokens` of the step in "
    "flows.yaml, or split the "
    "document.",
}
_OTHER = "The log of the run, under .docmill/logs, says more."


def failure_note(name: str, result: DocumentResult, folder: str) -> str:
    """The text of `NAME.error.txt`: what happened, what to do, how to have the file taken again.
    Holds no document text."""
    code = result.error.code if result.error else "unknown"
    message = result.error.message if result.error else "no reason was given"
    return (
        f"{name} could not be processed.\n\n"
        f"Why:        {message}\n"
        f"What to do: {_ADVICE.get(code, _OTHER)}\n"
        f"Then:       move the file back into {folder}; it is taken again, pages that were "
        "paid for are not paid for again.\n\n"
        f"Code:     {code}\n"
        f"Document: {result.document_id or 'never read'}\n"
        f"Time:     {datetime.now(UTC).isoformat(timespec='seconds')}\n"
    )
