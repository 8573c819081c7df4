"""`docmill retry [FLOW] [DOCUMENT ...]`: process failed documents again, now.

However often they have failed.
"""

import asyncio
import json
import sys
from typing import Annotated

import typer

from pipelines.cli.options import FlowFileOption, Json, Local, OneFlow, Quiet, project_of
from pipelines.cli.run import print_summary, result_json, run_by_name
from pipelines.loading import Project
from pipelines.running.result import RunOptions
from schemas.errors import CallError, ExitCode
from tasks.ledger.documents.listing import DocumentRow


def retry(
    flow: OneFlow = None,
    wanted: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DOCUMENT]...",
            help="Ids (the first six characters do), paths or file names; default: all.",
        ),
    ] = None,
    file: FlowFileOption = None,
    local: Local = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Includes those that failed too often for later runs to retry. Exit codes as of `docmill run`.

    Answers received before come from the cache, so nothing is paid for twice.
    Deferred documents need no retry: the next run processes them.
    `--json` prints `runs`, each as `docmill run --json` prints it.
    """
    project = project_of(file, flow)
    failed = asyncio.run(_take_up_again(project, flow, _ids(project, wanted) if wanted else None))
    worst, runs = ExitCode.OK, []
    for name in dict.fromkeys(row.flow for row in failed):
        paths = [row.path for row in failed if row.flow == name]
        result = run_by_name(
            name, paths, project.file, RunOptions(), local=local, prefect=None, quiet=quiet
        )
        worst = max(worst, result.exit_code)
        runs.append(result_json(result))
        if not as_json:
            print_summary(result, quiet=quiet)
    if as_json:
        sys.stdout.write(json.dumps({"runs": runs}, ensure_ascii=False, indent=2) + "\n")
    elif not failed and not quiet:
        typer.echo("no document has failed")
    raise typer.Exit(worst)


def _ids(project: Project, wanted: list[str]) -> list[str]:
    """The documents that were named. Raises CallError for one that the ledger does not know."""
    ids: list[str] = []
    with project.ledger() as ledger:
        for name in wanted:
            found = ledger.find_documents(name)
            if not found:
                raise CallError(
                    f"no document {name!r} in the ledger; nothing was run. "
                    "`docmill documents --status failed` lists those that failed."
                )
            ids += found
    return ids


async def _take_up_again(
    project: Project, flow: str | None, ids: list[str] | None
) -> list[DocumentRow]:
    """The failed documents (of `ids`; None: all). Their count of attempts is reset."""
    failed: list[DocumentRow] = []
    async with await project.open_ledger() as ledger:
        for document_id in [None] if ids is None else ids:
            failed += await ledger.retry_failed(flow=flow, document_id=document_id)
    if ids is not None and not failed:
        raise CallError(
            "none of these documents has failed; nothing was run. "
            "`docmill run FLOW --again PATH` processes a finished document again."
        )
    return [row for row in failed if row.path and row.flow in project.flow_file.flows]
