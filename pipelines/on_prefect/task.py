"""Prefect task of a step: one task run per document and step.

The server learns names and nothing else.
"""

from functools import cache
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from pipelines.running.step import call_directly
from schemas.errors import DocmillError
from schemas.record import Draft
from schemas.usage import Usage  # noqa: TC001 - as the others: these few imports cost nothing
from tasks.flow_definition import Step
from tasks.services import Services


class StepCall:
    """One call of one step. A plain object on purpose: Prefect looks into dictionaries, dataclasses
    and models, not into this."""

    __slots__ = ("draft", "error", "result", "services", "step")

    def __init__(self, step: Step, draft: Draft, services: Services) -> None:
        self.step, self.draft, self.services = step, draft, services
        self.result: Draft | None = None
        self.error: BaseException | None = None


@cache
def _task_for(step: str) -> Any:
    # `document` names the task run
    async def run_step(document: str, call: StepCall) -> State[Any]:  # noqa: ARG001
        try:
            call.result = await call_directly(call.step, call.draft, call.services)
        except DocmillError as error:
            call.error = error
            return Failed(message=f"{error.code}: {error}")
        except Exception as error:  # noqa: BLE001
            # raised again below; its text may quote the document, so the server gets the type only
            call.error = error
            return Failed(
                message=f"unexpected {type(error).__name__}; the log file of the run has the place"
            )
        return Completed()

    decorate = task(
        name=step,
        task_run_name=f"{step.replace('{', '{{').replace('}', '}}')} {{document}}",
        # the client repeats what may be repeated; a task retry would repeat the whole document
        retries=0,
        persist_result=False,
        cache_policy=NO_CACHE,
        log_prints=False,
    )
    return decorate(run_step)


class PrefectSteps:
    """A `StepCaller` for use inside a flow run. `usage` has what each document cost, by
    document_id."""

    def __init__(self) -> None:
        self.usage: dict[str, Usage] = {}

    async def __call__(self, step: Step, draft: Draft, services: Services) -> Draft:
        call = StepCall(step, draft, services)
        await _task_for(step.name)(draft.document.name, call, return_state=True)
        if call.error is not None:
            raise call.error
        if call.result is None:
            raise RuntimeError(f"Prefect did not run step {step.name!r}")
        self.usage[draft.document.document_id] = call.result.usage
        return call.result
