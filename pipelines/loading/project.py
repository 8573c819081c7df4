"""A project: one flows.yaml, found, read and fully resolved."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pipelines.loading.output_places import output_problems
from pipelines.loading.places import state_url
from pipelines.loading.problems import did_you_mean, problem_at, problems_of
from pipelines.loading.resolving import References, Resolver
from pipelines.loading.step_order import order_problems
from pipelines.loading.yaml_source import MAX_BYTES, YamlPath, YamlSource, parse_yaml
from schemas.errors import CallError, FlowFileError, Problem
from schemas.flow import DEFAULT_MODELS, FlowFile, FlowSpec, ProviderSpec, StepSpec
from schemas.flow.spec import readable_url

if TYPE_CHECKING:
    from tasks.ledger.ledger import Ledger
    from tasks.ledger.read_only import ReadOnlyLedger

FILE_NAME = "flows.yaml"


@dataclass(frozen=True, slots=True)
class Project:
    """One flows.yaml, read and resolved. `file` is as the user typed it, `folder` is absolute:
    relative paths resolve against it."""

    file: Path
    folder: Path
    flow_file: FlowFile
    references: Mapping[str, References]  # by name of the flow

    def flow(self, name: str) -> FlowSpec:
        """Raises CallError for a flow that the file does not have."""
        if name not in self.flow_file.flows:
            raise CallError(
                f"{self.file} has no flow `{name}`; "
                f"{did_you_mean(name, self.flow_file.flows, otherwise='flows')}"
            )
        return self.flow_file.flows[name]

    def ledger(self) -> "ReadOnlyLedger":
        """The ledger for commands that only report; open it by `with`."""
        from tasks.ledger.read_only import ReadOnlyLedger  # noqa: PLC0415 - SQLAlchemy takes 0.2 s, which `check` does not pay

        return ReadOnlyLedger(state_url(self.flow_file), self.folder)

    async def open_ledger(self) -> "Ledger":
        """The ledger for commands that change it; close it, or use `async with`."""
        from tasks.ledger.ledger import Ledger  # noqa: PLC0415

        return await Ledger.open(state_url(self.flow_file), self.folder)

    def provider(self, name: str) -> ProviderSpec:
        """Provider `name` as it will be used here and now: see `resolve_provider`."""
        return resolve_provider(self.flow_file, name, os.environ)


def find_flow_file(given: Path | None = None) -> Path:
    """`given` (from -f), else DOCMILL_FILE, else flows.yaml in the working directory or the nearest
    folder above it, up to the git root.

    Raises CallError when there is none.
    """
    named = given or (Path(os.environ["DOCMILL_FILE"]) if os.environ.get("DOCMILL_FILE") else None)
    if named is not None:
        return named / FILE_NAME if named.is_dir() else named
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return Path(os.path.relpath(folder / FILE_NAME, here))
        if (folder / ".git").exists():
            break
    raise CallError(
        f"no {FILE_NAME} in {here} or above it; name one with -f FILE, or make a project "
        "with `docmill init FOLDER`"
    )


def load_project(path: Path) -> Project:
    """Read `path`, check everything in it and resolve every name. Raises FlowFileError with all
    problems, CallError when unreadable.

    `.env` beside the file is read into the environment first; what is set there already stays.
    """
    folder = path.parent.resolve()
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # one more than allowed, so that parse_yaml can tell
    except OSError as error:
        hint = (
            "; `docmill init FOLDER` makes a project"
            if isinstance(error, FileNotFoundError)
            else ""
        )
        raise CallError(f"cannot read {path}: {error.strerror}{hint}") from error
    source = parse_yaml(data)
    problems = list(source.problems)
    flow_file = None
    references: dict[str, References] = {}
    if source.value is not None:
        read_environment(folder)
        try:
            flow_file = FlowFile.model_validate(source.value)
        except ValidationError as error:
            problems += problems_of(error, source)
        else:
            problems += _model_problems(source, flow_file)
            problems += [
                problem_at(source, place, message)
                for place, message in output_problems(flow_file, path, folder)
            ]
        references = _resolve_flows(source, folder, problems)
    if flow_file is None or problems:
        raise FlowFileError(str(path), tuple(problems))
    return Project(path, folder, flow_file, references)


def read_environment(folder: Path) -> None:
    """Put what `.env` in `folder` says into the environment; what is set there already stays.
    Raises CallError when it cannot be read."""
    file = folder / ".env"
    if not file.is_file():
        return
    from dotenv import load_dotenv  # noqa: PLC0415 - only for projects with a .env

    try:
        load_dotenv(file, override=False, interpolate=False, encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CallError(f"{file} is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise CallError(f"cannot read {file}: {error.strerror}") from error


def resolve_provider(
    flow_file: FlowFile, name: str, environment: Mapping[str, str]
) -> ProviderSpec:
    """Provider `name`; for the one named `mistral`, MISTRAL_BASE_URL of the environment goes before
    its `base_url`.

    Raises CallError when that is not a URL.
    """
    provider = flow_file.providers[name]
    base_url = environment.get("MISTRAL_BASE_URL", "").strip() if name == "mistral" else ""
    if not base_url:
        return provider
    try:
        readable_url(base_url)
    except ValueError as error:
        raise CallError(f"MISTRAL_BASE_URL {error}") from None
    return provider.model_copy(update={"base_url": base_url})


def _resolve_flows(
    source: YamlSource, folder: Path, problems: list[Problem]
) -> dict[str, References]:
    """Checks what one model alone cannot see. Works on the parts that are right, also when others
    are not, to tell all problems at once."""
    flows = source.at(("flows",))
    references: dict[str, References] = {}
    for name, flow in flows.items() if isinstance(flows, dict) else ():
        if not isinstance(flow, dict):
            continue
        engine = flow.get("engine", "mistral")
        if engine == "mistral":
            problems += _provider_problems(source, name, flow)
        resolver = Resolver(
            source, folder, name, engine, _declared(source, "models", DEFAULT_MODELS)
        )
        entries = flow.get("steps")
        steps = [_step(entry) for entry in entries] if isinstance(entries, list) else []
        for index, step in enumerate(steps):
            if step is not None:
                resolver.step(index, step)
        if all(steps):
            names = [step.name for step in steps if step]
            if "write" in names and "write" in flow:
                message = "`write` is a step of this flow already; give it once"
                problems.append(problem_at(source, ("flows", name, "write"), message))
            elif "write" in flow:
                names.append("write")
            problems += [
                problem_at(source, _place_of_step(name, index, len(steps)), message)
                for index, message in order_problems(names)
            ]
        problems += resolver.problems
        references[name] = resolver.found
    return references


def _place_of_step(flow: str, index: int, steps: int) -> YamlPath:
    """Beyond the list of steps there is only `write:`, as a key of the flow itself."""
    return ("flows", flow, "steps", index) if index < steps else ("flows", flow, "write")


def _model_problems(source: YamlSource, flow_file: FlowFile) -> list[Problem]:
    # only for a file whose every value is right
    from pipelines.loading.budget_feasibility import model_problems  # noqa: PLC0415

    return [
        problem_at(source, ("flows", name, *path), message)
        for name, flow in flow_file.flows.items()
        if flow.provider in flow_file.providers
        for path, message in model_problems(
            flow_file, flow, resolve_provider(flow_file, flow.provider, os.environ).base_url
        )
    ]


def _step(entry: Any) -> StepSpec | None:
    """The step as far as it is right: a mistake in one setting, reported already, must not
    hide those in the others."""
    try:
        return StepSpec.model_validate(entry)
    except ValidationError as error:
        wrong = {details["loc"][1] for details in error.errors() if len(details["loc"]) > 1}
    name, settings = next(iter(entry.items())) if isinstance(entry, dict) and entry else ("", None)
    if not isinstance(settings, dict) or not wrong & settings.keys():
        return None
    return _step({name: {key: value for key, value in settings.items() if key not in wrong}})


def _provider_problems(source: YamlSource, name: str, flow: Mapping[str, Any]) -> list[Problem]:
    provider = flow.get("provider", "mistral")
    declared = _declared(source, "providers", {"mistral": None})
    if not isinstance(provider, str) or provider in declared:
        return []
    message = (
        f"unknown provider `{provider}`; "
        f"{did_you_mean(provider, declared, otherwise='under `providers:`')}"
    )
    return [problem_at(source, ("flows", name, "provider"), message)]


def _declared(source: YamlSource, key: str, default: Mapping[str, Any]) -> list[str]:
    given = source.at((key,))
    return list(given if isinstance(given, dict) else default)
