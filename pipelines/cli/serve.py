"""`docmill serve [FLOW ...]`: folder watches and schedules in one long-running process."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer


def serve(
    flows: Annotated[
        list[str] | None,
        typer.Argument(help="Flows of flows.yaml; default: all.", metavar="[FLOW]..."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="The flows.yaml to use.")
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Use the offline engine: free, no key, no network.")
    ] = False,
    health_host: Annotated[
        str, typer.Option("--health-host", help="Address of the health endpoint.")
    ] = "127.0.0.1",
    health_port: Annotated[
        int,
        typer.Option(
            "--health-port", min=0, max=65535, help="Port of the health endpoint (0: any free one)."
        ),
    ] = 8417,
) -> None:
    """Watch folders, and run the deployments without a work pool. Watching needs no Prefect.
    SIGTERM and Ctrl-C end it with exit 0."""
    # `docmill --help` must not import the machinery
    from pipelines.cli.watch import say  # noqa: PLC0415
    from pipelines.loading import find_flow_file, load_project  # noqa: PLC0415
    from pipelines.on_prefect.connection import prefect_is_configured, prepare_prefect  # noqa: PLC0415
    from pipelines.serving.serve import Serving  # noqa: PLC0415
    from pipelines.serving.serve import serve as serve_project  # noqa: PLC0415

    prepare_prefect()
    serving = Serving(
        local=local, prefect=prefect_is_configured(), health=(health_host, health_port)
    )
    asyncio.run(serve_project(load_project(find_flow_file(file)), flows or [], serving, say))
    say("stopped")
