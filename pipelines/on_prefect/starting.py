"""Start of the flow runs of one run that were handed to workers.

Task runs keep a server on SQLite so busy that it turns other requests away, and a worker or a flow
run that is turned away asks again after 2, 4, 8 and 16 s. So all that can start at once starts
before any of it makes task runs.
"""

import asyncio
import contextlib
import time

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import PrefectHTTPStatusError

# workers that ask each second take a flow run within this; those that ask seldom are not waited for
TAKE_UP_SECONDS = 2.0
START_SECONDS = 20.0  # what has not started by then is not waited for
_LOOK_SECONDS = 0.5


def run_tag(run_id: str) -> str:
    """The tag of all flow runs that work on one run."""
    return f"run:{run_id}"


async def until_started(run_id: str) -> None:
    """Returns when no flow run of this run is just being started, and at once when the server does
    not tell."""
    unstarted = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[run_tag(run_id)]),
        state=FlowRunFilterState(
            type=FlowRunFilterStateType(any_=[StateType.SCHEDULED, StateType.PENDING])
        ),
    )
    with contextlib.suppress(
        httpx.TransportError, PrefectHTTPStatusError
    ):  # the work itself needs no server
        await _wait_while_starting(unstarted)


async def _wait_while_starting(unstarted: FlowRunFilter) -> None:
    async with get_client() as client:
        for _ in range(int(START_SECONDS / _LOOK_SECONDS)):
            if not await _any_starting(client, unstarted):
                return
            await asyncio.sleep(_LOOK_SECONDS)


async def _any_starting(client: PrefectClient, unstarted: FlowRunFilter) -> bool:
    return any(map(_is_starting, await client.read_flow_runs(flow_run_filter=unstarted)))


def _is_starting(flow_run: FlowRun) -> bool:
    """Whether a worker has taken it, or will within a moment; one that waits for a free worker, or
    whose worker died, is not starting."""
    state = flow_run.state
    if state is None:
        return False
    age_seconds = time.time() - state.timestamp.timestamp()
    return age_seconds < (START_SECONDS if state.is_pending() else TAKE_UP_SECONDS)
