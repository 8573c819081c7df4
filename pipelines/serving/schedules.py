"""Who runs a deployment without a work pool? Prefect's own runner, in a thread of `docmill serve`; each run is a process of its own."""

import asyncio
import os
import threading
from collections.abc import Callable, Sequence

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import StateType
from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner

from pipelines.deploying.deploy import deploy
from pipelines.deploying.registered import find
from pipelines.deploying.wanted import Wanted, wanted_deployments
from pipelines.loading import Project
from schemas.errors import CallError

_AGAIN_SECONDS = 15.0
_GRACE_SECONDS = 25.0


class Schedules:
    """Runs the deployments without a work pool of some flows until stopped; starts again when the server was away."""

    def __init__(self, project: Project, flows: Sequence[str], say: Callable[[str], None], *, local: bool) -> None:
        self._project, self._flows, self._say, self._local = project, flows, say, local
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="docmill-schedules", daemon=True)
        self._runner: Runner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.trouble: str | None = None

    def start(self) -> None:
        """Runs are processes that load flows.yaml by DOCMILL_FILE and must not find packages in the working directory."""
        os.environ["DOCMILL_FILE"] = str(self._project.file.absolute())
        os.environ["PYTHONSAFEPATH"] = "1"
        self._thread.start()

    async def stop(self) -> None:
        """Waits 25 s for runs to end, then cancels them; the ledger hands their documents to the next run."""
        self._stop.set()
        if self._loop is not None and self._runner is not None and self._runner.started:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._end(self._runner), self._loop))
        await asyncio.to_thread(self._thread.join, _GRACE_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                asyncio.run(self._serve())
            except CallError as error:
                self._tell(f"schedules are not served: {error}")
                return
            except Exception as error:  # noqa: BLE001 - Prefect's client raises many types; watching must go on meanwhile
                self._tell(f"schedules wait for the Prefect API ({type(error).__name__}); trying again every {_AGAIN_SECONDS:g} s")
            self._stop.wait(_AGAIN_SECONDS)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        served = [each for each in wanted_deployments(self._project, self._flows, local=self._local) if each.fields["work_pool"] is None]
        await deploy(self._project, self._flows, local=self._local)
        runner = Runner(name="docmill-serve", pause_on_shutdown=False)
        for wanted in served:
            await runner.aadd_deployment(await _served(wanted))
        self.trouble = None
        self._runner = runner
        if not self._stop.is_set():
            await runner.start()

    async def _end(self, runner: Runner) -> None:
        async with get_client() as client:
            for _ in range(int(_GRACE_SECONDS)):
                running = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING])))
                names = [run.deployment_id for run in await client.read_flow_runs(flow_run_filter=running)]
                mine = {deployment.id for deployment in [await find(client, each) for each in self._names()] if deployment}
                if not mine & set(names):
                    break
                await asyncio.sleep(1.0)
        await runner.astop()

    def _names(self) -> list[str]:
        flows = self._flows or list(self._project.flow_file.flows)
        return [f"{flow}/{each.name}" for flow in flows for each in self._project.flow(flow).deployments if each.work_pool is None]

    def _tell(self, message: str) -> None:
        if message != self.trouble:
            self._say(message)
        self.trouble = message


async def _served(wanted: Wanted) -> RunnerDeployment:
    """The registered deployment once more, in the form that Prefect's runner takes; what is left unset stays as registered."""
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
