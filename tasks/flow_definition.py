"""Flow definition: a flow fully resolved to schema class, prompts and step functions.

Made by `pipelines.loading`, read by the steps.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel

from schemas.flow import FlowSpec, ModelSpec, ProviderSpec, Spec
from schemas.record import Draft

if TYPE_CHECKING:
    from tasks.services import Services

S = TypeVar("S", bound=Spec)
StepFunction = Callable[[Draft, Any, "Services"], Awaitable[Draft]]
"""What a step does to one document: `(draft, settings, services) -> draft`. Raises `DocumentError`
or `ModelError`."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a flow, ready to be called. `name` is as in flows.yaml; `settings` is its model,
    or a dict for a custom step."""

    name: str
    settings: Spec | Mapping[str, Any]
    run: StepFunction


@dataclass(frozen=True, slots=True)
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

    def settings(self, kind: type[S]) -> S | None:
        """The settings of the step whose settings model is `kind`, or None when the flow has no
        such step."""
        return next((step.settings for step in self.steps if isinstance(step.settings, kind)), None)
