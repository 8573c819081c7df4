"""Processing of one document: claim, steps, ledger, outputs."""

import asyncio
import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import JsonValue

from pipelines.running.step import StepCaller
from schemas.document import Document
from schemas.errors import (
    BudgetExceededError,
    DeferReason,
    DocmillError,
    DocumentError,
    Effect,
    FileChangedError,
    MachineError,
)
from schemas.flow import OnExceeded
from schemas.record import DocumentResult, Draft, ErrorInfo, Finding, Status
from schemas.usage import Usage
from tasks.documents.identify import identify
from tasks.ledger.documents.claims import DEFER_MESSAGES, Claimed, HeldElsewhere, Settled
from tasks.outputs.views import OutputViews
from tasks.services import Services
from tasks.source_files import SourceFile

log = logging.getLogger("docmill")


@dataclass(slots=True)
class RunState:
    """What the documents of one run share beside the services."""

    services: Services
    outputs: OutputViews
    call_step: StepCaller
    again: bool = False
    stopped_by: DocmillError | None = None  # the run ends: no further document is begun
    seen: dict[str, asyncio.Future[DocumentResult]] = field(default_factory=dict)  # by document_id


_Look = tuple[int, int, int, int, int]
"""What changes when a file is written or exchanged, even by one of the same size and time."""


async def process_document(file: SourceFile, run: RunState) -> DocumentResult:
    """One file to one result. Raises only what must end the run: `StateError`, cancellation, a bug
    outside the steps."""
    if file.error is not None:
        return DocumentResult(
            path=file.name,
            document_id=None,
            status=Status.FAILED,
            pages=0,
            error=_error_info(file.error),
        )
    try:
        document, looked = await asyncio.to_thread(_identified, file.path)
    except MachineError as error:
        run.stopped_by = error
        return _deferred(None, file, error.defer_reason, error)
    except DocumentError as error:
        return DocumentResult(
            path=file.name,
            document_id=None,
            status=Status.FAILED,
            pages=0,
            error=_error_info(error),
        )
    twin = run.seen.get(document.document_id)
    if twin is not None:
        return _same_bytes(await asyncio.shield(twin), file)
    run.seen[document.document_id] = done = asyncio.get_running_loop().create_future()
    try:
        result = await _process_once(document, file, run, looked)
    except BaseException as error:
        done.set_exception(error)
        done.exception()  # nobody may be waiting; the raise below tells
        raise
    done.set_result(result)
    log.info(
        "document %s %s: %s%s",
        document.document_id,
        file.path.name,
        result.status,
        f" ({result.error.code})" if result.error else "",
    )
    return result


def _identified(path: Path) -> tuple[Document, _Look | None]:
    looked = _look_at(path)
    return identify(path), looked


def _look_at(path: Path) -> _Look | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _refuse_other_content(document: Document, looked: _Look | None) -> None:
    """What was read must be what was hashed: raises FileChangedError when other bytes lie there."""
    now = _look_at(document.path)
    if now is None or now == looked:
        return
    if identify(document.path).document_id != document.document_id:
        raise FileChangedError(document.path.name)


def _same_bytes(first: DocumentResult, file: SourceFile) -> DocumentResult:
    finished = first.status in (Status.DONE, Status.NEEDS_REVIEW)
    return first.model_copy(
        update={"path": file.name, "status": Status.SKIPPED if finished else first.status}
    )


async def _process_once(
    document: Document, file: SourceFile, run: RunState, looked: _Look | None
) -> DocumentResult:
    services, flow = run.services, run.services.flow
    if run.stopped_by is not None:
        return _deferred(document, file, run.stopped_by.defer_reason, run.stopped_by)
    claim = await services.ledger.claim(
        flow.name,
        document,
        flow.hash,
        services.run_id,
        again=run.again,
        document_attempts=flow.spec.retry.document_attempts,
    )
    if isinstance(claim, Settled):
        result = claim.result.model_copy(update={"path": file.name})
        if result.status in (Status.DONE, Status.NEEDS_REVIEW):
            result = result.model_copy(update={"status": Status.SKIPPED})
            await run.outputs.add(document.document_id, document.path, flow.hash)
        return result
    if isinstance(claim, HeldElsewhere):
        return _deferred(document, file, DeferReason.CLAIMED_ELSEWHERE, None)
    return await _work_on(claim, document, file, run, looked)


@dataclass(slots=True)
class _Attempt:
    """How far a document came: what a failed one found and cost until then is kept."""

    draft: Draft
    services: Services

    @property
    def usage(self) -> Usage:
        """With the calls of a step that did not come to its end."""
        models = self.services.models
        return (
            self.draft.usage
            if models is None
            else self.draft.usage + models.take_usage(self.draft.document.document_id)
        )


async def _work_on(
    claim: Claimed, document: Document, file: SourceFile, run: RunState, looked: _Look | None
) -> DocumentResult:
    services = run.services
    attempt = _Attempt(Draft(document=document), services)
    try:
        await _take_through_steps(attempt, run)
        await asyncio.to_thread(_refuse_other_content, document, looked)
        result = _result(attempt.draft, file)
    except asyncio.CancelledError:
        await asyncio.shield(services.ledger.release(claim, DeferReason.INTERRUPTED, attempt.usage))
        raise
    except DocmillError as error:
        match _effect(error, services):
            case Effect.PAGE | Effect.DOCUMENT:
                result = _failed(attempt.draft, file, _error_info(error))
            case Effect.DEFER | Effect.STOP as effect:
                if effect is Effect.STOP:
                    run.stopped_by = error
                await services.ledger.release(claim, error.defer_reason, attempt.usage)
                return _deferred(document, file, error.defer_reason, error)
            case Effect.ABORT:
                raise
    except Exception as error:
        # The border of one document: a bug, ours or in a step of the user's own, must not end the
        # run.
        log.exception("document %s: %s", document.document_id, type(error).__name__)
        message = (
            f"an unexpected {type(error).__name__} in docmill or a step of your own; the other "
            "documents are processed; the log file has the traceback"
        )
        result = _failed(attempt.draft, file, ErrorInfo(code="internal_error", message=message))
    if not await _finish(claim, result, attempt, run):
        return _deferred(document, file, DeferReason.CLAIMED_ELSEWHERE, None)
    if result.status in (Status.DONE, Status.NEEDS_REVIEW):
        await run.outputs.add(document.document_id, document.path, services.flow.hash)
    return result


async def _finish(claim: Claimed, result: DocumentResult, attempt: _Attempt, run: RunState) -> bool:
    """The record and its place in the outputs are made safe together; files are written later."""
    ledger = run.services.ledger
    if result.status not in (Status.DONE, Status.NEEDS_REVIEW):
        return await ledger.finish(claim, result, attempt.usage)
    path = attempt.draft.document.path
    listing = run.outputs.listing(claim.document_id, path, claim.definition_hash)
    return await ledger.finish(claim, result, attempt.usage, listing)


async def _take_through_steps(attempt: _Attempt, run: RunState) -> None:
    try:
        await _steps(attempt, run, run.services)
    except BudgetExceededError as error:
        budget = run.services.flow.spec.budget
        if budget is None or budget.on_exceeded is not OnExceeded.LOCAL:
            raise
        document = attempt.draft.document
        log.info("document %s: budget used up, finished by the local engine", document.document_id)
        offline = replace(run.services, models=None)
        attempt.draft = Draft(document=document, usage=attempt.usage)
        await _steps(attempt, run, offline)
        told = Finding(
            code="finished_locally",
            message=f"{error} This document was finished by the local engine.",
            weight="note",
        )
        attempt.draft = attempt.draft.adding(told)


async def _steps(attempt: _Attempt, run: RunState, services: Services) -> None:
    for step in services.flow.steps:
        try:
            attempt.draft = await run.call_step(step, attempt.draft, services)
        except OSError as error:
            machine = MachineError.of(f"step {step.name}", error)
            if machine is None:
                raise
            raise machine from error


def _result(draft: Draft, file: SourceFile) -> DocumentResult:
    review = any(finding.weight == "review" for finding in draft.findings)
    return DocumentResult(
        path=file.name,
        document_id=draft.document.document_id,
        status=Status.NEEDS_REVIEW if review else Status.DONE,
        pages=draft.page_count,
        record=draft.record if draft.record is not None else _page_texts(draft),
        evidence=draft.evidence,
        findings=draft.findings,
    )


def _page_texts(draft: Draft) -> dict[str, JsonValue] | None:
    """The record of a flow without `summarise`: the text of each page."""
    pages: list[JsonValue] = [
        {"page_number": page.page_number, "text": page.text} for page in draft.extractions
    ]
    return {"pages": pages} if pages else None


def _failed(draft: Draft, file: SourceFile, error: ErrorInfo) -> DocumentResult:
    return DocumentResult(
        path=file.name,
        document_id=draft.document.document_id,
        status=Status.FAILED,
        pages=draft.page_count,
        findings=draft.findings,
        error=error,
    )


def _deferred(
    document: Document | None, file: SourceFile, reason: DeferReason, error: DocmillError | None
) -> DocumentResult:
    message = (
        f"{error} The next run will process this document." if error else DEFER_MESSAGES[reason]
    )
    return DocumentResult(
        path=file.name,
        document_id=None if document is None else document.document_id,
        status=Status.DEFERRED,
        pages=0,
        error=ErrorInfo(code=reason, message=message),
    )


def _effect(error: DocmillError, services: Services) -> Effect:
    """Of the error's class, except that `budget.on_exceeded` may let a run go on without budget.

    A limit of the command line, where flows.yaml has no budget, stops the run.
    """
    budget = services.flow.spec.budget
    if isinstance(error, BudgetExceededError) and budget is not None:
        return Effect.STOP if budget.on_exceeded is OnExceeded.STOP else Effect.DEFER
    return error.effect


def _error_info(error: DocmillError) -> ErrorInfo:
    return ErrorInfo(code=error.code, message=str(error))
