"""Making of a plan: each document goes through the flow's own steps.

The reader draws nothing, and what is not in the cache is estimated instead of bought.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pipelines.planning.estimate import StepEstimate
from pipelines.planning.estimating_buyer import EstimatingBuyer, StoredAnswers
from pipelines.planning.plan import Free, Plan, RoleModel, fits
from pipelines.planning.sketch_reader import SketchReader
from schemas.document import Document
from schemas.errors import DocmillError, Effect
from schemas.flow import BudgetSpec, CheckSettings, ExtractSettings, SummariseSettings
from schemas.record import Draft, Status
from schemas.usage import NANO_PER_UNIT
from tasks.bounded_concurrency import bounded
from tasks.documents.identify import identify
from tasks.flow_definition import FlowDefinition
from tasks.ledger.money.budgets import Limits
from tasks.ledger.read_only import ReadOnlyLedger
from tasks.models.gateway import ModelGateway
from tasks.models.roles import catalogue_of, resolve
from tasks.reask import ask_again
from tasks.services import ReadingServices
from tasks.source_files import SourceFile
from tasks.steps.einvoice import einvoice
from tasks.steps.extract import extract
from tasks.steps.render import render
from tasks.steps.summarise import summarise

MODEL_STEPS = ("extract", "summarise")
PLANNED_STEPS: Mapping[str, Callable[[Draft, Any, ReadingServices], Awaitable[Draft]]] = {
    "einvoice": einvoice,
    "render": render,
    "extract": extract,
    "summarise": summarise,
}
DOCUMENTS_AT_ONCE = 8
THIS_RUN = "the planned run"  # no run has this id: nothing counts against its limits yet


def limits_of_plan(
    budget: BudgetSpec | None, *, max_tokens: int | None, max_cost: Decimal | None
) -> Limits:
    """The flow's budget and the limits of the command line. `max_cost` is USD."""
    return Limits(
        THIS_RUN,
        budget,
        max_tokens=max_tokens,
        max_cost_nano=None if max_cost is None else int(max_cost * NANO_PER_UNIT),
    )


async def plan_flow(
    definition: FlowDefinition, files: Sequence[SourceFile], limits: Limits, reader: SketchReader
) -> Plan:
    """Plan a run over `files`. `reader` is open; this module takes longer to import than its
    workers take to start, so they start first.

    Raises StateError when the ledger cannot be read.
    """
    started = time.monotonic()
    notes = [
        f"the model calls of {step.name} are not in this plan"
        for step in definition.steps
        if step.asks_models and definition.engine != "local"
    ]
    with ReadOnlyLedger(definition.state_url, definition.folder) as ledger:
        planner = _Planner(definition, ledger, reader, notes)
        await planner.take(files)
        models = await _models(definition, planner.stored)
        steps = planner.steps
        budgets = tuple(ledger.budget_states(definition.name, limits, time.time()))
    return Plan(
        flow=definition.name,
        documents=len(files),
        pages=planner.pages,
        free=planner.free,
        steps=steps,
        models=models,
        budgets=budgets,
        fits_budget=fits(budgets, steps),
        notes=tuple(notes),
        seconds=time.monotonic() - started,
    )


async def _models(definition: FlowDefinition, stored: StoredAnswers) -> tuple[RoleModel, ...]:
    """The model of each step by the function that a run goes by; none with the local engine."""
    if definition.engine == "local":
        return ()
    catalogue = catalogue_of(definition)
    found = []
    for step, role in _roles(definition).items():
        first, *others = await resolve(definition, role, stored)
        retired = tuple(model for model in definition.models[role] if catalogue.is_retired(model))
        found.append(RoleModel(step, role, first, retired, others[0] if others else None))
    return tuple(found)


def _roles(definition: FlowDefinition) -> dict[str, str]:
    """The role that each step asks, in the order of the steps. `check` shows the pages of a broken
    record to the role of `extract`."""
    extract, summarise = (
        definition.settings(ExtractSettings),
        definition.settings(SummariseSettings),
    )
    roles = {"extract": extract.model} if extract else {}
    roles |= {"summarise": summarise.model} if summarise else {}
    return roles | (
        {"check": extract.model}
        if extract and summarise and definition.settings(CheckSettings)
        else {}
    )


@dataclass(frozen=True, slots=True)
class PlanServices:
    """`ReadingServices` of a plan, which has no ledger to write to."""

    flow: FlowDefinition
    reader: SketchReader
    models: ModelGateway
    page_slots: asyncio.Semaphore


class _Planner:
    """Takes documents through the steps, some at a time, and counts."""

    def __init__(
        self,
        definition: FlowDefinition,
        ledger: ReadOnlyLedger,
        reader: SketchReader,
        notes: list[str],
    ) -> None:
        self._definition, self._reader, self._notes = definition, reader, notes
        self.stored = StoredAnswers(ledger)
        self._buyer = EstimatingBuyer(reader)
        # what `check` asks of a record that breaks a rule
        self._doubts = EstimatingBuyer(reader)
        self._gateway = self._gateway_to(self._buyer)
        self._services = PlanServices(
            flow=definition,
            reader=reader,
            models=self._gateway,
            page_slots=asyncio.Semaphore(definition.spec.concurrency.pages),
        )
        self._settled = ledger.settled_documents(
            definition.name, definition.hash, definition.spec.retry.document_attempts
        )
        self._seen: set[str] = set()
        self._free = Free()
        self.pages = 0

    def _gateway_to(self, buyer: EstimatingBuyer) -> ModelGateway:
        """Without warnings: the plan itself says which models are retired."""
        return ModelGateway(self._definition, self.stored, buyer, on_warning=lambda _: None)

    @property
    def free(self) -> Free:
        return replace(
            self._free,
            cached_answers=self._gateway.usage.cache_hits,
            blank_pages=self._buyer.blank_pages,
        )

    @property
    def steps(self) -> tuple[StepEstimate, ...]:
        return (
            *self._buyer.steps.values(),
            *(step.only_if_needed("check") for step in self._doubts.steps.values()),
        )

    async def take(self, files: Sequence[SourceFile]) -> None:
        await bounded(files, self._take_one, DOCUMENTS_AT_ONCE)

    async def _take_one(self, file: SourceFile) -> None:
        try:
            if file.error is not None:
                raise file.error
            document = await asyncio.to_thread(identify, file.path)
            if not self._is_settled(document):
                try:
                    await self._take_through_steps(Draft(document=document))
                finally:
                    self._reader.forget(document.document_id)
        except DocmillError as error:
            if error.effect is Effect.ABORT:
                raise
            self._free.failing += 1
            self._notes.append(f"{file.path.name}: {error}")

    def _is_settled(self, document: Document) -> bool:
        """Whether a run would do nothing for it."""
        if document.document_id in self._seen:
            self._free.same_bytes += 1
            return True
        self._seen.add(document.document_id)
        if document.document_id not in self._settled:
            return False
        status, pages = self._settled[document.document_id]
        self.pages += pages
        if status is Status.FAILED:
            self._free.not_tried += 1
        else:
            self._free.done_before += 1
        return True

    async def _take_through_steps(self, draft: Draft) -> None:
        for step in self._definition.steps:
            run = PLANNED_STEPS.get(step.name)
            if run is None or (step.name in MODEL_STEPS and self._definition.engine == "local"):
                continue
            draft = await run(draft, step.settings, self._services)
            if step.name == "render":
                self.pages += len(draft.pages)
        if draft.record_complete:
            self._free.einvoices += 1
        elif (
            draft.record is not None
            and draft.extractions
            and self._definition.settings(CheckSettings) is not None
        ):
            await ask_again(
                draft, replace(self._services, models=self._gateway_to(self._doubts)), ()
            )
