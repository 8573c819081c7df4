"""Settings for when and where a flow runs: deployments, schedules, watch, fan-out, notices."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from schemas.flow.spec import EnvironmentName, PositiveInt, Spec, Timezone

DEPLOYMENT_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
DeploymentName = Annotated[str, Field(pattern=DEPLOYMENT_NAME_PATTERN, max_length=64)]


class RunParameters(Spec):
    """Parameters of one run, in Prefect and in `parameters:` of a deployment.

    Paths are relative to flows.yaml.
    """

    paths: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        strict=False,
        description="Files, folders or globs instead of the flow's source.",
    )
    local: bool = Field(False, description="Use the local (offline) engine.")
    out: str | None = Field(
        None, min_length=1, description="Folder for outputs, instead of the paths in flows.yaml."
    )
    again: bool = Field(
        False,
        description="Run the steps again for documents that are done; model answers come from the "
        "cache.",
    )
    fresh: bool = Field(
        False, description="With `again`: ignore cached answers and pay for new ones."
    )
    max_tokens: PositiveInt | None = Field(None, description="Maximum tokens for the run.")
    max_cost: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Maximum cost of the run, in USD."
    )

    @model_validator(mode="after")
    def _fresh_goes_with_again(self) -> "RunParameters":
        if self.fresh and not self.again:
            raise ValueError("`fresh` goes with `again`")
        return self


class ScheduleSpec(Spec):
    """When a deployment runs automatically: one of `cron`, `interval_seconds` and `rrule`."""

    cron: str | None = Field(
        None, pattern=r"^\s*(\S+\s+){4}\S+\s*$", description='Five fields, such as "0 6 * * 1-5".'
    )
    interval_seconds: Annotated[float, Field(ge=1)] | None = Field(
        None, description="Seconds from one run to the next."
    )
    anchor: datetime | None = Field(
        None,
        strict=False,
        description="Start of the interval's counting; default: the time of the first `docmill "
        "deploy`.",
    )
    rrule: str | None = Field(
        None, description='iCalendar rule, such as "FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=6".'
    )
    timezone: Timezone = Field(
        description="IANA name such as Europe/Paris; times follow its daylight saving."
    )

    @model_validator(mode="after")
    def _exactly_one_rhythm(self) -> "ScheduleSpec":
        if sum(given is not None for given in (self.cron, self.interval_seconds, self.rrule)) != 1:
            raise ValueError("give one of `cron`, `interval_seconds` and `rrule`")
        if self.anchor is not None and self.interval_seconds is None:
            raise ValueError("`anchor` goes with `interval_seconds` only")
        return self


class OverlapSpec(Spec):
    """Limit on concurrent runs of one deployment, and what happens to the next run."""

    limit: Annotated[int, Field(ge=1)] = Field(1, description="Maximum concurrent runs.")
    on_collision: Literal["wait", "skip"] = Field(
        "wait", description="wait: the next run starts when one ends; skip: it is cancelled."
    )


class DeploymentSpec(Spec):
    """One entry of `deployments:`, known to Prefect as `FLOW/NAME`."""

    name: DeploymentName = Field(
        description="Name after the slash in `prefect deployment run FLOW/NAME`."
    )
    description: str | None = Field(
        None, description="Shown in Prefect; default: the flow's description."
    )
    version: str | None = Field(
        None,
        description="Shown in Prefect; default: a hash of the flow's definition, which changes "
        "with it.",
    )
    work_pool: str | None = Field(
        None,
        min_length=1,
        description="Work pool whose workers run it; without one, `docmill serve` runs it.",
    )
    work_queue: str | None = Field(None, min_length=1, description="Queue of the work pool.")
    schedule: ScheduleSpec | None = Field(None, description="When it runs automatically.")
    parameters: RunParameters = Field(RunParameters(), description="Parameters of its runs.")
    tags: tuple[str, ...] = Field(
        (), strict=False, description="Tags of the deployment and its runs."
    )
    overlap: OverlapSpec | None = Field(
        None, description="Limit on concurrent runs; default: no limit."
    )
    job_variables: dict[str, Any] = Field(
        {}, description="Job variables of the work pool, such as env, image or working_dir."
    )
    paused: bool = Field(
        False, description="Register the deployment, but do not start scheduled runs."
    )

    @model_validator(mode="after")
    def _pool_settings_need_a_pool(self) -> "DeploymentSpec":
        if self.work_pool is None and (self.work_queue is not None or self.job_variables):
            raise ValueError("`work_queue` and `job_variables` need a `work_pool`")
        return self


class WatchSpec(Spec):
    """A folder whose files are processed as they arrive. Paths are relative to flows.yaml."""

    folder: str | None = Field(None, description="Folder to watch; default: the source's.")
    settle_seconds: Annotated[float, Field(ge=0, le=3_600)] = Field(
        2.0,
        description="Seconds a file's size and modification time must stay unchanged before it is "
        "processed.",
    )
    poll_seconds: Annotated[float, Field(gt=0, le=3_600)] = Field(
        10.0,
        description="Seconds between full scans of the folder; catches changes without file events "
        "(SMB, NFS).",
    )
    done: str | None = Field(
        None, description="Folder for finished files; default: processed/ in the watched folder."
    )
    failed: str | None = Field(
        None,
        description="Folder for failed files, each with a .error.txt; default: failed/ in the "
        "watched folder.",
    )
    recursive: bool = Field(False, description="Include sub-folders.")
    batch: Annotated[int, Field(ge=1, le=1_000)] = Field(50, description="Maximum files per run.")


class ScaleSpec(Spec):
    """Distribution of a large run over workers: in batches, each a run of a deployment."""

    batch: Annotated[int, Field(ge=1, le=1_000)] = Field(
        50, description="Documents per batch; a larger run is split."
    )
    deployment: DeploymentName = Field(
        description="Deployment of the same flow that runs the batches."
    )


class NotifySpec(Spec):
    """Webhook that is called once per run when a run needs a person.

    It receives counts and links, never document text.
    """

    webhook_env: EnvironmentName = Field(
        description="Name of the environment variable that holds the URL, which is a secret."
    )
    when: Literal["failed", "needs_review", "always"] = Field(
        "needs_review",
        description="needs_review: when a document needs a review or failed; failed: only when one "
        "failed; always: after every run.",
    )
