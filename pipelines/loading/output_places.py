"""Places of outputs, checked before anything runs: an output must not take the place of anything
else."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from pipelines.loading.yaml_source import YamlPath
from schemas.flow import (
    ExtractSettings,
    FlowFile,
    FlowSpec,
    RenderSettingsSpec,
    SummariseSettings,
    WriteSettings,
)

_STATE_FOLDER = ".docmill"


def output_problems(
    flow_file: FlowFile, file: Path, folder: Path
) -> Iterator[tuple[YamlPath, str]]:
    """Place in flows.yaml and message, for each output that would overwrite something else."""
    project = _project_files(flow_file, file, folder)
    taken: dict[Path, tuple[str, str]] = {}
    for name, flow in flow_file.flows.items():
        if flow.outputs is None:
            continue
        for kind, path in flow.outputs.paths(name).items():
            place = (folder / path).resolve()
            other = taken.setdefault(place, (kind, name))
            message: str | None
            if other[0] != kind:
                message = f"{path} is the `{other[0]}` output of flow `{other[1]}` too"
            else:
                message = _problem(place, kind, path, project) or _source_problem(
                    place, path, flow_file.flows.values(), folder
                )
            if message:
                yield (*_path_of(name, flow), kind), f"{message}; name another place"


def _problem(place: Path, kind: str, path: str, project: dict[Path, str]) -> str | None:
    if place in project:
        return f"{path} is {project[place]}"
    if _STATE_FOLDER in place.parts:
        return f"{path} lies in {_STATE_FOLDER}, the folder of the ledger"
    if not place.exists():
        return None
    if kind == "json":
        return None if place.is_dir() else f"{path} exists and is not a folder"
    return None if place.is_file() else f"{path} exists and is not a regular file"


def _source_problem(place: Path, path: str, flows: Iterable[FlowSpec], folder: Path) -> str | None:
    for source in (flow.source for flow in flows if flow.source):
        inbox = (folder / source.folder).resolve()
        inside = place.is_relative_to(inbox) if source.recursive else place.parent == inbox
        if inside and any(
            fnmatchcase(place.name.lower(), pattern.lower()) for pattern in source.match
        ):
            return f"{path} would be taken as a document of {source.folder}"
    return None


def _project_files(flow_file: FlowFile, file: Path, folder: Path) -> dict[Path, str]:
    named = {file.resolve(): "this file", (folder / ".env").resolve(): "the environment file"}
    if flow_file.state and flow_file.state.startswith("sqlite:///"):
        named[(folder / flow_file.state.removeprefix("sqlite:///")).resolve()] = "the ledger"
    for flow in flow_file.flows.values():
        for step in flow.steps:
            settings = step.settings
            if isinstance(settings, ExtractSettings | SummariseSettings) and settings.prompt:
                named[(folder / settings.prompt).resolve()] = "a prompt"
            if isinstance(settings, SummariseSettings) and settings.schema_:
                named[(folder / settings.schema_.partition(":")[0]).resolve()] = "a schema"
            if isinstance(settings, RenderSettingsSpec) and settings.passwords_file:
                named[(folder / settings.passwords_file).resolve()] = "the file of passwords"
            if ":" in step.name:
                named[(folder / step.name.partition(":")[0]).resolve()] = "a step of your own"
    return named


def _path_of(name: str, flow: FlowSpec) -> YamlPath:
    if flow.write is not None:
        return ("flows", name, "write")
    for index, step in enumerate(flow.steps):
        if isinstance(step.settings, WriteSettings):
            return ("flows", name, "steps", index, step.name)
    return ("flows", name)
