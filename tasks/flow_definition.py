"""Flow definition: a flow fully resolved to schema class, prompts and step functions.

Made by `pipelines.loading`, read by the steps.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from schemas.flow import (
    STEP_SETTINGS,
    FlowSpec,
    ModelSpec,
    ProviderSpec,
    Spec,
    StepSpec,
    WriteSettings,
)
from schemas.record import Draft

HASH_FORMAT = 1
"""Raised when documents should be processed again because the steps do more with a definition."""

_PLACES = {"prompt", "schema", "fields", "passwords_env", "passwords_file"}
"""Settings that only name something; what it says is hashed itself."""

_LIMITS = {"page_seconds", "document_seconds", "memory_mb"}
"""Settings that decide whether a document is finished, never what its record says."""

S = TypeVar("S", bound=Spec)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a flow. `name` is as in flows.yaml; `settings` is its model, or a dict for a
    custom step, whose function is `own`. Called by `pipelines.running.step`."""

    name: str
    settings: Spec | Mapping[str, Any]
    own: Callable[..., Awaitable[Draft]] | None = None
    asks_models: bool = False  # a custom step that may ask any role of `models:`


@dataclass(frozen=True)  # no slots: they leave no room for the cached hash
class FlowDefinition:
    """A flow as it will run. `folder` is the folder of flows.yaml: every relative path resolves
    against it."""

    name: str
    spec: FlowSpec
    folder: Path
    engine: Literal["mistral", "local"]
    steps: tuple[Step, ...]
    provider: ProviderSpec
    provider_name: str
    models: Mapping[str, tuple[str, ...]]
    catalogue: Mapping[str, ModelSpec] = field(default_factory=dict)
    schema: type[BaseModel] | None = None  # of the summarise step
    prompts: Mapping[str, str] = field(
        default_factory=dict
    )  # step name -> prompt text, the shipped one unless flows.yaml names a file
    state_url: str | None = None
    store_url: str | None = None

    @property
    def outputs(self) -> WriteSettings | None:
        """Where records go, once they are safe in the ledger."""
        return self.spec.outputs

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of models that the steps use, in their order; all where a custom step may ask
        any of them."""
        if any(step.asks_models for step in self.steps):
            return tuple(self.models)
        named = [getattr(step.settings, "model", None) for step in self.steps]
        return tuple(dict.fromkeys(role for role in named if isinstance(role, str)))

    @cached_property
    def hash(self) -> str:
        """SHA-256 of all that decides the results. Under another hash a document is done again.

        Counted: steps and their settings, the schema, prompts, model ids, engine, and the code of
        the user's own steps. Not counted: budget, retry, concurrency, source, outputs, places.
        Of a role every id counts that it may resolve to, not the one chosen, so that a model that
        is retired overnight leaves finished documents as they are. The local engine asks no model,
        so models and prompts are left out.
        """
        local = self.engine == "local"
        content = {
            "format": HASH_FORMAT,
            "engine": self.engine,
            "steps": [
                _hashed_step(step, self.folder)
                for step in self.spec.steps
                if not isinstance(step.settings, WriteSettings)
            ],
            "schema": None if self.schema is None else self.schema.model_json_schema(),
            "prompts": {} if local else dict(self.prompts),
            "models": {} if local else {role: list(self.models[role]) for role in self.roles},
        }
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def settings(self, kind: type[S]) -> S | None:
        """The settings of the step whose settings model is `kind`, or None when the flow has no
        such step."""
        return next((step.settings for step in self.steps if isinstance(step.settings, kind)), None)


def _hashed_step(step: StepSpec, folder: Path) -> dict[str, Any]:
    if step.name not in STEP_SETTINGS:
        file, _, function = step.name.rpartition(":")
        code = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        return {"function": function, "code": code, "settings": step.settings}
    settings = step.model_dump(mode="json", by_alias=True)["settings"]
    counted = {key: value for key, value in settings.items() if key not in _PLACES | _LIMITS}
    return {"name": step.name, "settings": counted}
