"""`docmill serve [FLOW ...]`: folder watches and schedules in one long-running process."""

import asyncio
from typing import Annotated

import typer

from pipelines.cli.options import FlowFileOption, Local, Quiet, SomeFlows, project_of
from pipelines.cli.watch import say
from pipelines.on_prefect.connection import prefect_is_configured, prepare_prefect
from pipelines.serving.serve import Serving
from pipelines.serving.serve import serve as serve_project


def serve(
    flows: SomeFlows = None,
    file: FlowFileOption = None,
    local: Local = False,
    health_host: Annotated[
        str, typer.Option("--health-host", metavar="ADDRESS", help="Address of GET /health.")
    ] = "127.0.0.1",
    health_port: Annotated[
        int,
        typer.Option(
            "--health-port",
            min=0,
            max=65535,
            metavar="PORT",
            help="Port of GET /health; 0: any free one.",
        ),
    ] = 8417,
    quiet: Quiet = False,
) -> None:
    """Schedules are those of deployments without a work pool. Watching folders needs no Prefect.

    Ctrl-C or SIGTERM finishes files in progress and exits 0.
    """
    prepare_prefect()
    serving = Serving(
        local=local,
        prefect=prefect_is_configured(),
        health=(health_host, health_port),
        quiet=quiet,
    )
    asyncio.run(serve_project(project_of(file), flows or [], serving, say))
    if not quiet:
        say("stopped")
