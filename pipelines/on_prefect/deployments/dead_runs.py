"""Automation on the server that marks a run as crashed when its heartbeats stop."""

from datetime import timedelta
from typing import Literal
from uuid import UUID

from prefect.automations import AutomationCore, EventTrigger, Posture
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events import ResourceSpecification
from prefect.events.actions import ChangeFlowRunState

from pipelines.on_prefect.deployments.registered import prefect_server

AUTOMATION = "docmill: mark dead runs crashed"
SILENT_SECONDS = 540  # three heartbeats of 180 s, Prefect's default; its documentation advises this
_ENDED = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed")}


async def mark_dead_runs(
    silent_seconds: int = SILENT_SECONDS, *, dry_run: bool = False
) -> Literal["created", "would be created", "kept"]:
    """Register the automation, once; it covers every flow run of the server that is tagged
    `docmill`."""
    async with prefect_server() as client:
        if await _existing(client) is not None:
            return "kept"
        if dry_run:
            return "would be created"
        await client.create_automation(_automation(silent_seconds))
        return "created"


async def _existing(client: PrefectClient) -> UUID | None:
    found = await client.read_automations_by_name(AUTOMATION)
    return found[0].id if found else None


def _automation(silent_seconds: int) -> AutomationCore:
    return AutomationCore(
        name=AUTOMATION,
        description="Runs of deployments send heartbeats. A run without them died with its "
        "machine; the ledger gives its documents to the next run.",
        trigger=EventTrigger(
            posture=Posture.Proactive,
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.heartbeat"} | _ENDED,
            match=ResourceSpecification.model_validate(
                {"prefect.resource.id": ["prefect.flow-run.*"]}
            ),
            match_related=[
                ResourceSpecification.model_validate(
                    {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.docmill"}
                )
            ],
            for_each={"prefect.resource.id"},
            threshold=1,
            within=timedelta(seconds=silent_seconds),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                name="Crashed",
                message="No heartbeat: the machine or process that ran it is gone.",
            )
        ],
    )
