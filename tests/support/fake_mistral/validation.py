"""Would the real API accept this body? Checked against its published OpenAPI document and the
limits in its documentation."""

import copy
import functools
import json
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from tests.support.fake_mistral import counting
from tests.support.fake_mistral.replies import JsonObject, Reply, error_body

OPENAPI = Path(__file__).resolve().parents[2] / "data" / "mistral-openapi.yaml"
MAX_IMAGES = 8
MAX_IMAGE_BYTES = 10 * 1024 * 1024
MAX_IMAGE_SIDE = 10_000


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    document = yaml.load(
        OPENAPI.read_text(encoding="utf-8"),
        Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader),  # noqa: S506
    )
    schemas = document["components"]["schemas"]
    for schema in (
        schemas.values()
    ):  # a discriminator makes its property required, which plain JSON Schema does not know
        kind = schema.get("properties", {}).get("role") or schema.get("properties", {}).get("type")
        if isinstance(kind, dict) and "const" in kind:
            name = "role" if "role" in schema["properties"] else "type"
            schema["required"] = sorted({*schema.get("required", []), name})
    root = {
        "$ref": "#/components/schemas/ChatCompletionRequest",
        "components": {"schemas": copy.deepcopy(schemas)},
    }
    return jsonschema.Draft202012Validator(root)


def problem_with(body: JsonObject) -> Reply | None:
    """The refusal the API would send, or None when the body is right."""
    error = jsonschema.exceptions.best_match(_validator().iter_errors(body))
    if error is not None:
        detail = {
            "detail": [
                {
                    "type": error.validator,
                    "loc": ["body", *error.absolute_path],
                    "msg": error.message[:300],
                    "input": None,
                }
            ]
        }
        return Reply("422", 422, error_body(detail, "invalid_request_error", None, 422))
    return message_problem(body) or image_problem(body) or format_problem(body)


def message_problem(body: JsonObject) -> Reply | None:
    roles = [message["role"] for message in body["messages"]]
    last = body["messages"][-1] if roles else {}
    if not roles or not (
        roles[-1] in ("user", "tool") or (roles[-1] == "assistant" and last.get("prefix"))
    ):
        return _refusal(
            "Expected last role User or Tool (or Assistant with prefix True) for serving",
            "invalid_request_message_order",
            "3230",
        )
    if "system" in roles[1:] and roles[0] != "system":
        return _refusal("A system message must come first", "invalid_request_message_order", "3230")
    return None


def image_problem(body: JsonObject) -> Reply | None:
    images = list(image_data(body))
    if len(images) > MAX_IMAGES:
        return _refusal(
            f"Too many images: {len(images)}, at most {MAX_IMAGES}", "invalid_request_image", "3310"
        )
    for encoded in images:
        if len(encoded) * 3 // 4 > MAX_IMAGE_BYTES:
            return _refusal("An image is larger than 10 MB", "invalid_request_image", "3310")
        try:
            width, height = counting.image_size(encoded)
        except ValueError as error:
            return _refusal(f"Image could not be read: {error}", "invalid_request_image", "3310")
        if max(width, height) > MAX_IMAGE_SIDE:
            return _refusal("An image is larger than 10000x10000", "invalid_request_image", "3310")
    return None


def format_problem(body: JsonObject) -> Reply | None:
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        schema = wanted.get("json_schema", {}).get("schema")
        if not isinstance(schema, dict):
            return _refusal("json_schema is missing", "invalid_request_json_schema", "3300")
        if any(not reference.startswith("#/$defs/") for reference in _references(schema)):
            return _refusal(
                "Only references into $defs are supported", "invalid_request_json_schema", "3300"
            )
    if (
        wanted.get("type") == "json_object"
        and "json" not in json.dumps(body["messages"])[:200_000].lower()
    ):
        return _refusal("The word JSON must stand in the prompt", "invalid_request_error", None)
    return None


def _refusal(message: str, kind: str, code: str | None) -> Reply:
    return Reply(kind, 400, error_body(message, kind, code, 400))


def image_data(body: JsonObject) -> "list[str]":
    """The base64 text of each image of a body, in order."""
    found = []
    for message in body.get("messages", []):
        parts = message.get("content")
        for part in parts if isinstance(parts, list) else []:
            if part.get("type") == "image_url":
                url = (
                    part["image_url"]["url"]
                    if isinstance(part["image_url"], dict)
                    else part["image_url"]
                )
                found.append(url.partition(",")[2])
    return found


def texts(body: JsonObject) -> list[str]:
    """Every text a body gives the model, the schema included."""
    found = []
    for message in body.get("messages", []):
        parts = message.get("content")
        if isinstance(parts, str):
            found.append(parts)
        elif isinstance(parts, list):
            found += [part["text"] for part in parts if part.get("type") == "text"]
    schema = ((body.get("response_format") or {}).get("json_schema") or {}).get("schema")
    if schema:
        found.append(json.dumps(schema, separators=(",", ":")))
    return found


def _references(schema: Any) -> "list[str]":
    if isinstance(schema, dict):
        own = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
        return own + [reference for value in schema.values() for reference in _references(value)]
    if isinstance(schema, list):
        return [reference for value in schema for reference in _references(value)]
    return []
