"""One document to one record of a schema, without a project."""

import os
import tempfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from docmill.opening import begin, opened, run_to_end
from pipelines.loading import Project, define
from pipelines.loading.resolving import References, schema_problem
from pipelines.running.result import RunOptions
from pipelines.running.step import call_directly
from schemas.errors import CallError
from schemas.flow import FlowFile
from schemas.record import Draft, Evidence, Finding, Status
from schemas.usage import Usage
from tasks.flow_definition import FlowDefinition

S = TypeVar("S", bound=BaseModel)
Engine = Literal["mistral", "local"]
_NAME = "extract"


@dataclass(frozen=True, slots=True)
class Extraction(Generic[S]):
    """What a document says.

    `instance` is None when the record does not satisfy the schema: `findings` say why.
    """

    instance: S | None
    record: dict[str, JsonValue]  # as in the outputs of a run: JSON, null where nothing was found
    status: Status  # done or needs_review
    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]
    usage: Usage
    pages: int
    document_id: str

    @property
    def confidence(self) -> float | None:
        """Of the least certain value found; None when there is no value."""
        return min((one.confidence for one in self.evidence), default=None)


def extract(
    path: str | os.PathLike[str],
    schema: type[S],
    *,
    engine: Engine = "mistral",
    max_tokens: int | None = None,
    max_cost: Decimal | float | None = None,
) -> Extraction[S]:
    """Read one document into `schema`: einvoice, render, extract, summarise and check, in turn.

    `mistral` needs MISTRAL_API_KEY; `local` is offline and free. Nothing is kept: for budgets over
    many calls, the answer cache and the ledger, use a project (`docmill.load`).

    Raises what a run would report of the document (`DocumentError`, `ModelError`), MissingKeyError,
    and BudgetExceededError when the next call could cost more than `max_tokens` or `max_cost` (USD)
    allows. Where an event loop is running (a notebook), use `aextract`.
    """
    work = aextract(path, schema, engine=engine, max_tokens=max_tokens, max_cost=max_cost)
    return run_to_end(work, "docmill.aextract(...)")


async def aextract(
    path: str | os.PathLike[str],
    schema: type[S],
    *,
    engine: Engine = "mistral",
    max_tokens: int | None = None,
    max_cost: Decimal | float | None = None,
) -> Extraction[S]:
    """`extract` for asynchronous code."""
    problem = schema_problem(schema)
    if problem:
        raise CallError(f"`schema` {problem}; nothing was run.")
    options = RunOptions(
        max_tokens=max_tokens, max_cost=None if max_cost is None else Decimal(str(max_cost))
    )
    draft = await begin(path)
    with tempfile.TemporaryDirectory(prefix="docmill-") as folder:
        definition = _definition(schema, engine, Path(folder))
        async with opened(definition, options) as services:
            for step in definition.steps:
                draft = await call_directly(step, draft, services)
    return _extraction(draft, schema)


def _definition(schema: type[BaseModel], engine: Engine, folder: Path) -> FlowDefinition:
    steps = [
        "einvoice",
        "render",
        "extract",
        {"summarise": {"schema": f"{schema.__module__}:{schema.__qualname__}"}},
        "check",
    ]
    flow_file = FlowFile.model_validate(
        {"version": 1, "flows": {_NAME: {"engine": engine, "steps": steps}}}
    )
    project = Project(folder / "flows.yaml", folder, flow_file, {_NAME: References(schema=schema)})
    return define(project, _NAME)


def _extraction(draft: Draft, schema: type[S]) -> Extraction[S]:
    record = draft.record or {}
    try:
        instance = schema.model_validate(record)
    except ValidationError:  # `check` has made findings of it
        instance = None
    review = any(finding.weight == "review" for finding in draft.findings)
    return Extraction(
        instance=instance,
        record=record,
        status=Status.NEEDS_REVIEW if review else Status.DONE,
        evidence=draft.evidence,
        findings=draft.findings,
        usage=draft.usage,
        pages=draft.page_count,
        document_id=draft.document.document_id,
    )
