"""Fan-out of a large run over workers, in batches.

Each batch is a flow run of a deployment; the ledger holds the outcome of each document.

Prefect's states only say when to look: a batch whose worker died stays `Running` there. It is lost
when nobody holds any of its documents in the ledger for a while; what it left is then given out
again. Nothing is done or paid twice, whoever else still works.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments.flow_runs import arun_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling, Crashed

from pipelines.display.progress import Progress
from pipelines.display.wording import counted
from pipelines.on_prefect.starting import run_tag, until_started
from pipelines.running.result import RunOptions, RunResult
from pipelines.running.run import new_run_id, run_flow
from pipelines.running.step import StepCaller
from schemas.errors import CallError, DeferReason, DocmillError, DocumentError, StateError
from schemas.record import DocumentResult, ErrorInfo, Status
from schemas.usage import Usage
from tasks.documents.identify import identify
from tasks.flow_definition import FlowDefinition
from tasks.ledger.documents.outcomes import Outcome
from tasks.ledger.ledger import Ledger
from tasks.outputs.views import OutputViews
from tasks.source_files import SourceFile

POLL_SECONDS = 2.0
SILENT_SECONDS = 30.0  # nobody holds a document of a running batch for so long: its process is gone
NO_WORKER_SECONDS = 60.0
# times that the same documents are given to a worker: a file that kills workers must not kill them
# all
GIVEN_OUT_AT_MOST = 4


@dataclass(slots=True)
class Batch:
    """Some documents and the flow run that has them."""

    number: int
    files: list[SourceFile]
    flow_run_id: UUID
    given_out: int = 1
    held_at: float = field(
        default_factory=time.monotonic
    )  # when a document of it was last seen in work, or the batch was given out
    ended: bool = False
    trouble: str | None = None


@dataclass(slots=True)
class FannedOutRun:
    """One run of many documents. `ids` is what each file turned out to be; a file that cannot be
    read has none."""

    definition: FlowDefinition
    files: Sequence[SourceFile]
    options: RunOptions
    local: bool
    progress: Progress
    ledger: Ledger
    run_id: str
    call_step: StepCaller
    stopped_by: DocmillError | None = None
    ids: dict[Path, str] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    async def run(self, client: PrefectClient) -> list[Batch]:
        """The first batch is worked on here, as soon as the others have started. Returns those when
        all have ended."""
        size = self.definition.spec.scale.batch if self.definition.spec.scale else len(self.files)
        readable = [file for file in self.files if file.path in self.ids]
        mine, rest = readable[:size], readable[size:]
        groups = [rest[start : start + size] for start in range(0, len(rest), size)]
        self.progress.say(
            f"{counted(len(mine), 'document')} here, {len(rest):,} in {len(groups):,} "
            f"batches for {self._deployment()}"
        )
        batches = [
            Batch(number, group, await self._give_out(group, number, 1))
            for number, group in enumerate(groups, start=1)
        ]
        here = asyncio.create_task(self._work_here(mine))
        try:
            while not (here.done() and all(batch.ended for batch in batches)):
                await asyncio.wait(
                    [here], timeout=POLL_SECONDS
                ) if not here.done() else await asyncio.sleep(POLL_SECONDS)
                if here.done():
                    self.stopped_by = here.result().stopped_by
                await self.ledger.take_over_from_the_dead()
                known = await self.look()
                for batch in batches:
                    if not batch.ended:
                        await self._follow(client, batch, known)
        except BaseException:
            here.cancel()
            await asyncio.shield(self._call_off(client, here, batches))
            raise
        return batches

    async def _work_here(self, files: Sequence[SourceFile]) -> RunResult:
        await until_started(self.run_id)
        options = replace(self.options, run_id=self.run_id)
        return await run_flow(
            self.definition, [str(file.path) for file in files], options, call_step=self.call_step
        )

    async def _call_off(
        self, client: PrefectClient, here: "asyncio.Task[RunResult]", batches: Sequence[Batch]
    ) -> None:
        for batch in batches:
            if not batch.ended:
                await client.set_flow_run_state(batch.flow_run_id, Cancelling())
        await asyncio.gather(here, return_exceptions=True)

    def _deployment(self) -> str:
        scale = self.definition.spec.scale
        return f"{self.definition.name}/{scale.deployment if scale else ''}"

    async def _give_out(self, files: Sequence[SourceFile], number: int, time_given: int) -> UUID:
        options = replace(self.options, run_id=self.run_id)
        parameters = options.to_parameters([str(file.path) for file in files], local=self.local)
        try:
            flow_run = await arun_deployment(
                self._deployment(),
                parameters=parameters,
                idempotency_key=f"{self.run_id}-{number}-{time_given}",
                tags=["docmill", "batch", run_tag(self.run_id)],
                timeout=0,
                as_subflow=True,
            )
        except ObjectNotFound as error:
            raise CallError(
                f"deployment {self._deployment()}, which `scale` names, is not registered; "
                "run `docmill deploy` first"
            ) from error
        return flow_run.id

    async def look(self) -> dict[str, Outcome]:
        ids = list(dict.fromkeys(self.ids.values()))
        known = await self.ledger.outcomes(self.definition.name, self.definition.hash, ids)
        for path, document_id in self.ids.items():
            outcome = known.get(document_id)
            if (
                outcome is not None
                and outcome.run_id == self.run_id
                and outcome.settled
                and str(path) not in self.told
            ):
                self.told.add(str(path))
                self.progress.document_finished(path.name, outcome.result)
        return known

    async def _follow(self, client: PrefectClient, batch: Batch, known: dict[str, Outcome]) -> None:
        flow_run = await client.read_flow_run(batch.flow_run_id)
        state = flow_run.state
        if state is not None and state.is_final():
            batch.ended = True
            batch.trouble = (
                None
                if state.is_completed()
                else f"batch {batch.number} ended as {state.name}: {state.message}"
            )
            return
        now = time.monotonic()
        if state is None or state.is_scheduled():
            if now - batch.held_at > NO_WORKER_SECONDS and "worker" not in self.told:
                self.told.add("worker")
                self.progress.say(
                    f"no worker has taken batch {batch.number} yet; is one running for the "
                    f"work pool of {self._deployment()}?"
                )
            return
        if any(
            outcome.in_work for file in batch.files if (outcome := known.get(self.ids[file.path]))
        ):
            batch.held_at = now
        elif now - max(batch.held_at, _started(flow_run, now)) > SILENT_SECONDS:
            await self._give_out_again(client, batch, known)

    async def _give_out_again(
        self, client: PrefectClient, batch: Batch, known: dict[str, Outcome]
    ) -> None:
        await client.set_flow_run_state(
            batch.flow_run_id,
            Crashed(message="its process is gone and no longer holds its documents"),
            force=True,
        )
        left = [file for file in batch.files if not self._is_done(known.get(self.ids[file.path]))]
        if not left or batch.given_out == GIVEN_OUT_AT_MOST:
            batch.ended = True
            batch.trouble = (
                f"batch {batch.number} was lost {batch.given_out} times; {len(left)} "
                "documents are left for the next run"
                if left
                else None
            )
            return
        batch.given_out += 1
        self.progress.say(
            f"batch {batch.number} has no worker any more; {len(left)} documents "
            "are handed out again"
        )
        batch.flow_run_id = await self._give_out(left, batch.number, batch.given_out)
        batch.files, batch.held_at = left, time.monotonic()

    def _is_done(self, outcome: Outcome | None) -> bool:
        return (
            outcome is not None
            and outcome.settled
            and (outcome.run_id == self.run_id or not self.options.again)
        )


def _started(flow_run: FlowRun, now: float) -> float:
    """When a flow run started, on the monotonic clock."""
    return (
        now
        if flow_run.start_time is None
        else now - max(0.0, time.time() - flow_run.start_time.timestamp())
    )


async def run_in_batches(
    definition: FlowDefinition,
    files: Sequence[SourceFile],
    options: RunOptions,
    call_step: StepCaller,
    progress: Progress,
    *,
    local: bool,
) -> tuple[RunResult, dict[str, Usage]]:
    """Run `files` as batches over workers; gives the run's result and what each document cost. Call
    it inside a flow run."""
    started = time.monotonic()
    async with _open_ledger(definition) as ledger:
        run_id = await ledger.start_run(definition.name, new_run_id())
        progress.run_started(definition.name, len(files))
        run = FannedOutRun(
            definition,
            files,
            options,
            local,
            progress,
            ledger,
            run_id,
            call_step,
        )
        unreadable = await _identify_all(run)
        async with get_client() as client:
            batches = await run.run(client)
        known = await run.look()
        async with OutputViews.of(definition, ledger, options.out) as outputs:
            await (
                outputs.rebuild()
            )  # a worker that died may have finished documents and not come to write them
        usage = await ledger.spent_by_run(definition.name, run_id)
        await ledger.finish_run(run_id, {"documents": len(files), "batches": len(batches)})
    troubles = [batch.trouble for batch in batches if batch.trouble]
    result = RunResult(
        flow=definition.name,
        run_id=run_id,
        results=tuple(unreadable.get(file.path) or _result(file, run, known) for file in files),
        usage=usage,
        seconds=time.monotonic() - started,
        log_file=definition.folder / ".docmill" / "logs" / f"{run_id}.log",
        outputs=outputs.places,
        stopped_by=run.stopped_by or (StateError("; ".join(troubles)) if troubles else None),
    )
    return result, {
        document_id: outcome.usage
        for document_id, outcome in known.items()
        if outcome.run_id == run_id
    }


@asynccontextmanager
async def _open_ledger(definition: FlowDefinition) -> AsyncIterator[Ledger]:
    ledger = await Ledger.open(definition.state_url, definition.folder)
    try:
        yield ledger
    finally:
        await ledger.close()


async def _identify_all(run: FannedOutRun) -> dict[Path, DocumentResult]:
    """Fills `run.ids`; gives a failed result for each file that cannot be read."""
    failed: dict[Path, DocumentResult] = {}
    for file in run.files:
        error: DocumentError | None = file.error
        if error is None:
            try:
                run.ids[file.path] = (await asyncio.to_thread(identify, file.path)).document_id
            except DocumentError as unreadable:
                error = unreadable
        if error is not None:
            info = ErrorInfo(code=error.code, message=str(error))
            failed[file.path] = DocumentResult(
                path=file.name, document_id=None, status=Status.FAILED, pages=0, error=info
            )
            run.progress.document_finished(file.path.name, failed[file.path])
    return failed


def _result(file: SourceFile, run: FannedOutRun, known: dict[str, Outcome]) -> DocumentResult:
    document_id = run.ids[file.path]
    outcome = known.get(document_id)
    if outcome is None or outcome.in_work:
        message = "its batch stopped before reaching this document; the next run will process it"
        error = ErrorInfo(code=DeferReason.INTERRUPTED, message=message)
        return DocumentResult(
            path=file.name, document_id=document_id, status=Status.DEFERRED, pages=0, error=error
        )
    before = outcome.run_id != run.run_id and outcome.result.status in (
        Status.DONE,
        Status.NEEDS_REVIEW,
    )
    return outcome.result.model_copy(
        update={"path": file.name, "status": Status.SKIPPED if before else outcome.result.status}
    )
