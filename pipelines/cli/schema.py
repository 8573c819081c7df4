"""`docmill schema`: the JSON Schema of flows.yaml, for editors."""

import json

import typer


def schema() -> None:
    """Print the JSON Schema of flows.yaml, for editors."""
    # `docmill --help` must not import it
    from pipelines.describing.json_schema import flow_file_schema  # noqa: PLC0415

    typer.echo(json.dumps(flow_file_schema(), indent=2, ensure_ascii=False))
