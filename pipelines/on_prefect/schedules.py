"""Schedules of deployments without a work pool.

Prefect's own runner, in a thread of `docmill serve`; each run is a process of its own.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from uuid import UUID  # noqa: TC003 - as the others: costs nothing

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner

from pipelines.loading import Project
from pipelines.on_prefect.deployments.deploy import register
from pipelines.on_prefect.deployments.wanted import Wanted, wanted_deployments
from schemas.errors import CallError

_AGAIN_SECONDS = 15.0
_LOOK_SECONDS = 2.0  # for runs that are due
_GRACE_SECONDS = 25.0


class Schedules:
    """Runs the deployments without a work pool of some flows until stopped; starts again when the
    server was away."""

    def __init__(
        self, project: Project, flows: Sequence[str], say: Callable[[str], None], *, local: bool
    ) -> None:
        self._project, self._flows, self._say, self._local = project, flows, say, local
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="docmill-schedules", daemon=True)
        self._runner: Runner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ids: list[UUID] = []
        self.trouble: str | None = None

    def start(self) -> None:
        """Runs are processes that load flows.yaml by DOCMILL_FILE and must not find packages in the
        working directory."""
        os.environ["DOCMILL_FILE"] = str(self._project.file.absolute())
        os.environ["PYTHONSAFEPATH"] = "1"
        self._thread.start()

    async def stop(self) -> None:
        """Waits 25 s for runs to end, then cancels them; the ledger hands their documents to the
        next run."""
        self._stop.set()
        if self._loop is not None and self._runner is not None and self._runner.started:
            await asyncio.wrap_future(
                asyncio.run_coroutine_threadsafe(self._end(self._runner), self._loop)
            )
        await asyncio.to_thread(self._thread.join, _GRACE_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                asyncio.run(self._serve())
            except CallError as error:
                self._tell(f"schedules are not served: {error}")
                return
            except Exception as error:  # noqa: BLE001
                # Prefect's client raises many types; watching must go on meanwhile
                self._tell(
                    f"schedules wait for the Prefect API ({type(error).__name__}); trying "
                    f"again every {_AGAIN_SECONDS:g} s"
                )
            self._stop.wait(_AGAIN_SECONDS)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        served = [
            each
            for each in wanted_deployments(self._project, self._flows, local=self._local)
            if each.fields["work_pool"] is None
        ]
        runner = Runner(name="docmill-serve", pause_on_shutdown=False, query_seconds=_LOOK_SECONDS)
        self._ids = [await runner.aadd_deployment(_served(wanted)) for wanted in served]
        await register(served)  # after the runner, which knows fewer fields
        self.trouble = None
        self._runner = runner
        if not self._stop.is_set():
            await runner.start()

    async def _end(self, runner: Runner) -> None:
        mine = FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=self._ids),
            state=FlowRunFilterState(
                type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING])
            ),
        )
        async with get_client() as client:
            for _ in range(int(_GRACE_SECONDS)):
                if not await client.read_flow_runs(flow_run_filter=mine, limit=1):
                    break
                await asyncio.sleep(1.0)
        await runner.astop()

    def _tell(self, message: str) -> None:
        if message != self.trouble:
            self._say(message)
        self.trouble = message


def _served(wanted: Wanted) -> RunnerDeployment:
    """A deployment in the form that Prefect's runner takes, to tell it what to look for."""
    fields = wanted.fields
    return RunnerDeployment(
        name=wanted.name,
        flow_name=wanted.flow,
        entrypoint=fields["entrypoint"],
        version=fields["version"],
        description=fields["description"],
        tags=fields["tags"],
        parameters=fields["parameters"],
    )
