"""`docmill watch FLOW [FOLDER]`: process files as they arrive in a folder."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import (
    FlowArgument,
    FlowFileOption,
    Local,
    Out,
    Quiet,
    ThroughPrefect,
    project_of,
)
from pipelines.on_prefect.connection import prefect_is_configured, prepare_prefect
from pipelines.serving.serve import Serving
from pipelines.serving.serve import watch as watch_folder


def watch(
    flow: FlowArgument,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[FOLDER]", help="Folder to watch; default: the flow's."),
    ] = None,
    file: FlowFileOption = None,
    local: Local = False,
    out: Out = None,
    prefect: ThroughPrefect = None,
    health_port: Annotated[
        int | None,
        typer.Option(
            "--health-port",
            min=0,
            max=65535,
            metavar="PORT",
            help="Answer GET /health on 127.0.0.1; 0: any free port.",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Ctrl-C or SIGTERM finishes files in progress and exits 0.

    With Prefect, each batch of files is a flow run.
    """
    prepare_prefect()
    serving = Serving(
        local=local,
        out=out.absolute() if out else None,
        prefect=prefect_is_configured() if prefect is None else prefect,
        health=None if health_port is None else ("127.0.0.1", health_port),
        quiet=quiet,
    )
    watched = asyncio.run(
        watch_folder(
            project_of(file), flow, serving, say, folder=folder.absolute() if folder else None
        )
    )
    finished = ", ".join(
        f"{count} {status.replace('_', ' ')}"
        for status, count in sorted(watched.health.finished.items())
    )
    if not quiet:
        say(f"stopped; {finished or 'no files arrived'}")


def say(line: str) -> None:
    """One line on stderr, at once; a name that no terminal can show is escaped."""
    encoded = line.encode(sys.stderr.encoding or "utf-8", errors="backslashreplace")
    typer.echo(encoded.decode(sys.stderr.encoding or "utf-8").replace("\n", "\\n"), err=True)
