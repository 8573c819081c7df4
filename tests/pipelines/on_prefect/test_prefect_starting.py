"""A run that is spread over workers lets all its parts start before they flood the server with task
runs; told by a real server."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from pipelines.on_prefect import starting as prefect_starting
from pipelines.on_prefect.starting import run_tag, until_started
from tests.support.prefect_server import PrefectApi, free_port

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("prefect")]


@pytest.fixture
def run_id(prefect_api: PrefectApi) -> Iterator[str]:
    with temporary_settings({PREFECT_API_URL: prefect_api.url}):
        yield uuid4().hex


def flow_run_in(state: str, run_id: str, api: PrefectApi) -> str:
    flow = api.post("flows/", name="starting")
    return api.post(
        "flow_runs/", flow_id=flow["id"], state={"type": state}, tags=["docmill", run_tag(run_id)]
    )["id"]


async def test_a_part_that_is_being_started_is_waited_for(
    run_id: str, prefect_api: PrefectApi
) -> None:
    flow_run_in("RUNNING", run_id, prefect_api)
    starting = flow_run_in("PENDING", run_id, prefect_api)
    started = asyncio.create_task(until_started(run_id))
    await asyncio.sleep(prefect_starting.TAKE_UP_SECONDS + 1)
    assert not started.done()
    prefect_api.post(f"flow_runs/{starting}/set_state", state={"type": "RUNNING"}, force=True)
    await asyncio.wait_for(started, 3)


async def test_a_part_may_be_taken_up_by_a_worker_for_a_moment_and_is_then_left_waiting(
    run_id: str, prefect_api: PrefectApi
) -> None:
    flow_run_in("SCHEDULED", run_id, prefect_api)
    waiting = asyncio.create_task(until_started(run_id))
    await asyncio.sleep(1)
    assert not waiting.done()
    await asyncio.wait_for(waiting, prefect_starting.TAKE_UP_SECONDS + 3)
    await asyncio.wait_for(until_started(run_id), 1)  # nobody waits for it again


async def test_parts_of_other_runs_are_not_waited_for(run_id: str, prefect_api: PrefectApi) -> None:
    flow_run_in("PENDING", uuid4().hex, prefect_api)
    await asyncio.wait_for(until_started(run_id), 1)


async def test_a_part_that_never_comes_up_does_not_hold_the_others_for_ever(
    run_id: str, prefect_api: PrefectApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefect_starting, "START_SECONDS", 1.0)
    flow_run_in("PENDING", run_id, prefect_api)
    await asyncio.wait_for(until_started(run_id), 4)


async def test_a_server_that_does_not_answer_is_not_waited_for() -> None:
    with temporary_settings(
        {PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api", PREFECT_CLIENT_MAX_RETRIES: 0}
    ):
        await asyncio.wait_for(until_started(uuid4().hex), 5)
