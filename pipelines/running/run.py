"""One run of a flow: its documents, several concurrently, with one result each."""

import asyncio
import logging
import os
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from pipelines.display.progress import Progress, Silent
from pipelines.running.document import RunState, process_document
from pipelines.running.notify import notify
from pipelines.running.result import RunOptions, RunResult
from pipelines.running.run_log import run_log
from pipelines.running.shared_rate_limit import shared_pace
from pipelines.running.step import StepCaller, call_directly
from schemas.errors import CallError, DeferReason
from schemas.flow import RenderSettingsSpec
from schemas.record import DocumentResult, ErrorInfo, Status
from schemas.usage import NANO_PER_UNIT, Usage
from tasks.bounded_concurrency import bounded
from tasks.documents.passwords import passwords_of
from tasks.documents.reader import DocumentReader
from tasks.flow_definition import FlowDefinition
from tasks.ledger.ledger import Ledger
from tasks.ledger.money.calls import CallBook
from tasks.models.gateway import ModelGateway
from tasks.models.http.limiter import Waits
from tasks.models.provider_buyer import ProviderBuyer
from tasks.outputs.views import OutputViews
from tasks.services import Services
from tasks.source_files import SourceFile, files_of_paths, files_of_source

log = logging.getLogger("docmill")


async def run_flow(
    definition: FlowDefinition,
    paths: Sequence[str] | None,
    options: RunOptions,
    *,
    call_step: StepCaller = call_directly,
    progress: Progress | None = None,
) -> RunResult:
    """Run a flow over `paths`, or over its source when there are none.

    Every file gets exactly one result. Ctrl-C (a cancellation) settles what is open as `deferred`
    and returns what there is. Raises `CallError` when the source is missing, `StateError` when the
    ledger cannot be written.
    """
    started = asyncio.get_running_loop().time()
    progress = progress or Silent()
    files = _files(definition, paths, options)
    ledger = await Ledger.open(definition.state_url, definition.folder)
    try:
        run_id = await ledger.start_run(definition.name, options.run_id or new_run_id())
        await ledger.remove_old_answers(definition.name, definition.spec.cache.keep_days)
        with run_log(definition.folder, run_id) as log_file:
            async with (
                OutputViews.of(definition, ledger, options.out) as outputs,
                open_services(definition, options, ledger, run_id, progress.say) as services,
            ):
                run = RunState(services, outputs, call_step, again=options.again)
                _report_start(definition, run_id, len(files), progress)
                results, interrupted = await _process_all(
                    files, run, definition.spec.concurrency.documents, progress
                )
            usage = services.models.usage if services.models else Usage()
            waits = services.models.waits if services.models else Waits()
            log.info("run %s: %d requests, %d tokens", run_id, usage.requests, usage.tokens)
        await ledger.finish_run(run_id, _summary(results, usage))
    finally:
        await ledger.close()
    result = RunResult(
        flow=definition.name,
        run_id=run_id,
        results=tuple(results),
        usage=usage,
        seconds=asyncio.get_running_loop().time() - started,
        log_file=log_file,
        outputs=outputs.places,
        stopped_by=run.stopped_by,
        interrupted=interrupted,
        waits=waits,
    )
    # a run in batches sends one notification, for the whole
    if definition.spec.notify is not None and options.run_id is None:
        await notify(definition.spec.notify, result, link=options.link)
    return result


def _report_start(
    definition: FlowDefinition, run_id: str, documents: int, progress: Progress
) -> None:
    progress.run_started(definition.name, documents)
    message = "run %s of flow %s: %d documents, %s engine"
    log.info(message, run_id, definition.name, documents, definition.engine)


async def _process_all(
    files: Sequence[SourceFile], run: RunState, at_one_time: int, progress: Progress
) -> tuple[list[DocumentResult], bool]:
    results: dict[int, DocumentResult] = {}

    async def work(entry: tuple[int, SourceFile]) -> None:
        index, file = entry
        progress.document_started(file.path.name)
        results[index] = await process_document(file, run)
        progress.document_finished(file.path.name, results[index])

    interrupted = False
    try:
        await bounded(enumerate(files), work, at_one_time)
    except asyncio.CancelledError:
        interrupted = True
    return [results.get(index) or not_begun(file) for index, file in enumerate(files)], interrupted


def new_run_id() -> str:
    """Sorts by time and is good for a file name: 20261123-061500-3fa9c2."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def _summary(results: Sequence[DocumentResult], usage: Usage) -> dict[str, Any]:
    return {
        "documents": Counter(str(result.status) for result in results),
        "usage": usage.model_dump(mode="json"),
    }


def not_begun(file: SourceFile) -> DocumentResult:
    message = "interrupted before this document was started; the next run will process it"
    return DocumentResult(
        path=file.name,
        document_id=None,
        status=Status.DEFERRED,
        pages=0,
        error=ErrorInfo(code=DeferReason.INTERRUPTED, message=message),
    )


def _files(
    definition: FlowDefinition, paths: Sequence[str] | None, options: RunOptions
) -> list[SourceFile]:
    if paths:
        return files_of_paths(paths, options.working_folder)
    if definition.spec.source is None:
        raise CallError(
            f"flow {definition.name!r} has no `source`: name files, folders or globs; "
            "nothing was run."
        )
    return files_of_source(definition.spec.source, definition.folder)


@asynccontextmanager
async def open_services(
    definition: FlowDefinition,
    options: RunOptions,
    ledger: Ledger,
    run_id: str,
    say: Callable[[str], None],
) -> AsyncIterator[Services]:
    """The reader with its workers, and for a paid engine the gateway with its budget; all closed at
    the end of the run."""
    settings = definition.settings(RenderSettingsSpec) or RenderSettingsSpec()
    store_url = definition.store_url or str(definition.folder / ".docmill" / "store")
    async with DocumentReader(
        settings,
        store_url=store_url,
        passwords=passwords_of(settings, definition.folder),
        warm=False,
    ) as reader:
        page_slots = asyncio.Semaphore(definition.spec.concurrency.pages)
        services = Services(definition, run_id, reader, ledger, None, page_slots)
        if definition.engine == "local":
            yield services
            return
        calls = _calls(definition, options, ledger, run_id, say)
        async with (
            ProviderBuyer(definition, calls, _api_key(definition), on_warning=say) as buyer,
            shared_pace(definition.provider, ledger),
        ):
            models = ModelGateway(definition, calls, buyer, on_warning=say)
            yield replace(services, models=models)


def _calls(
    definition: FlowDefinition,
    options: RunOptions,
    ledger: Ledger,
    run_id: str,
    say: Callable[[str], None],
) -> CallBook:
    return CallBook(
        ledger,
        flow=definition.name,
        run_id=run_id,
        budget=definition.spec.budget,
        max_tokens=options.max_tokens,
        max_cost_nano=None if options.max_cost is None else int(options.max_cost * NANO_PER_UNIT),
        fresh=options.fresh,
        on_warning=say,
    )


def _api_key(definition: FlowDefinition) -> SecretStr | None:
    key = os.environ.get(definition.provider.api_key_env or "")
    return SecretStr(key) if key else None
