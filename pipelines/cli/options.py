"""Arguments and options that several commands share, each defined once."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer
import yaml

from pipelines.loading import Project, find_flow_file, load_project
from schemas.errors import CallError, DocmillError


def complete_flow(ctx: typer.Context, incomplete: str) -> list[str]:
    """Flow names for the shell. Only flows.yaml is read; a broken one completes nothing."""
    try:
        content = yaml.safe_load(find_flow_file(ctx.params.get("file")).read_text("utf-8"))
    except (DocmillError, OSError, ValueError, yaml.YAMLError):
        return []
    flows = content.get("flows") if isinstance(content, dict) else None
    return [name for name in flows or () if str(name).startswith(incomplete)]


FlowArgument = Annotated[
    str,
    typer.Argument(
        help="Name of a flow in flows.yaml.", metavar="FLOW", autocompletion=complete_flow
    ),
]
OneFlow = Annotated[
    str | None,
    typer.Argument(
        help="Only this flow; default: all.", metavar="[FLOW]", autocompletion=complete_flow
    ),
]
SomeFlows = Annotated[
    list[str] | None,
    typer.Argument(
        help="Only these flows; default: all.", metavar="[FLOW]...", autocompletion=complete_flow
    ),
]
Paths = Annotated[
    list[str] | None,
    typer.Argument(
        help="Files, folders or globs; default: the flow's source.", metavar="[PATH]..."
    ),
]
FlowFileOption = Annotated[
    Path | None,
    typer.Option(
        "-f",
        "--file",
        metavar="FILE",
        help="The flows.yaml to use; default: here or in a folder above.",
    ),
]
Local = Annotated[
    bool, typer.Option("--local", help="Use the offline engine: free, no key, no network.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask for confirmation.")]
Quiet = Annotated[
    bool, typer.Option("-q", "--quiet", help="Print only errors and documents to review.")
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Write outputs here, not where flows.yaml says."),
]
ThroughPrefect = Annotated[
    bool | None,
    typer.Option(
        "--prefect/--no-prefect",
        help="Run through Prefect or directly; default: through Prefect if its API is configured.",
    ),
]
MaxTokens = Annotated[
    int | None,
    typer.Option("--max-tokens", min=1, metavar="TOKENS", help="Most tokens the run may use."),
]
MaxCost = Annotated[
    str | None,
    typer.Option("--max-cost", metavar="USD", help="Most money the run may spend, in USD."),
]


def project_of(file: Path | None, flow: str | None = None) -> Project:
    """The project of `-f`, or the nearest one. Raises CallError when it has no flow `flow`."""
    project = load_project(find_flow_file(file))
    if flow is not None:
        project.flow(flow)
    return project


def dollars(text: str | None) -> Decimal | None:
    """The USD of `--max-cost`. Raises CallError for anything but an amount above 0."""
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not (value.is_finite() and value > 0):
        raise CallError(
            f"--max-cost must be an amount in USD greater than 0, not {text!r}; nothing was run."
        )
    return value
