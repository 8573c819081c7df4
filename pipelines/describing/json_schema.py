"""JSON Schema of flows.yaml.

Made from the models, so that editors complete exactly what the loader accepts.
"""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from schemas.flow import FlowFile

SCHEMA_FILE = "flows.schema.json"


def flow_file_schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12."""
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "docmill flows.yaml",
        **{
            key: value
            for key, value in FlowFile.model_json_schema(by_alias=True).items()
            if key != "title"
        },
    }
