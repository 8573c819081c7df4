"""`docmill retry [FLOW] [DOCUMENT ...]`: process failed documents again, now.

However often they have failed.
"""

import asyncio
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import CallError, ExitCode

if TYPE_CHECKING:
    from pipelines.loading import Project
    from tasks.ledger.documents.listing import DocumentRow


def retry(
    flow: Annotated[
        str | None, typer.Argument(help="Only the documents of this flow.", metavar="[FLOW]")
    ] = None,
    wanted: Annotated[
        list[str] | None,
        typer.Argument(
            help="Ids (six first characters are enough), paths or file names.",
            metavar="[DOCUMENT]...",
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="The flows.yaml to use.")
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Use the offline engine: free, no key, no network.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object on stdout: `runs`, each as of `docmill run --json`.",
        ),
    ] = False,
) -> None:
    """Run failed documents again, also those that no run takes up any more because they failed too
    often. Exit codes as `docmill run`.

    Answers that were received before are taken from the cache, so that nothing is paid twice.
    Deferred documents need no retry: the next run takes them up by itself.
    """
    # `docmill --help` must not import it
    from pipelines.cli.run import print_summary, result_json, run_by_name  # noqa: PLC0415
    from pipelines.loading import find_flow_file, load_project  # noqa: PLC0415
    from pipelines.running.run import RunOptions  # noqa: PLC0415

    path = find_flow_file(file)
    project = load_project(path)
    if flow is not None:
        project.flow(flow)  # refuses an unknown one
    failed = asyncio.run(_take_up_again(project, flow, _ids(project, wanted) if wanted else None))
    worst, runs = ExitCode.OK, []
    for name in dict.fromkeys(row.flow for row in failed):
        paths = [row.path for row in failed if row.flow == name]
        result = run_by_name(name, paths, path, RunOptions(), local=local, prefect=None)
        worst = max(worst, result.exit_code)
        runs.append(result_json(result))
        if not as_json:
            print_summary(result)
    if as_json:
        sys.stdout.write(json.dumps({"runs": runs}, ensure_ascii=False, indent=2) + "\n")
    elif not failed:
        typer.echo("no document has failed")
    raise typer.Exit(worst)


def _ids(project: "Project", wanted: list[str]) -> list[str]:
    """The documents that were named. Raises CallError for one that the ledger does not know."""
    from pipelines.loading.places import state_url  # noqa: PLC0415
    from tasks.ledger.documents.listing import find  # noqa: PLC0415
    from tasks.ledger.read_only import LedgerView  # noqa: PLC0415

    ids: list[str] = []
    with LedgerView(state_url(project.flow_file), project.folder) as view:
        for name in wanted:
            found = view.read(partial(find, wanted=name)) or ()
            if not found:
                raise CallError(
                    f"the ledger knows no document {name!r}; nothing was run. `docmill "
                    "documents --status failed` lists those that failed."
                )
            ids += found
    return ids


async def _take_up_again(
    project: "Project", flow: str | None, ids: list[str] | None
) -> "list[DocumentRow]":
    """The failed documents (of `ids`; None: all), whose attempts are counted from the start
    again."""
    from pipelines.loading.places import state_url  # noqa: PLC0415
    from tasks.ledger.documents.listing import retry  # noqa: PLC0415
    from tasks.ledger.ledger import Ledger  # noqa: PLC0415

    failed: list[DocumentRow] = []
    async with await Ledger.open(state_url(project.flow_file), project.folder) as ledger:
        for document_id in [None] if ids is None else ids:
            failed += await ledger.database.write(
                partial(retry, flow=flow, document_id=document_id)
            )
    if ids is not None and not failed:
        raise CallError(
            "none of these documents has failed; nothing was run. `docmill run FLOW "
            "--again PATH` runs a document that is done again."
        )
    return [row for row in failed if row.path and row.flow in project.flow_file.flows]
