"""`docmill check [FLOW]`: validate flows.yaml and explain each flow.

Runs nothing and sends nothing.
"""

import typer

from pipelines.cli.options import FlowFileOption, OneFlow, project_of
from pipelines.describing.explain import explain
from pipelines.display.wording import counted


def check(
    flow: OneFlow = None,
    file: FlowFileOption = None,
) -> None:
    """The whole file is checked, whichever flow is shown. Exit code 2 when something is wrong."""
    project = project_of(file, flow)
    typer.echo(f"{project.file}: {counted(len(project.flow_file.flows), 'flow')}, no problems")
    for name in [flow] if flow else project.flow_file.flows:
        typer.echo("")
        for line in explain(project, name):
            typer.echo(line)
