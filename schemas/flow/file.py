"""The whole of flows.yaml, and one flow of it."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from schemas.flow.deployment import DeploymentSpec, NotifySpec, ScaleSpec, WatchSpec
from schemas.flow.limits import BudgetSpec, CacheSpec, ConcurrencySpec, RetrySpec
from schemas.flow.providers import ModelSpec, ProviderSpec
from schemas.flow.source import FolderSource
from schemas.flow.spec import Name, Spec
from schemas.flow.steps import StepSpec, WriteSettings


class FlowSpec(Spec):
    """One entry under `flows:`; each is a Prefect flow of the same name."""

    description: str = Field("", description="Shown by `docmill check` and in Prefect.")
    engine: Literal["mistral", "local"] = Field(
        "mistral", description="mistral: models over HTTP; local: offline and free."
    )
    provider: Name = Field("mistral", description="Provider to use (a key of `providers:`).")
    source: FolderSource | None = Field(
        None, description="Where documents come from when the command line names none."
    )
    steps: tuple[StepSpec, ...] = Field(
        min_length=1, strict=False, description="Steps that each document goes through, in order."
    )
    write: WriteSettings | None = Field(
        None, description="Outputs, instead of `write` as the last step."
    )
    budget: BudgetSpec | None = Field(None, description="Spending limit.")
    retry: RetrySpec = Field(RetrySpec(), description="Retries of model calls and of documents.")
    cache: CacheSpec = Field(CacheSpec(), description="Storage of model answers.")
    concurrency: ConcurrencySpec = Field(
        ConcurrencySpec(), description="Documents and pages processed concurrently."
    )
    deployments: tuple[DeploymentSpec, ...] = Field(
        (), strict=False, description="Deployments that `docmill deploy` registers with Prefect."
    )
    watch: WatchSpec | None = Field(
        None,
        description="Folder whose files `docmill watch` and `docmill serve` process as they "
        "arrive.",
    )
    scale: ScaleSpec | None = Field(
        None, description="How a large run in Prefect is distributed over workers."
    )
    fail_on: Literal["never", "needs_review", "failed"] = Field(
        "never", description="Outcome of a document that makes the Prefect flow run fail."
    )
    notify: NotifySpec | None = Field(
        None, description="Webhook to notify when a run needs a person."
    )

    @property
    def outputs(self) -> WriteSettings | None:
        """Of `write:`, whether it is a key of the flow or in the list of steps."""
        written = (step.settings for step in self.steps if isinstance(step.settings, WriteSettings))
        return self.write or next(written, None)

    @field_validator("write", mode="before")
    @classmethod
    def _write_alone_means_the_default_outputs(cls, value: object) -> object:
        return {} if value is None else value

    @model_validator(mode="after")
    def _deployments_have_their_own_names(self) -> "FlowSpec":
        names = [deployment.name for deployment in self.deployments]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two deployments are named {twice[0]!r}")
        if self.scale is not None and self.scale.deployment not in names:
            raise ValueError(
                f"scale.deployment {self.scale.deployment!r} is not one of this flow's "
                f"deployments ({', '.join(names) or 'it has none'})"
            )
        taker = next(
            (
                each
                for each in self.deployments
                if self.scale and each.name == self.scale.deployment
            ),
            None,
        )
        if taker is not None and taker.overlap is not None:
            raise ValueError(
                f"deployment {taker.name!r} takes the batches of `scale`, so it cannot "
                "have `overlap`: they would wait for each other"
            )
        return self


DEFAULT_MODELS = {
    "vision": ("pixtral-large-latest", "mistral-large-2512"),
    "text": ("mistral-large-latest",),
}


ModelIds = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False, min_length=1)
]


class FlowFile(Spec):
    """The whole of flows.yaml."""

    version: Literal[1] = Field(description="Version of the file format.")
    state: str | None = Field(
        None,
        description="Database URL; default: SQLite in .docmill/ beside flows.yaml. The environment "
        "variable DOCMILL_STATE takes precedence.",
    )
    store: str | None = Field(
        None, description="Folder or fsspec URL for the words of pages; default: .docmill/store."
    )
    providers: dict[Name, ProviderSpec] = Field(
        {"mistral": ProviderSpec()}, description="Model endpoints by name."
    )
    models: dict[Name, ModelIds] = Field(
        DEFAULT_MODELS, description="Model ids of each role, in order of preference."
    )
    catalogue: dict[str, ModelSpec] = Field(
        {}, description="Prices and image rules of models; overrides the built-in table."
    )
    flows: dict[Name, FlowSpec] = Field(min_length=1, description="Flows by name.")

    @field_validator("state", "store")
    @classmethod
    def _holds_no_password(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).password:
            raise ValueError(
                "holds a password; secrets are named, never written: set DOCMILL_STATE "
                "(the whole URL) in the environment or in .env"
            )
        return value
