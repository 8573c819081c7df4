"""Resolution of the names in flows.yaml.

Roles, providers, schemas, prompt files and custom steps: each is resolved or is a problem.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.errors import PydanticUserError

from pipelines.loading.inline_schema import inline_model
from pipelines.loading.problems import did_you_mean, problem_at
from pipelines.loading.user_code import UserCodeError, load_object
from pipelines.loading.yaml_source import YamlPath, YamlSource
from schemas.errors import Problem
from schemas.flow import STEP_SETTINGS, ExtractSettings, StepSpec, SummariseSettings


@dataclass(frozen=True, slots=True)
class OwnStep:
    """A step of the user's own: its function, and its settings as the function's types want
    them."""

    function: Any
    settings: dict[str, Any]


@dataclass(slots=True)
class References:
    """What one flow's names stand for."""

    schema: type[BaseModel] | None = None
    prompts: dict[str, str] = field(default_factory=dict)  # of the steps that name a prompt file
    own_steps: dict[int, OwnStep] = field(
        default_factory=dict
    )  # by place in `steps:`, as one function may stand there twice


@dataclass(slots=True)
class Resolver:
    """Resolves the names of one flow. `problems` grows; nothing is raised, so that all mistakes are
    told at once."""

    source: YamlSource
    folder: Path
    flow: str
    engine: str
    roles: Iterable[str]
    problems: list[Problem] = field(default_factory=list)
    found: References = field(default_factory=References)

    def step(self, index: int, step: StepSpec) -> None:
        """Resolve what the step at `index` of the flow's list names."""
        inside = ("flows", self.flow, "steps", index, step.name)
        if isinstance(step.settings, ExtractSettings | SummariseSettings):
            self._role(inside, step.settings)
            self._prompt(inside, step.name, step.settings.prompt)
        if isinstance(step.settings, SummariseSettings):
            self._schema(inside, step.settings)
        if step.name not in STEP_SETTINGS and isinstance(step.settings, Mapping):
            self.found.own_steps |= self._own_step(inside, index, step.name, step.settings)

    def _role(self, path: YamlPath, settings: ExtractSettings | SummariseSettings) -> None:
        asked_for = self.engine == "mistral" or "model" in settings.model_fields_set
        if asked_for and settings.model not in self.roles:
            message = (
                f"unknown role `{settings.model}`; "
                f"{did_you_mean(settings.model, self.roles, otherwise='roles under `models:`')}"
            )
            self._problem((*path, "model"), message)

    def _prompt(self, path: YamlPath, step: str, prompt: str | None) -> None:
        if prompt is None:
            return
        try:
            text = (self.folder / prompt).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            self._problem((*path, "prompt"), f"{prompt} is not UTF-8 text")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            self._problem(
                (*path, "prompt"),
                f"cannot read {prompt}: {reason} (looked for {self.folder / prompt})",
            )
        else:
            self.found.prompts[step] = text
            if not text.strip():
                self._problem((*path, "prompt"), f"{prompt} is empty; expected the prompt's text")

    def _schema(self, path: YamlPath, settings: SummariseSettings) -> None:
        if settings.fields is not None:
            name = "".join(part.capitalize() for part in self.flow.split("_")) + "Record"
            self.found.schema = inline_model(name, settings.fields)
        if settings.schema_ is None:
            return
        try:
            schema = load_object(settings.schema_, self.folder)
        except UserCodeError as error:
            self._problem((*path, "schema"), str(error))
            return
        problem = schema_problem(schema)
        if problem:
            self._problem((*path, "schema"), f"{settings.schema_} {problem}")
        else:
            self.found.schema = schema

    def _own_step(
        self, path: YamlPath, index: int, name: str, settings: Mapping[str, Any]
    ) -> dict[int, OwnStep]:
        # only for flows with such a step
        from pipelines.loading.custom_step import fit_settings  # noqa: PLC0415

        try:
            function = load_object(name, self.folder)
        except UserCodeError as error:
            self._problem(path, str(error))
            return {}
        fitted, problems = fit_settings(function, settings)
        for setting, message in problems:
            self._problem((*path, setting) if setting else path, message)
        return {index: OwnStep(function, fitted)}

    def _problem(self, path: YamlPath, message: str) -> None:
        self.problems.append(problem_at(self.source, path, message))


def schema_problem(schema: Any) -> str | None:
    """Why `schema` cannot describe a record; None when it can."""
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        what = (
            f"the class {schema.__name__}"
            if isinstance(schema, type)
            else f"a value of type {type(schema).__name__}"
        )
        return f"must be a pydantic model (a class derived from BaseModel), found {what}"
    if not schema.model_fields:
        return "has no fields; a record needs at least one"
    try:
        described = schema.model_json_schema()
    except (PydanticUserError, TypeError, ValueError) as error:
        return f"cannot be described as JSON Schema: {str(error).splitlines()[0]}"
    if "root" in schema.model_fields and described.get("type") != "object":
        return "must be a model with named fields, found a root model"
    return None
