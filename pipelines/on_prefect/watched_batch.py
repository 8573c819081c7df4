"""Prefect flow run of a batch from a watched folder; one per batch, however often requested."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import FlowRunCreate, StateCreate
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import PrefectHTTPStatusError
from prefect.flow_engine import run_flow_async

from pipelines.on_prefect.connection import refuse_silent_api
from pipelines.on_prefect.flow import prefect_flow, result_of
from pipelines.running.result import RunOptions, RunResult
from schemas.errors import StateError
from tasks.flow_definition import FlowDefinition


async def run_batch(
    file: Path,
    definition: FlowDefinition,
    paths: Sequence[str],
    options: RunOptions,
    say: Callable[[str], None],
) -> RunResult | None:
    """Run `paths` as a flow run in this process. None when the API does not answer: the caller runs
    the batch directly."""
    the_flow = prefect_flow(file, definition.name, definition.spec)
    parameters = options.to_parameters(paths, local=definition.engine == "local")
    try:
        await asyncio.to_thread(refuse_silent_api)
        flow_run = await _create_flow_run(the_flow, parameters, batch_key(definition.name, paths))
    except (StateError, httpx.TransportError, PrefectHTTPStatusError) as error:
        say(
            f"Prefect did not accept the run ({type(error).__name__}); {len(paths)} files "
            "are processed without it"
        )
        return None
    return await result_of(
        lambda: run_flow_async(
            the_flow, flow_run=flow_run, parameters=parameters, return_type="state"
        )
    )


def batch_key(flow: str, paths: Sequence[str]) -> str:
    """The same files with the same content give the same key, in whatever watcher and however often
    the request is repeated."""
    digest = hashlib.sha256(flow.encode())
    for path in sorted(paths):
        status = Path(path).lstat() if Path(path).exists() else None
        digest.update(
            f"\0{path}\0{status and (status.st_size, status.st_mtime_ns)}".encode(
                errors="surrogateescape"
            )
        )
    return digest.hexdigest()


async def _create_flow_run(the_flow: Any, parameters: dict[str, Any], key: str) -> FlowRun:
    """A new flow run. One that exists with this key belongs to an earlier attempt at the same files
    (deferred, or its watcher died), so the next key is derived from it: all watchers derive the
    same one, and the ledger decides who works on a document."""
    async with get_client() as client:
        flow_id = await client.create_flow(the_flow)
        while True:
            flow_run, is_new = await _ask_for(client, flow_id, parameters, key)
            if is_new:
                return flow_run
            key = hashlib.sha256(f"{key}\0{flow_run.id}".encode()).hexdigest()


async def _ask_for(
    client: PrefectClient, flow_id: Any, parameters: dict[str, Any], key: str
) -> tuple[FlowRun, bool]:
    body = FlowRunCreate(
        flow_id=flow_id,
        parameters=parameters,
        idempotency_key=key,
        state=StateCreate(type=StateType.PENDING),
        tags=["docmill", "watch"],
    )
    response = await client.request(
        "POST", "/flow_runs/", json=body.model_dump(mode="json", exclude_unset=True)
    )
    return FlowRun.model_validate(response.json()), response.status_code == httpx.codes.CREATED
