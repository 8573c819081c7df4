"""Resolution of a role to a model, the same for running and planning.

A result is remembered for a day.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from schemas.errors import ModelGoneError
from tasks.flow_definition import FlowDefinition
from tasks.models.price.catalogue import Catalogue, Model


class Resolutions(Protocol):
    """The ledger's memory of which id a role stood for at an endpoint; it forgets after 24
    hours."""

    async def resolution(self, endpoint: str, role: str) -> str | None: ...
    async def keep_resolution(self, endpoint: str, role: str, model: str) -> None: ...


def catalogue_of(flow: FlowDefinition) -> Catalogue:
    return Catalogue(flow.catalogue, flow.provider.base_url)


def in_order(models: Sequence[str], stored: str | None, catalogue: Catalogue) -> tuple[str, ...]:
    """The ids of a role in the order in which they are tried: the stored result, then those not
    known to be retired, then the retired ones.

    A retired id is tried last and not never: a catalogue grows old.
    """
    first = [model for model in models if model == stored]
    serving = [model for model in models if not catalogue.is_retired(model)]
    return tuple(dict.fromkeys([*first, *serving, *models]))


def memory_key(role: str, models: Sequence[str]) -> str:
    """A stored result belongs to a role with this very list: a changed list is looked at afresh."""
    return f"{role}: {', '.join(models)}"


async def resolve(flow: FlowDefinition, role: str, memory: Resolutions | None) -> tuple[str, ...]:
    """The model ids to try for `role`, best first. Without network; `memory` None where no ledger
    is open."""
    models = flow.models[role]
    stored = (
        await memory.resolution(flow.provider.base_url, memory_key(role, models))
        if memory is not None
        else None
    )
    return in_order(models, stored, catalogue_of(flow))


class Roles:
    """The roles of one run. A model that is gone is said once, loudly, and is not tried again in
    this run."""

    def __init__(
        self, flow: FlowDefinition, memory: Resolutions | None, on_warning: Callable[[str], None]
    ) -> None:
        self._flow, self._memory, self._on_warning = flow, memory, on_warning
        self._catalogue = catalogue_of(flow)
        self._candidates: dict[str, tuple[str, ...]] = {}
        self._gone: dict[str, str] = {}  # model id -> what the endpoint said

    def model(self, model_id: str) -> Model:
        return self._catalogue.model(model_id)

    async def candidates(self, role: str) -> tuple[str, ...]:
        """What is left of the role's ids, best first. Raises ModelGoneError when none is."""
        if role not in self._candidates:
            self._candidates[role] = await resolve(self._flow, role, self._memory)
            self._say_skipped(role)
        left = tuple(model for model in self._candidates[role] if model not in self._gone)
        if not left:
            said = " ".join(self._gone[model] for model in self._candidates[role])
            raise ModelGoneError(
                f"no model of role {role!r} is served. {said} Name another one under "
                "`models:` in flows.yaml, or check the provider's `base_url`."
            )
        return left

    async def gone(self, role: str, model_id: str, error: ModelGoneError) -> None:
        """`model_id` is not served: the next id of the role is asked from now on, also by the next
        runs of this day."""
        if model_id in self._gone:
            return
        self._gone[model_id] = str(error)
        left = [model for model in self._candidates[role] if model not in self._gone]
        if left:
            replacement = self._catalogue.model(model_id).replacement
            advice = (
                f" Mistral names {replacement} as its replacement."
                if replacement and replacement not in self._candidates[role]
                else ""
            )
            url, status = self._flow.provider.base_url, error.status
            self._on_warning(
                f"role {role!r}: {url} does not serve {model_id!r} (HTTP {status}); "
                f"{left[0]!r} is used instead.{advice}"
            )
            if self._memory is not None:
                await self._memory.keep_resolution(
                    self._flow.provider.base_url, memory_key(role, self._flow.models[role]), left[0]
                )

    def _say_skipped(self, role: str) -> None:
        asked, preferred = self._candidates[role][0], self._flow.models[role][0]
        model = self._catalogue.model(preferred)
        if asked != preferred and self._catalogue.is_retired(preferred):
            self._on_warning(
                f"model {preferred!r} of role {role!r} was retired on {model.retired}; "
                f"{asked!r} is used instead."
            )
