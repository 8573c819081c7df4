"""`docmill run FLOW [PATH ...]`: documents in, checked records out."""

import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.amounts import dollars
from pipelines.display.wording import counted
from schemas.errors import CallError, ExitCode
from schemas.record import DocumentResult, Status

if TYPE_CHECKING:
    from pipelines.running.run import RunOptions, RunResult
    from tasks.flow_definition import FlowDefinition


def run(
    flow: Annotated[str, typer.Argument(help="Name of a flow in flows.yaml.", metavar="FLOW")],
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files, folders or globs instead of the flow's source.", metavar="[PATH]..."
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="The flows.yaml to use.")
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Use the offline engine: free, no key, no network.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Folder for outputs, instead of the paths in flows.yaml.", metavar="DIR"
        ),
    ] = None,
    prefect: Annotated[
        bool | None,
        typer.Option(
            "--prefect/--no-prefect",
            help="Run through Prefect or directly; default: through Prefect where an API is "
            "configured.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object with all results on stdout.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Run the steps again for documents that are done; answers come from the cache.",
        ),
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="With --again: buy the answers anew.")
    ] = False,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", min=1, help="Most tokens this run may spend.")
    ] = None,
    max_cost: Annotated[
        str | None,
        typer.Option("--max-cost", help="Most money this run may spend, in USD.", metavar="USD"),
    ] = None,
    verbose: Annotated[
        int,
        typer.Option("-v", "--verbose", count=True, help="Show the log on stderr; twice for more."),
    ] = 0,
) -> None:
    """Run a flow over its source, or over PATHs. Exit code: 0; 1 some failed; 2 the call is wrong;
    3 a budget stopped it; 130 interrupted."""
    if fresh and not again:
        raise CallError(
            "--fresh buys answers anew and goes with --again; nothing was run. Use "
            "`--again --fresh`."
        )
    # `docmill --help` must not import the machinery
    from pipelines.running.run import RunOptions  # noqa: PLC0415
    from pipelines.running.run_log import log_to_stderr  # noqa: PLC0415

    log_to_stderr(verbose)
    options = RunOptions(
        out=out.absolute() if out else None,
        again=again,
        fresh=fresh,
        max_tokens=max_tokens,
        max_cost=dollars(max_cost),
    )
    with contextlib.redirect_stdout(
        sys.stderr
    ):  # what a step of the user's own prints: stdout is for the result
        result = run_by_name(flow, paths or None, file, options, local=local, prefect=prefect)
    if as_json:
        sys.stdout.write(json.dumps(result_json(result), ensure_ascii=False, indent=2) + "\n")
    else:
        print_summary(result)
    raise typer.Exit(result.exit_code)


def run_by_name(
    flow: str,
    paths: list[str] | None,
    file: Path | None,
    options: "RunOptions",
    *,
    local: bool,
    prefect: bool | None,
) -> "RunResult":
    """Run flow FLOW as the command does, with progress on stderr. `prefect` None: through Prefect
    where an API is configured."""
    from pipelines.display.progress import progress_for_terminal  # noqa: PLC0415
    from pipelines.loading import find_flow_file, load_flow  # noqa: PLC0415
    from pipelines.on_prefect.connection import prefect_is_configured, prepare_prefect  # noqa: PLC0415

    path = find_flow_file(file)
    if prefect is None:
        prefect = prefect_is_configured()
    if prefect:
        prepare_prefect()
        # two seconds that a direct run does not pay
        from pipelines.on_prefect.flow import run_with_prefect  # noqa: PLC0415

        with progress_for_terminal() as progress:
            return run_with_prefect(flow, path, paths, options, local=local, progress=progress)
    definition = load_flow(path, flow, local=local)
    with progress_for_terminal() as progress:
        return asyncio.run(_until_done_or_stopped(definition, paths, options, progress))


async def _until_done_or_stopped(
    definition: "FlowDefinition", paths: list[str] | None, options: "RunOptions", progress: Any
) -> "RunResult":
    """SIGTERM ends a run as Ctrl-C does: what is open is handed back, what is done is written."""
    from pipelines.running.run import run_flow  # noqa: PLC0415

    task = asyncio.current_task()
    if task is not None and sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run_flow(definition, paths, options, progress=progress)


def result_json(result: "RunResult") -> dict[str, Any]:
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


def print_summary(result: "RunResult") -> None:
    """The table on stdout, then counts, spending and where the outputs lie; what went wrong on
    stderr."""
    from pipelines.display.result_table import print_table  # noqa: PLC0415

    if result.results:
        print_table(result.results)
    typer.echo("")
    typer.echo(f"{_counts(result.results)} in {result.seconds:.1f} s; {spending(result)}")
    for output in result.outputs:
        if output.exists():  # not when no document has been finished yet
            typer.echo(f"wrote {shown(output)}")
    if result.stopped_by is not None:
        typer.echo(f"docmill: the run was stopped: {result.stopped_by}", err=True)
    if result.interrupted:
        typer.echo(
            "docmill: interrupted; what was finished is written, the next run does the rest",
            err=True,
        )
    if result.exit_code is not ExitCode.OK:
        typer.echo(f"log: {shown(result.log_file)}", err=True)


def shown(path: Path) -> str:
    """Relative to the working directory where that is shorter."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _counts(results: tuple[DocumentResult, ...]) -> str:
    counts = [(status, sum(result.status is status for result in results)) for status in Status]
    parts = [f"{count} {status.value.replace('_', ' ')}" for status, count in counts if count]
    return f"{counted(len(results), 'document')}: {', '.join(parts)}" if parts else "no documents"


def spending(result: "RunResult") -> str:
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
