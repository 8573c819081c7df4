"""`docmill deploy [FLOW ...]`: register the deployments of flows.yaml with Prefect."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipelines.on_prefect.deployments.deploy import Outcome

_DONE = {
    "create": "created",
    "change": "changed",
    "keep": "unchanged",
    "remove": "removed",
    "leave": "not in flows.yaml any more",
}
_PLANNED = {
    **_DONE,
    "create": "would be created",
    "change": "would be changed",
    "remove": "would be removed",
}


def deploy(
    flows: Annotated[
        list[str] | None,
        typer.Argument(help="Flows of flows.yaml; default: all.", metavar="[FLOW]..."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="The flows.yaml to use.")
    ] = None,
    local: Annotated[
        bool,
        typer.Option("--local", help="Deploy with the offline engine: free, no key, no network."),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Show how the server differs from flows.yaml; change nothing."
        ),
    ] = False,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Remove deployments of this flows.yaml that it no longer has."
        ),
    ] = False,
    crash_silent_runs: Annotated[
        bool,
        typer.Option(
            "--crash-silent-runs",
            help="Also register an automation: a run without a heartbeat for 9 minutes is "
            "marked crashed.",
        ),
    ] = False,
) -> None:
    """Register the deployments of flows.yaml with the configured Prefect server. Doing it twice
    changes nothing the second time."""
    # `docmill --help` must not import the machinery
    from pipelines.on_prefect.connection import prepare_prefect  # noqa: PLC0415

    prepare_prefect()
    from pipelines.describing.explain import notes  # noqa: PLC0415
    from pipelines.loading import find_flow_file, load_project  # noqa: PLC0415
    from pipelines.on_prefect.deployments.deploy import deploy as deploy_project  # noqa: PLC0415
    from pipelines.on_prefect.deployments.silent_runs import watch_for_silent_runs  # noqa: PLC0415

    project = load_project(find_flow_file(file))
    outcomes = asyncio.run(
        deploy_project(project, flows or [], local=local, prune=prune, dry_run=dry_run)
    )
    for outcome in outcomes:
        _show(outcome, dry_run=dry_run)
    for flow in sorted(
        {outcome.full_name.partition("/")[0] for outcome in outcomes}
        & project.flow_file.flows.keys()
    ):
        for note in () if local else notes(project.flow(flow), project):
            typer.echo(f"note: {flow}, on this machine: {note}", err=True)
    if not outcomes:
        typer.echo(
            f"{project.file} declares no deployments; add some under `deployments:` of a flow"
        )
    if crash_silent_runs:
        typer.echo(
            f"automation for silent runs: {asyncio.run(watch_for_silent_runs(dry_run=dry_run))}"
        )


def _show(outcome: "Outcome", *, dry_run: bool) -> None:
    said = (_PLANNED if dry_run else _DONE)[outcome.action]
    if outcome.action == "leave":
        said += "; remove it with --prune"
    typer.echo(f"{outcome.full_name:<32} {said}{f' ({outcome.note})' if outcome.note else ''}")
    for change in outcome.changes:
        typer.echo(f"    {change}")
