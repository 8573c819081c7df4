"""What should be registered with Prefect, computed from flows.yaml alone.

The server is not asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from prefect.client.schemas.actions import DeploymentCreate, DeploymentScheduleCreate
from prefect.client.schemas.objects import ConcurrencyOptions
from prefect.client.schemas.schedules import (
    SCHEDULE_TYPES,
    CronSchedule,
    IntervalSchedule,
    NoSchedule,
    RRuleSchedule,
)
from prefect.utilities.callables import parameter_schema

from pipelines.loading import Project, define
from pipelines.on_prefect.flow import FLOWS_MODULE, prefect_flow
from schemas.errors import CallError
from schemas.flow.deployment import DeploymentSpec, ScheduleSpec

FILE_LABEL = "docmill.file"  # which flows.yaml a deployment came from: only those are ever removed
_DEFAULT_START = (
    "DTSTART:20200101T000000\n"  # what the server puts before a rule that names no start
)
_COLLISION = {"wait": "ENQUEUE", "skip": "CANCEL_NEW"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One deployment as flows.yaml has it. `fields` are compared with the server's; values are
    plain JSON."""

    flow: str
    name: str
    fields: dict[str, Any]
    schedule: SCHEDULE_TYPES | None
    parameter_schema: dict[str, Any]
    file: Path

    @property
    def full_name(self) -> str:
        return f"{self.flow}/{self.name}"

    def request(self, flow_id: Any) -> DeploymentCreate:
        """What is sent to the server, which makes or replaces the deployment of this name."""
        fields = self.fields
        overlap = fields["overlap"]
        return DeploymentCreate(
            name=self.name,
            flow_id=flow_id,
            version=fields["version"],
            description=fields["description"],
            tags=fields["tags"],
            labels={FILE_LABEL: str(self.file)},
            work_pool_name=fields["work_pool"],
            work_queue_name=fields["work_queue"],
            job_variables=fields["job_variables"],
            parameters=fields["parameters"],
            parameter_openapi_schema=self.parameter_schema,
            enforce_parameter_schema=True,
            concurrency_limit=overlap and overlap["limit"],
            concurrency_options=overlap
            and ConcurrencyOptions(collision_strategy=overlap["on_collision"]),
            schedules=[]
            if self.schedule is None
            else [DeploymentScheduleCreate(schedule=self.schedule, active=True)],
            paused=fields["paused"],
            entrypoint=fields["entrypoint"],
            pull_steps=[],  # the package is installed where a worker runs; nothing is fetched
            path=None,
        )


def wanted_deployments(project: Project, flows: Sequence[str], *, local: bool) -> list[Wanted]:
    """Deployments of the named flows (all flows when none is named), in the order of the file.

    Raises CallError for an unknown flow, FlowFileError when flows.yaml is wrong.
    """
    names = list(flows) or list(project.flow_file.flows)
    return [
        _wanted(project, name, deployment, local=local)
        for name in names
        for deployment in project.flow(name).deployments
    ]


def _wanted(project: Project, flow: str, spec: DeploymentSpec, *, local: bool) -> Wanted:
    file = project.file.absolute()
    definition = define(project, flow, local=local or spec.parameters.local)
    the_flow = prefect_flow(file, flow, definition.spec)
    parameters = spec.parameters.model_dump(mode="json", exclude_unset=True) | (
        {"local": True} if local else {}
    )
    schema = parameter_schema(the_flow).model_dump(mode="json", exclude_unset=True)
    schedule = _schedule(f"{flow}/{spec.name}", spec.schedule)
    fields = {
        "description": spec.description or the_flow.description,
        "version": spec.version or definition.hash[:12],
        "work_pool": spec.work_pool,
        "work_queue": spec.work_queue or ("default" if spec.work_pool else None),
        "schedule": schedule_fields(schedule),
        "parameters": parameters,
        "tags": sorted({"docmill", *spec.tags}),
        "overlap": spec.overlap
        and {"limit": spec.overlap.limit, "on_collision": _COLLISION[spec.overlap.on_collision]},
        "job_variables": _job_variables(spec, file),
        "paused": spec.paused,
        "entrypoint": f"{FLOWS_MODULE}.{flow}",
        "run_parameters": sorted(schema.get("properties", {})),
    }
    return Wanted(flow, spec.name, fields, schedule, schema, file)


def _job_variables(spec: DeploymentSpec, file: Path) -> dict[str, Any]:
    """A worker's process gets the file by its absolute path, and does not look for packages in its
    working directory."""
    if spec.work_pool is None:
        return {}
    given = spec.job_variables.get("env", {})
    return {
        **spec.job_variables,
        "env": {"DOCMILL_FILE": str(file), "PYTHONSAFEPATH": "1", **given},
    }


def _schedule(deployment: str, spec: ScheduleSpec | None) -> SCHEDULE_TYPES | None:
    if spec is None:
        return None
    try:
        if spec.cron is not None:
            return CronSchedule(cron=spec.cron, timezone=spec.timezone)
        if spec.rrule is not None:
            return RRuleSchedule(rrule=spec.rrule, timezone=spec.timezone)
        interval = timedelta(seconds=spec.interval_seconds or 0)
        anchor = {} if spec.anchor is None else {"anchor_date": spec.anchor}
        return IntervalSchedule(interval=interval, timezone=spec.timezone, **anchor)
    except ValueError as error:
        kind, value = ("cron", spec.cron) if spec.cron is not None else ("rrule", spec.rrule)
        raise CallError(
            f"schedule of {deployment}: {kind} {value!r} is not valid; nothing was registered"
        ) from error


def schedule_fields(schedule: SCHEDULE_TYPES | None) -> dict[str, Any] | None:
    """A schedule as plain values that compare. The anchor of an interval is left out: the server
    sets one when none is given."""
    if schedule is None or isinstance(schedule, NoSchedule):
        return None
    if isinstance(schedule, CronSchedule):
        return {"cron": schedule.cron, "timezone": schedule.timezone}
    if isinstance(schedule, RRuleSchedule):
        return {"rrule": schedule.rrule.removeprefix(_DEFAULT_START), "timezone": schedule.timezone}
    return {"interval_seconds": schedule.interval.total_seconds(), "timezone": schedule.timezone}
