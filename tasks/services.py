"""Services shared by the steps of one run: reader, models, ledger.

Opened once per run and handed to every step.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tasks.flow_definition import FlowDefinition

if TYPE_CHECKING:
    from tasks.documents.reader import DocumentReader, PageSource
    from tasks.ledger.ledger import Ledger
    from tasks.models.gateway import ModelGateway


class ReadingServices(Protocol):
    """What the steps need that read a document and ask models; a plan has no more than this."""

    @property
    def flow(self) -> FlowDefinition: ...
    @property
    def reader(self) -> "PageSource": ...
    @property
    def models(self) -> "ModelGateway | None": ...
    @property
    def page_slots(self) -> asyncio.Semaphore: ...


@dataclass(frozen=True, slots=True)
class Services:
    """`models` decides the engine: None is the local one. `page_slots` bounds the
    pages processed concurrently over all documents."""

    flow: FlowDefinition
    run_id: str
    reader: "DocumentReader"
    ledger: "Ledger"
    models: "ModelGateway | None"
    page_slots: asyncio.Semaphore
