"""What the Prefect server has registered of this flows.yaml."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

from pipelines.on_prefect.connection import prefect_api_url, refuse_silent_api
from pipelines.on_prefect.deployments.wanted import FILE_LABEL, schedule_fields
from schemas.errors import CallError, StateError

_PAGE = 200  # deployments in one answer of the API


@asynccontextmanager
async def prefect_server() -> AsyncIterator[PrefectClient]:
    """A client of the configured API. Raises CallError when none is configured, StateError when it
    does not answer."""
    url = prefect_api_url()
    if url is None:
        raise CallError(
            "no Prefect API is configured; nothing was registered. Start one with `prefect server "
            "start`, then `prefect config set PREFECT_API_URL=http://127.0.0.1:4200/api` (or set "
            "PREFECT_API_URL in the environment)."
        )
    await asyncio.to_thread(refuse_silent_api)
    async with get_client() as client:
        try:
            yield client
        except httpx.TransportError as error:
            raise StateError(
                f"the Prefect API at {url} does not answer ({type(error).__name__}); start "
                "it, or correct PREFECT_API_URL"
            ) from error
        except PrefectHTTPStatusError as error:
            raise StateError(
                f"the Prefect API at {url} refused with status "
                f"{error.response.status_code}: {_detail(error)}"
            ) from error


def _detail(error: PrefectHTTPStatusError) -> str:
    try:
        return str(error.response.json().get("detail", ""))[:500]
    except ValueError:
        return error.response.reason_phrase


async def find(client: PrefectClient, full_name: str) -> DeploymentResponse | None:
    try:
        return await client.read_deployment_by_name(full_name)
    except ObjectNotFound:
        return None


async def deployments_of(client: PrefectClient, file: Path) -> dict[str, DeploymentResponse]:
    """Every deployment that was registered from `file`, by its full name FLOW/NAME."""
    found: dict[str, DeploymentResponse] = {}
    flows: dict[Any, str] = {}
    offset = 0
    while page := await client.read_deployments(limit=_PAGE, offset=offset):
        offset += len(page)
        for deployment in page:
            if deployment.labels.get(FILE_LABEL) != str(file):
                continue
            if deployment.flow_id not in flows:
                flows[deployment.flow_id] = (await client.read_flow(deployment.flow_id)).name
            found[f"{flows[deployment.flow_id]}/{deployment.name}"] = deployment
    return found


def registered_fields(deployment: DeploymentResponse) -> dict[str, Any]:
    """The same plain values as `Wanted.fields`, from the server."""
    limit = deployment.global_concurrency_limit
    options = deployment.concurrency_options
    return {
        "description": deployment.description,
        "version": deployment.version,
        "work_pool": deployment.work_pool_name,
        "work_queue": deployment.work_queue_name,
        "schedule": next(
            (schedule_fields(each.schedule) for each in deployment.schedules if each.active), None
        ),
        "parameters": deployment.parameters,
        "tags": sorted(deployment.tags),
        "overlap": limit
        and {
            "limit": limit.limit,
            "on_collision": options.collision_strategy.value if options else "ENQUEUE",
        },
        "job_variables": deployment.job_variables,
        "paused": deployment.paused,
        "entrypoint": deployment.entrypoint,
        "run_parameters": sorted((deployment.parameter_openapi_schema or {}).get("properties", {})),
    }
