"""`docmill watch FLOW [FOLDER]`: process files as they arrive in a folder."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer


def watch(
    flow: Annotated[str, typer.Argument(help="Name of a flow in flows.yaml.", metavar="FLOW")],
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder to watch, instead of the flow's.", metavar="[FOLDER]"),
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
            help="Make each batch a Prefect flow run; default: where a Prefect API is configured.",
        ),
    ] = None,
    health_port: Annotated[
        int | None,
        typer.Option(
            "--health-port",
            min=0,
            max=65535,
            help="Answer GET /health on 127.0.0.1 (0: any free port).",
        ),
    ] = None,
) -> None:
    """Take the files of a folder as they come. SIGTERM and Ctrl-C end it with exit 0, after what is
    in work."""
    # `docmill --help` must not import the machinery
    from pipelines.loading import find_flow_file, load_project  # noqa: PLC0415
    from pipelines.on_prefect.connection import prefect_is_configured, prepare_prefect  # noqa: PLC0415
    from pipelines.serving.serve import Serving  # noqa: PLC0415
    from pipelines.serving.serve import watch as watch_folder  # noqa: PLC0415

    prepare_prefect()
    serving = Serving(
        local=local,
        out=out.absolute() if out else None,
        prefect=prefect_is_configured() if prefect is None else prefect,
        health=None if health_port is None else ("127.0.0.1", health_port),
    )
    project = load_project(find_flow_file(file))
    watched = asyncio.run(
        watch_folder(project, flow, serving, say, folder=folder.absolute() if folder else None)
    )
    finished = ", ".join(
        f"{count} {status.replace('_', ' ')}"
        for status, count in sorted(watched.health.finished.items())
    )
    say(f"stopped; {finished or 'no file came'}")


def say(line: str) -> None:
    """One line on stderr, at once; a name that no terminal can show is escaped."""
    encoded = line.encode(sys.stderr.encoding or "utf-8", errors="backslashreplace")
    typer.echo(encoded.decode(sys.stderr.encoding or "utf-8").replace("\n", "\\n"), err=True)
