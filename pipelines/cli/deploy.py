"""`docmill deploy [FLOW ...]`: register the deployments of flows.yaml with Prefect."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import FlowFileOption, Local, SomeFlows, project_of
from pipelines.describing.explain import notes
from pipelines.on_prefect.connection import prepare_prefect

if TYPE_CHECKING:
    from pipelines.on_prefect.deployments.deploy import Outcome

_DONE = {
    "create": "created",
    "change": "changed",
    "keep": "unchanged",
    "remove": "removed",
    "leave": "no longer in flows.yaml",
}
_PLANNED = {
    **_DONE,
    "create": "would be created",
    "change": "would be changed",
    "remove": "would be removed",
}


def deploy(
    flows: SomeFlows = None,
    file: FlowFileOption = None,
    local: Local = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would change on the server; change nothing."),
    ] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Remove deployments that this flows.yaml no longer has."),
    ] = False,
    detect_dead_runs: Annotated[
        bool,
        typer.Option(
            "--detect-dead-runs",
            help="Also mark runs without a heartbeat for 9 minutes as crashed (an automation).",
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print only changes, notes and errors.")
    ] = False,
) -> None:
    """The server is the one Prefect is configured for.

    Registering again without a change in flows.yaml changes nothing.
    """
    prepare_prefect()
    # These import Prefect, which reads its settings at once.
    from pipelines.on_prefect.deployments.dead_runs import mark_dead_runs  # noqa: PLC0415
    from pipelines.on_prefect.deployments.deploy import deploy as deploy_project  # noqa: PLC0415

    project = project_of(file)
    outcomes = asyncio.run(
        deploy_project(project, flows or [], local=local, prune=prune, dry_run=dry_run)
    )
    for outcome in outcomes:
        if not (quiet and outcome.action == "keep"):
            _show(outcome, dry_run=dry_run)
    for flow in sorted(
        {outcome.full_name.partition("/")[0] for outcome in outcomes}
        & project.flow_file.flows.keys()
    ):
        for note in () if local else notes(project.flow(flow), project):
            typer.echo(f"note: {flow}, on this machine: {note}", err=True)
    if not outcomes:
        typer.echo(
            f"{project.file} declares no deployments; add them under `deployments:` of a flow"
        )
    if detect_dead_runs:
        typer.echo(f"automation for dead runs: {asyncio.run(mark_dead_runs(dry_run=dry_run))}")


def _show(outcome: "Outcome", *, dry_run: bool) -> None:
    said = (_PLANNED if dry_run else _DONE)[outcome.action]
    if outcome.action == "leave":
        said += "; remove it with --prune"
    typer.echo(f"{outcome.full_name:<32} {said}{f' ({outcome.note})' if outcome.note else ''}")
    for change in outcome.changes:
        typer.echo(f"    {change}")
