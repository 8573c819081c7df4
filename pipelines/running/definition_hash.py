"""Hash of everything in a flow that decides its results.

A document is done when it was done by the same definition.

In: steps in their order with their settings, the schema, prompts, model ids, engine, code of the
user's own steps. Out: budget, retry, concurrency, source, where files lie and where records go. A
document done under another hash is done again.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from schemas.flow import STEP_SETTINGS, StepSpec, WriteSettings
from tasks.flow_definition import FlowDefinition
from tasks.models.roles import roles_of

# of this hash and of what the steps make of a definition; raised when a document should be done
# again by a new docmill
FORMAT = 1

_PLACES = {
    "prompt",
    "schema",
    "fields",
    "passwords_env",
    "passwords_file",
}  # where something is named; what it says is hashed itself
_LIMITS = {
    "page_seconds",
    "document_seconds",
    "memory_mb",
}  # change whether a document is finished, never its record


def definition_hash(definition: FlowDefinition) -> str:
    """SHA-256, 64 hex digits.

    Of a role, the ids that it may resolve to count, not the one it does: a model that is retired
    over night does not undo what is done. The local engine asks no model, so models and prompts are
    left out.
    """
    local = definition.engine == "local"
    content = {
        "format": FORMAT,
        "engine": definition.engine,
        "steps": [
            _step(step, definition.folder)
            for step in definition.spec.steps
            if not isinstance(step.settings, WriteSettings)
        ],
        "schema": None if definition.schema is None else definition.schema.model_json_schema(),
        "prompts": {} if local else dict(definition.prompts),
        "models": {}
        if local
        else {role: list(definition.models[role]) for role in roles_of(definition)},
    }
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    ).hexdigest()


def _step(step: StepSpec, folder: Path) -> dict[str, Any]:
    if step.name not in STEP_SETTINGS:
        file, _, function = step.name.rpartition(":")
        code = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        return {"function": function, "code": code, "settings": step.settings}
    settings = step.model_dump(mode="json", by_alias=True)["settings"]
    return {
        "name": step.name,
        "settings": {key: value for key, value in settings.items() if key not in _PLACES | _LIMITS},
    }
