"""Settings for when and where a flow runs: deployments, schedules, watch, fan-out, notices."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from schemas.flow.spec import EnvironmentName, PositiveInt, Spec, Timezone

DEPLOYMENT_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
DeploymentName = Annotated[str, Field(pattern=DEPLOYMENT_NAME_PATTERN, max_length=64)]


class RunParameters(Spec):
    """What may be said of one run of a flow, in Prefect and in `parameters:` of a deployment. Paths
    are relative to flows.yaml."""

    paths: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        strict=False,
        description="Files, folders or globs instead of the flow's source.",
    )
    local: bool = Field(False, description="Use the offline engine.")
    out: str | None = Field(
        None, min_length=1, description="Folder for outputs, instead of the paths in flows.yaml."
    )
    again: bool = Field(
        False,
        description="Run the steps again for documents that are done; answers come from the cache.",
    )
    fresh: bool = Field(False, description="With again: buy the answers anew.")
    max_tokens: PositiveInt | None = Field(None, description="Most tokens the run may spend.")
    max_cost: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Most money the run may spend, in USD."
    )

    @model_validator(mode="after")
    def _fresh_goes_with_again(self) -> "RunParameters":
        if self.fresh and not self.again:
            raise ValueError("`fresh` goes with `again`")
        return self


class ScheduleSpec(Spec):
    """When a deployment runs by itself: one of cron, interval_seconds and rrule, always in a named
    timezone."""

    cron: str | None = Field(
        None, pattern=r"^\s*(\S+\s+){4}\S+\s*$", description='Five fields, such as "0 6 * * 1-5".'
    )
    interval_seconds: Annotated[float, Field(ge=1)] | None = Field(
        None, description="Seconds between two runs."
    )
    anchor: datetime | None = Field(
        None,
        strict=False,
        description="A moment that the interval is counted from; default: the time of deploying, "
        "kept "
        "afterwards.",
    )
    rrule: str | None = Field(
        None, description='iCalendar rule, such as "FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=6".'
    )
    timezone: Timezone = Field(
        description="IANA name, such as Europe/Paris: what 6 o'clock means, also across summer "
        "time."
    )

    @model_validator(mode="after")
    def _exactly_one_rhythm(self) -> "ScheduleSpec":
        if sum(given is not None for given in (self.cron, self.interval_seconds, self.rrule)) != 1:
            raise ValueError("give one of `cron`, `interval_seconds` and `rrule`")
        if self.anchor is not None and self.interval_seconds is None:
            raise ValueError("`anchor` goes with `interval_seconds` only")
        return self


class OverlapSpec(Spec):
    """How many runs of one deployment may go on at one time, and what happens to the next one."""

    limit: Annotated[int, Field(ge=1)] = Field(1, description="Runs at one time, at most.")
    on_collision: Literal["wait", "skip"] = Field(
        "wait", description="wait: the next run starts when one ends; skip: it is cancelled."
    )


class DeploymentSpec(Spec):
    """One entry of `deployments:`: a way to run the flow that Prefect knows by `FLOW/NAME`."""

    name: DeploymentName = Field(
        description="Name after the slash in `prefect deployment run FLOW/NAME`."
    )
    description: str | None = Field(
        None, description="Shown in Prefect; default: the flow's description."
    )
    version: str | None = Field(
        None,
        description="Shown in Prefect; default: a hash of what the flow does, so that a change "
        "shows.",
    )
    work_pool: str | None = Field(
        None,
        min_length=1,
        description="Pool whose workers run it; without one, `docmill serve` runs it.",
    )
    work_queue: str | None = Field(None, min_length=1, description="Queue of the pool.")
    schedule: ScheduleSpec | None = Field(None, description="When it runs by itself.")
    parameters: RunParameters = Field(
        RunParameters(), description="What its runs are started with."
    )
    tags: tuple[str, ...] = Field(
        (), strict=False, description="Tags of the deployment and its runs."
    )
    overlap: OverlapSpec | None = Field(None, description="Runs at one time; default: no limit.")
    job_variables: dict[str, Any] = Field(
        {}, description="Settings of the work pool's job, such as env, image or working_dir."
    )
    paused: bool = Field(False, description="Registered, but its schedule does not start runs.")

    @model_validator(mode="after")
    def _pool_settings_need_a_pool(self) -> "DeploymentSpec":
        if self.work_pool is None and (self.work_queue is not None or self.job_variables):
            raise ValueError("`work_queue` and `job_variables` need a `work_pool`")
        return self


class WatchSpec(Spec):
    """A folder whose files are taken as they come. Paths are relative to flows.yaml."""

    folder: str | None = Field(None, description="Folder to watch; default: the source's.")
    settle_seconds: Annotated[float, Field(ge=0, le=3_600)] = Field(
        2.0, description="A file is taken when its size and time were still for so long."
    )
    poll_seconds: Annotated[float, Field(gt=0, le=3_600)] = Field(
        10.0, description="Look at the whole folder so often; finds what gives no event (SMB, NFS)."
    )
    done: str | None = Field(
        None, description="Where finished files go; default: processed/ in the watched folder."
    )
    failed: str | None = Field(
        None,
        description="Where failed files go, each with a .error.txt; default: failed/ in the "
        "watched "
        "folder.",
    )
    recursive: bool = Field(False, description="Also watch sub-folders.")
    batch: Annotated[int, Field(ge=1, le=1_000)] = Field(
        50, description="Files of one run, at most."
    )


class ScaleSpec(Spec):
    """How a run of many documents is spread over workers: batches, each a run of a deployment."""

    batch: Annotated[int, Field(ge=1, le=1_000)] = Field(
        50, description="Documents of one run; a larger run is split."
    )
    deployment: DeploymentName = Field(
        description="Deployment of the same flow that takes the batches."
    )


class NotifySpec(Spec):
    """A web address that is told when a run needs a person. Sent once a run: counts and links, no
    document text."""

    webhook_env: EnvironmentName = Field(
        description="Name of the environment variable that holds the URL (such an address is a "
        "secret)."
    )
    when: Literal["failed", "needs_review", "always"] = Field(
        "needs_review",
        description="needs_review: when a document needs a review or failed; failed: only when one "
        "failed.",
    )
