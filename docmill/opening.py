"""What a flow needs while its steps are called; the way from plain to asynchronous Python."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from pipelines.running.result import RunOptions
from pipelines.running.run import new_run_id, open_services
from schemas.errors import CallError
from schemas.record import Draft
from tasks.documents.identify import identify
from tasks.flow_definition import FlowDefinition
from tasks.ledger.ledger import Ledger
from tasks.services import Services

T = TypeVar("T")
log = logging.getLogger("docmill")


@asynccontextmanager
async def opened(definition: FlowDefinition, options: RunOptions) -> AsyncIterator[Services]:
    """The reader, the ledger and the models of a flow, closed at the end."""
    run_id = options.run_id or new_run_id()
    async with (
        await Ledger.open(definition.state_url, definition.folder) as ledger,
        open_services(definition, options, ledger, run_id, log.warning) as services,
    ):
        yield services


async def begin(path: str | os.PathLike[str]) -> Draft:
    """The draft that the first step of a flow takes. Raises SourceError when it cannot be read."""
    document = await asyncio.to_thread(lambda: identify(Path(path).absolute()))
    return Draft(document=document)


def run_to_end(work: Coroutine[Any, Any, T], awaitable: str) -> T:
    """The result of `work`. `awaitable` is what to call instead where an event loop is running.

    Raises CallError there.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    work.close()
    raise CallError(
        f"an event loop is running here (a notebook, a Prefect flow, a web server); "
        f"use `await {awaitable}`; nothing was run."
    )
