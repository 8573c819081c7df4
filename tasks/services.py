"""Services shared by the steps of one run: reader, models, ledger.

Opened once per run and handed to every step.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.flow_definition import FlowDefinition

if TYPE_CHECKING:
    from tasks.documents.reader import DocumentReader
    from tasks.ledger.ledger import Ledger
    from tasks.models.gateway import ModelGateway
    from tasks.outputs.views import OutputViews


@dataclass(frozen=True, slots=True)
class Services:
    """`models` is None with the local engine. `page_slots` bounds the pages worked on at one time
    over all documents."""

    flow: FlowDefinition
    run_id: str
    reader: "DocumentReader"
    ledger: "Ledger"
    models: "ModelGateway | None"
    page_slots: asyncio.Semaphore
    out: Path | None = None  # --out: folder that outputs go to instead of the paths in flows.yaml
    outputs: "OutputViews | None" = None  # None: the write step writes each document at once
