"""Plain-language description of a flow for `docmill check`.

What is missing on this machine is a note, not a problem.
"""

import os
from collections.abc import Iterator
from importlib.util import find_spec

from pydantic import BaseModel

from pipelines.loading.project import Project
from schemas.flow import (
    DOCUMENT_PATTERNS,
    BudgetSpec,
    CheckSettings,
    EinvoiceSettings,
    ExtractSettings,
    FlowSpec,
    OnExceeded,
    RenderSettingsSpec,
    StepSpec,
    SummariseSettings,
    WriteSettings,
)
from schemas.flow.deployment import DeploymentSpec
from tasks.record_schema.fields import fields_of

_SHOWN_FIELDS = 8


def explain(project: Project, name: str) -> list[str]:
    """The lines about one flow: source, steps, engine, budget, notes."""
    spec = project.flow(name)
    lines = [f"{name}: {spec.description}" if spec.description else name]
    rows = [("source", _source(spec))]
    rows += [
        (f"{number} {step.name}", _step(step, spec, project, name))
        for number, step in enumerate(spec.steps, start=1)
    ]
    if spec.write is not None:
        rows.append(("write", _outputs(spec.write, name)))
    rows += [("engine", _engine(spec, project)), ("budget", _budget(spec.budget))]
    rows += [
        ("at a time", f"{spec.concurrency.documents} documents, {spec.concurrency.pages} pages")
    ]
    rows += [("deployment", _deployment(deployment)) for deployment in spec.deployments]
    if spec.watch is not None:
        rows.append(
            (
                "watch",
                (
                    f"{spec.watch.folder or (spec.source.folder if spec.source else 'no folder')}, "
                    f"by `docmill watch {name}`"
                ),
            )
        )
    rows += [("note", note) for note in notes(spec, project)]
    width = max(len(label) for label, _ in rows)
    return [*lines, *(f"  {label:<{width}}  {text}" for label, text in rows)]


def _source(spec: FlowSpec) -> str:
    if spec.source is None:
        return "the files named on the command line"
    patterns = (
        "documents of any kind"
        if spec.source.match == DOCUMENT_PATTERNS
        else ", ".join(spec.source.match)
    )
    return (
        f"{spec.source.folder}{' and its sub-folders' if spec.source.recursive else ''}: {patterns}"
    )


# one line for each kind of step
def _step(step: StepSpec, spec: FlowSpec, project: Project, flow: str) -> str:  # noqa: PLR0911
    match step.settings:
        case EinvoiceSettings():
            return "reads e-invoice data inside the file; such a document needs no model"
        case RenderSettingsSpec() as render:
            return _render(render)
        case ExtractSettings() as extract:
            return (
                f"reads the text of each page {_by(extract.model, extract.prompt, spec, project)}"
            )
        case SummariseSettings() as summarise:
            schema = _schema(summarise, project.references[flow].schema)
            return f"fills {schema} {_by(summarise.model, summarise.prompt, spec, project)}"
        case CheckSettings() as check:
            doubt = (
                f"; a required value below confidence {check.review_below:g} asks for a review"
                if check.review_below
                else ""
            )
            return f"checks required values and rules{doubt}"
        case WriteSettings() as write:
            return _outputs(write, flow)
        case settings:
            given = (
                ", ".join(f"{key}={value}" for key, value in settings.items())
                if isinstance(settings, dict)
                else ""
            )
            return f"your own step{f' with {given}' if given else ''}"


def _outputs(write: WriteSettings, flow: str) -> str:
    return f"writes {', '.join(write.paths(flow).values())}"


def _render(settings: RenderSettingsSpec) -> str:
    size = (
        "as large as the model can use"
        if settings.max_side_px == "auto"
        else f"{settings.max_side_px} px on the longest side"
    )
    pages = f"pages {settings.pages}" if settings.pages else "all pages"
    most = f", {settings.max_pages} at most" if settings.max_pages else ""
    return f"opens the document and takes {pages}{most}; images {size}"


def _by(role: str, prompt: str | None, spec: FlowSpec, project: Project) -> str:
    if spec.engine == "local":
        return "by the local engine"
    models = " or else ".join(project.flow_file.models[role])
    return f"by {models} (role {role}{f', prompt {prompt}' if prompt else ''})"


def _schema(settings: SummariseSettings, schema: type[BaseModel] | None) -> str:
    if schema is None:
        return "a record"
    names = {field.key: field.required for field in fields_of(schema)}
    shown = sorted(names, key=lambda name: not names[name])[
        :_SHOWN_FIELDS
    ]  # required ones first, else in their order
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"{settings.schema_ or 'a record'} ({', '.join(shown)}{more})"


def _engine(spec: FlowSpec, project: Project) -> str:
    if spec.engine == "local":
        return "local: offline and free"
    return f"{spec.provider} at {project.provider(spec.provider).base_url}"


def _deployment(deployment: DeploymentSpec) -> str:
    where = f"on work pool {deployment.work_pool}" if deployment.work_pool else "by `docmill serve`"
    schedule = deployment.schedule
    if schedule is None:
        return f"{deployment.name}, when asked for, {where}"
    rhythm = schedule.cron or schedule.rrule or f"every {schedule.interval_seconds:g} seconds"
    return f"{deployment.name}, at {rhythm} in {schedule.timezone}, {where}"


def _budget(budget: BudgetSpec | None) -> str:
    if budget is None:
        return "none: spending is not limited"
    amounts = [f"{budget.tokens:,} tokens"] if budget.tokens is not None else []
    amounts += [f"{budget.cost} USD"] if budget.cost is not None else []
    window = {"run": "a run", "day": "a day", "month": "a month", "total": "in all"}[budget.per]
    then = {
        OnExceeded.STOP: "the run stops",
        OnExceeded.DEFER: "documents wait for the next window",
        OnExceeded.LOCAL: "the local engine continues",
    }[budget.on_exceeded]
    return f"{' and '.join(amounts)} {window}, then {then}"


def notes(spec: FlowSpec, project: Project) -> Iterator[str]:
    """What is not there yet on this machine: no mistake in flows.yaml, but a run would stop at
    it."""
    if spec.source is not None and not (project.folder / spec.source.folder).is_dir():
        yield (
            f"the source folder {spec.source.folder} does not exist yet (looked for "
            f"{project.folder / spec.source.folder})"
        )
    yield from engine_notes(spec, project)


def engine_notes(spec: FlowSpec, project: Project, *, local: bool = False) -> Iterator[str]:
    """What the flow's engine lacks on this machine; `local`: the offline one is used, whatever the
    flow says."""
    if local or spec.engine == "local":
        if find_spec("rapidocr") is None or find_spec("onnxruntime") is None:
            yield 'scans and photos need the OCR extra: pip install "docmill[ocr]"'
        return
    key = project.provider(spec.provider).api_key_env
    if key and not os.environ.get(key):
        yield (
            f"{key} is not set; set it in the environment or in .env, or run with --local "
            "(offline, free)"
        )
