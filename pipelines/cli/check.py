"""`docmill check [FLOW]`: validate flows.yaml and explain each flow.

Runs nothing and sends nothing.
"""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.display.wording import counted


def check(
    flow: Annotated[
        str | None,
        typer.Argument(help="Show this flow only; the whole file is checked.", metavar="[FLOW]"),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="The flows.yaml to check.")
    ] = None,
) -> None:
    """Check flows.yaml and say what each flow will do. Exit code 2 when something is wrong."""
    from pipelines.describing.explain import explain  # noqa: PLC0415

    # `docmill --help` must not import it
    from pipelines.loading import find_flow_file, load_project  # noqa: PLC0415

    project = load_project(find_flow_file(file))
    if flow is not None:
        project.flow(flow)  # refuses an unknown one
    typer.echo(f"{project.file}: {counted(len(project.flow_file.flows), 'flow')}, no problems")
    for name in [flow] if flow else project.flow_file.flows:
        typer.echo("")
        for line in explain(project, name):
            typer.echo(line)
