"""Resolution of one flow of flows.yaml into a `FlowDefinition`."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.loading.places import state_url, store_url
from pipelines.loading.project import Project, load_project
from schemas.flow import FlowFile, ProviderSpec, StepSpec, WriteSettings
from tasks.flow_definition import FlowDefinition, Step

if TYPE_CHECKING:
    from pipelines.loading.resolving import OwnStep, References


def load_flow_file(path: Path) -> FlowFile:
    """What flows.yaml says, checked and with every name in it resolved once. Raises FlowFileError
    with all problems at once."""
    return load_project(path).flow_file


def load_flow(path: Path, name: str, *, local: bool = False) -> FlowDefinition:
    """Flow `name` of flows.yaml at `path`, ready to run; `local` takes the offline engine whatever
    the flow says.

    Raises FlowFileError with all problems at once, CallError for an unknown flow.
    """
    return define(load_project(path), name, local=local)


def define(project: Project, name: str, *, local: bool = False) -> FlowDefinition:
    """Flow `name` of a loaded project, ready to run. Raises CallError for an unknown
    flow."""
    spec = project.flow(name)
    references = project.references[name]
    flow_file = project.flow_file
    local = local or spec.engine == "local"
    return FlowDefinition(
        name=name,
        spec=spec,
        folder=project.folder,
        engine="local" if local else "mistral",
        steps=tuple(
            _step(step, references.own_steps.get(index), project.folder)
            for index, step in enumerate(spec.steps)
            if not isinstance(step.settings, WriteSettings)
        ),
        provider=ProviderSpec() if local else project.provider(spec.provider),
        provider_name=spec.provider,
        models=flow_file.models,
        catalogue=flow_file.catalogue,
        schema=references.schema,
        prompts={}
        if local
        else {
            step.name: _prompt(step.name, references)
            for step in spec.steps
            if step.name in ("extract", "summarise")
        },
        state_url=state_url(flow_file),
        store_url=store_url(flow_file, project.folder),
    )


def _step(step: StepSpec, own: "OwnStep | None", folder: Path) -> Step:
    if own is None:
        return Step(step.name, step.settings)
    # only for flows with such a step
    from pipelines.loading.custom_step import handed_over, step_function  # noqa: PLC0415

    return Step(
        step.name,
        own.settings,
        step_function(step.name, own.function, folder),
        asks_models="models" in handed_over(own.function),
    )


def _prompt(step: str, references: "References") -> str:
    from tasks.models.conversation.prompts import shipped  # noqa: PLC0415 - `check` needs no prompt

    return references.prompts.get(step) or shipped(step)
