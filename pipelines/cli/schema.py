"""`docmill schema`: the JSON Schema of flows.yaml, for editors."""

import json

import typer

from pipelines.describing.json_schema import flow_file_schema


def schema() -> None:
    typer.echo(json.dumps(flow_file_schema(), indent=2, ensure_ascii=False))
