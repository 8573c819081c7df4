"""Prefect flow of a flow of flows.yaml, and running it in this process."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from inspect import Parameter, Signature
from pathlib import Path
from traceback import format_tb
from typing import Annotated, Any

import httpx
from prefect import Flow, flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.exceptions import PrefectHTTPStatusError
from prefect.runtime import flow_run as current_flow_run
from prefect.states import Cancelled, Completed, Failed
from prefect.utilities.urls import url_for

from pipelines.display.progress import Progress, Silent
from pipelines.display.wording import counted
from pipelines.loading import load_flow, load_flow_file
from pipelines.on_prefect.artifacts import ProgressArtifact, leave_artifacts
from pipelines.on_prefect.connection import refuse_silent_api
from pipelines.on_prefect.fan_out import run_in_batches
from pipelines.on_prefect.starting import until_started
from pipelines.on_prefect.task import PrefectSteps
from pipelines.running.result import RunOptions, RunResult
from pipelines.running.run import run_flow
from schemas.errors import DocmillError, StateError
from schemas.flow import FlowSpec, RunParameters
from schemas.record import Status
from tasks.flow_definition import FlowDefinition
from tasks.source_files import SourceFile, files_of_paths, files_of_source

log = logging.getLogger("docmill")

FLOWS_MODULE = "pipelines.on_prefect.flows"


@dataclass(slots=True)
class RunHere:
    """Joins a flow run in this process with its caller. Prefect itself only gets counts; the result
    and unexpected errors stay here."""

    progress: Progress
    result: RunResult | None = None
    error: Exception | None = None


_here: ContextVar[RunHere | None] = ContextVar("_here", default=None)


def prefect_flow(file: Path, name: str, spec: FlowSpec) -> Flow[Any, Any]:
    """The Prefect flow of `flows.NAME` in `file`. Its parameters are `RunParameters` and, for a
    batch of a larger run, that run's id.

    Loading happens when it runs, so that a worker sees the file as it is then."""
    file = file.absolute()

    async def body(*, run_id: str | None = None, **given: Any) -> State[Any]:
        parameters = RunParameters.model_validate(given)
        options = RunOptions.from_parameters(parameters, file.parent, run_id=run_id)
        return await _run_and_tell(file, name, parameters.paths, options, local=parameters.local)

    shown: Any = body
    shown.__signature__ = _signature()
    body.__name__ = body.__qualname__ = name
    body.__module__ = FLOWS_MODULE
    body.__doc__ = spec.description or f"Flow {name} of {file.name}."
    decorate = flow(
        name=name,
        description=body.__doc__,
        flow_run_name=_flow_run_name(name),
        retries=0,  # the next run takes up what this one left; a blind repeat would not do better
        persist_result=False,
        log_prints=False,
        validate_parameters=True,
    )
    return decorate(body)


def _signature() -> Signature:
    """What Prefect shows in its form and checks: the fields of `RunParameters`, and `run_id`."""
    kind = Parameter.KEYWORD_ONLY
    fields = [
        Parameter(name, kind, default=field.default, annotation=Annotated[field.annotation, field])
        for name, field in RunParameters.model_fields.items()
    ]
    return Signature([*fields, Parameter("run_id", kind, default=None, annotation=str | None)])


def _flow_run_name(flow_name: str) -> Callable[[], str]:
    def name() -> str:
        parameters = current_flow_run.parameters or {}
        paths = parameters.get("paths") or []
        if not paths:
            return flow_name
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        return (
            f"{flow_name} {'batch ' if parameters.get('run_id') else ''}{Path(paths[0]).name}{more}"
        )

    return name


async def _run_and_tell(
    file: Path, name: str, paths: Sequence[str] | None, options: RunOptions, *, local: bool
) -> State[Any]:
    here = _here.get() or RunHere(Silent())
    options = replace(options, link=url_for("flow-run", current_flow_run.id))
    here.progress.say(f"Prefect flow run: {options.link}")
    steps = PrefectSteps()
    try:
        definition = load_flow(file, name, local=local)
        async with ProgressArtifact(name, get_run_logger(), here.progress) as progress:
            files = files_to_spread(definition, paths, options)
            if options.run_id is not None:
                await until_started(options.run_id)
            if files:
                here.result, steps.usage = await run_in_batches(
                    definition, files, options, steps, progress, local=local
                )
            else:
                here.result = await run_flow(
                    definition, paths, options, call_step=steps, progress=progress
                )
    except DocmillError as error:
        here.error = error
        return Failed(message=str(error))
    except Exception as error:  # noqa: BLE001
        # the server and the log get type and place only: its message may quote a document
        here.error = error
        place = "".join(format_tb(error.__traceback__))
        # see above
        log.error("unexpected %s in a run of %s:\n%s", type(error).__name__, name, place)  # noqa: TRY400
        return Failed(
            message=f"unexpected {type(error).__name__}; `docmill run {name} --no-prefect -v` "
            "shows more"
        )
    await leave_artifacts(here.result, steps.usage)
    return final_state(here.result, definition.spec, part_of_a_run=options.run_id is not None)


def files_to_spread(
    definition: FlowDefinition, paths: Sequence[str] | None, options: RunOptions
) -> list[SourceFile]:
    """The files of a run that is to be spread over workers; none when it is small enough, or a
    batch itself."""
    scale, source = definition.spec.scale, definition.spec.source
    if scale is None or options.run_id is not None:
        return []
    from_source = files_of_source(source, definition.folder) if source and not paths else []
    files = files_of_paths(paths, options.working_folder) if paths else from_source
    return files if len(files) > scale.batch else []


def final_state(result: RunResult, spec: FlowSpec, *, part_of_a_run: bool = False) -> State[Any]:
    """Completed with the counts as its message; Failed where `fail_on` says so (of the whole run);
    Cancelled when it was interrupted."""
    counts = {
        status: sum(document.status is status for document in result.results) for status in Status
    }
    told = ", ".join(f"{count} {status.value}" for status, count in counts.items() if count)
    message = f"{counted(len(result.results), 'document')}: {told}" if told else "no documents"
    if result.interrupted:
        return Cancelled(message=message)
    failing = {
        "never": 0,
        "failed": counts[Status.FAILED],
        "needs_review": counts[Status.FAILED] + counts[Status.NEEDS_REVIEW],
    }["never" if part_of_a_run else spec.fail_on]
    if result.stopped_by is not None:
        return Failed(message=f"{message}; stopped: {result.stopped_by}")
    return Failed(message=message) if failing else Completed(message=message)


def run_with_prefect(
    name: str,
    file: Path,
    paths: Sequence[str] | None,
    options: RunOptions,
    *,
    local: bool = False,
    progress: Progress | None = None,
) -> RunResult:
    """Run a flow in this process as a Prefect flow run. Relative `paths` and `out` resolve as
    `options` says.

    Raises what `run_flow` raises, StateError when the Prefect API does not answer. SIGTERM ends the
    run as Ctrl-C does.
    """
    spec = (
        load_flow_file(file).flows.get(name) or load_flow(file, name).spec
    )  # the second names the flow that does not exist
    the_flow: Any = prefect_flow(file, name, spec)
    parameters = options.to_parameters(paths, local=local)
    return asyncio.run(
        _until_done_or_stopped(
            result_of(lambda: the_flow(**parameters, return_state=True), progress)
        )
    )


async def _until_done_or_stopped(result: Coroutine[Any, Any, RunResult]) -> RunResult:
    task = asyncio.current_task()
    if task is not None and sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await result


async def result_of(
    run: Callable[[], Coroutine[Any, Any, Any]], progress: Progress | None = None
) -> RunResult:
    """Run a flow of ours in this process and give its result. Raises what its run raised,
    StateError when the API does not answer.

    Cancelling this ends the run as Ctrl-C does: what is open is handed back, and the result says
    so.
    """
    await asyncio.to_thread(refuse_silent_api, ", or use --no-prefect")
    here = RunHere(progress or Silent())
    try:
        state = await _in_own_thread(run, here)
    except (httpx.TransportError, PrefectHTTPStatusError) as error:
        raise StateError(
            f"the Prefect API was lost during the run ({type(error).__name__}); documents "
            "that were finished are safe"
        ) from error
    if here.error is not None:
        raise here.error
    if here.result is None:
        raise StateError(
            f"Prefect ended the flow run without running it: {state.name}: {state.message}"
        )
    return here.result


async def _in_own_thread(run: Callable[[], Coroutine[Any, Any, Any]], here: RunHere) -> Any:
    """In the main thread Prefect would take over SIGTERM, and a watch or a run could not end
    cleanly."""
    begun: asyncio.Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = (
        asyncio.get_running_loop().create_future()
    )
    outer = asyncio.get_running_loop()

    async def inside() -> Any:
        _here.set(here)
        task = asyncio.ensure_future(run())
        outer.call_soon_threadsafe(begun.set_result, (asyncio.get_running_loop(), task))
        return await task

    thread = asyncio.ensure_future(asyncio.to_thread(lambda: asyncio.run(inside())))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        loop, task = await begun
        loop.call_soon_threadsafe(task.cancel)
        return await thread
