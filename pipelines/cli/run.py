"""`docmill run FLOW [PATH ...]`: documents in, checked records out."""

import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.cli.options import (
    FlowArgument,
    FlowFileOption,
    Json,
    Local,
    MaxCost,
    MaxTokens,
    Out,
    Paths,
    Quiet,
    ThroughPrefect,
    dollars,
)
from pipelines.display.progress import Progress, progress_for_terminal
from pipelines.display.result_table import print_table
from pipelines.display.wording import counted
from pipelines.loading import find_flow_file, load_flow
from pipelines.on_prefect.connection import prefect_is_configured, prepare_prefect
from pipelines.running.result import RunOptions, RunResult
from pipelines.running.run import run_flow
from pipelines.running.run_log import log_to_stderr
from schemas.errors import CallError, ExitCode
from schemas.record import DocumentResult, Status
from tasks.flow_definition import FlowDefinition


def run(
    flow: FlowArgument,
    paths: Paths = None,
    file: FlowFileOption = None,
    local: Local = False,
    out: Out = None,
    prefect: ThroughPrefect = None,
    as_json: Json = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Also process finished documents; uses cached answers."),
    ] = False,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="With --again: ignore cached answers and pay for new ones."),
    ] = False,
    max_tokens: MaxTokens = None,
    max_cost: MaxCost = None,
    quiet: Quiet = False,
    verbose: Annotated[
        int,
        typer.Option("-v", "--verbose", count=True, help="Show the log on stderr; -vv shows more."),
    ] = 0,
) -> None:
    """The documents are those of the flow's source, or the PATHs given here.

    Exit codes: 0 done; 1 some documents failed; 2 the call or flows.yaml is wrong;
    3 a budget stopped the run; 130 interrupted.
    """
    if fresh and not again:
        raise CallError(
            "--fresh pays for new answers and needs --again; nothing was run. "
            "Use `--again --fresh`."
        )
    log_to_stderr(verbose)
    options = RunOptions(
        out=out.absolute() if out else None,
        again=again,
        fresh=fresh,
        max_tokens=max_tokens,
        max_cost=dollars(max_cost),
    )
    with contextlib.redirect_stdout(sys.stderr):  # a custom step may print; stdout is the result's
        result = run_by_name(
            flow, paths or None, file, options, local=local, prefect=prefect, quiet=quiet
        )
    if as_json:
        sys.stdout.write(json.dumps(result_json(result), ensure_ascii=False, indent=2) + "\n")
    else:
        print_summary(result, quiet=quiet)
    raise typer.Exit(result.exit_code)


def run_by_name(
    flow: str,
    paths: list[str] | None,
    file: Path | None,
    options: RunOptions,
    *,
    local: bool,
    prefect: bool | None,
    quiet: bool = False,
) -> RunResult:
    """Run FLOW with progress on stderr.

    `prefect` None: through Prefect if its API is configured.
    """
    path = find_flow_file(file)
    if prefect is None:
        prefect = prefect_is_configured()
    if prefect:
        prepare_prefect()
        # Takes two seconds, which a direct run saves.
        from pipelines.on_prefect.flow import run_with_prefect  # noqa: PLC0415

        with progress_for_terminal(quiet=quiet) as progress:
            return run_with_prefect(flow, path, paths, options, local=local, progress=progress)
    definition = load_flow(path, flow, local=local)
    with progress_for_terminal(quiet=quiet) as progress:
        return asyncio.run(_until_done_or_stopped(definition, paths, options, progress))


async def _until_done_or_stopped(
    definition: FlowDefinition, paths: list[str] | None, options: RunOptions, progress: Progress
) -> RunResult:
    """SIGTERM ends a run as Ctrl-C does: open documents are released, finished ones written."""
    task = asyncio.current_task()
    if task is not None and sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run_flow(definition, paths, options, progress=progress)


def result_json(result: RunResult) -> dict[str, Any]:
    """The object of `--json`. Its `documents` entries are the lines of the JSONL output."""
    usage = result.usage
    return {
        "flow": result.flow,
        "run_id": result.run_id,
        "documents": [document.model_dump(mode="json") for document in result.results],
        "usage": {
            "requests": usage.requests,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cost": usage.cost,
        },
    }


def print_summary(result: RunResult, *, quiet: bool = False) -> None:
    """Table, counts, spending and outputs on stdout; what went wrong on stderr, also if `quiet`."""
    if not quiet:
        _print_results(result)
    if result.stopped_by is not None:
        typer.echo(f"docmill: the run was stopped: {result.stopped_by}", err=True)
    if result.interrupted:
        typer.echo(
            "docmill: interrupted; finished documents are written, the next run does the rest",
            err=True,
        )
    if result.exit_code is not ExitCode.OK:
        typer.echo(f"log: {shown(result.log_file)}", err=True)


def _print_results(result: RunResult) -> None:
    if result.results:
        print_table(result.results)
    typer.echo("")
    typer.echo(f"{_counts(result.results)} in {result.seconds:.1f} s; {spending(result)}")
    for output in result.outputs:
        if output.exists():  # not when no document has been finished yet
            typer.echo(f"wrote {shown(output)}")


def shown(path: Path) -> str:
    """Relative to the working directory where that is shorter."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _counts(results: tuple[DocumentResult, ...]) -> str:
    counts = [(status, sum(result.status is status for result in results)) for status in Status]
    parts = [f"{count} {status.value.replace('_', ' ')}" for status, count in counts if count]
    return f"{counted(len(results), 'document')}: {', '.join(parts)}" if parts else "no documents"


def spending(result: RunResult) -> str:
    """Requests, tokens and money of a run in words; says so when nothing was spent."""
    usage = result.usage
    if not usage.requests:
        cached = f", {usage.cache_hits} answers from the cache" if usage.cache_hits else ""
        return f"nothing was spent{cached}"
    cost = "" if usage.cost is None else f", {usage.cost:.4f} USD"
    waits = result.waits
    waited = (
        f"; {waits.rate_limits} rate limits, {waits.paused_seconds:.0f} s paused for them"
        if waits.rate_limits
        else ""
    )
    tokens = f"{usage.prompt_tokens:,} + {usage.completion_tokens:,} tokens"
    return f"{usage.requests} requests, {tokens}{cost}, {usage.cache_hits} from the cache{waited}"
