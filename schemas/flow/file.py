"""The whole of flows.yaml, and one flow of it."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from schemas.flow.deployment import DeploymentSpec, NotifySpec, ScaleSpec, WatchSpec
from schemas.flow.limits import BudgetSpec, CacheSpec, ConcurrencySpec, RetrySpec
from schemas.flow.providers import ModelSpec, ProviderSpec
from schemas.flow.source import FolderSource
from schemas.flow.spec import Name, Spec
from schemas.flow.steps import StepSpec


class FlowSpec(Spec):
    """One entry under `flows:`; becomes one Prefect flow of the same name."""

    description: str = Field("", description="Shown by `docmill check` and in Prefect.")
    engine: Literal["mistral", "local"] = Field(
        "mistral", description="mistral: models over HTTP; local: offline, free."
    )
    provider: Name = Field("mistral", description="Which of `providers:` the models are asked at.")
    source: FolderSource | None = Field(
        None, description="Where documents come from when the command names none."
    )
    steps: tuple[StepSpec, ...] = Field(
        min_length=1, strict=False, description="What is done with each document, in order."
    )
    budget: BudgetSpec | None = Field(None, description="What may be spent.")
    retry: RetrySpec = Field(RetrySpec(), description="Repeats of calls and documents.")
    cache: CacheSpec = Field(CacheSpec(), description="Stored answers.")
    concurrency: ConcurrencySpec = Field(
        ConcurrencySpec(), description="How much is done at one time."
    )
    deployments: tuple[DeploymentSpec, ...] = Field(
        (), strict=False, description="Ways to run it that `docmill deploy` registers with Prefect."
    )
    watch: WatchSpec | None = Field(
        None,
        description="A folder whose files are taken as they come, by `docmill watch` and `docmill "
        "serve`.",
    )
    scale: ScaleSpec | None = Field(
        None, description="How a large run in Prefect is spread over workers."
    )
    fail_on: Literal["never", "needs_review", "failed"] = Field(
        "never", description="Which documents make a Prefect flow run show as failed."
    )
    notify: NotifySpec | None = Field(None, description="Who is told when a run needs a person.")

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

    version: Literal[1] = Field(description="Version of this format.")
    state: str | None = Field(
        None,
        description="Database URL; default: SQLite in .docmill/ beside flows.yaml. DOCMILL_STATE "
        "in "
        "the environment goes first.",
    )
    store: str | None = Field(
        None, description="fsspec URL for large things; default: .docmill/store."
    )
    providers: dict[Name, ProviderSpec] = Field(
        {"mistral": ProviderSpec()}, description="Endpoints."
    )
    models: dict[Name, ModelIds] = Field(
        DEFAULT_MODELS, description="Roles: model ids in order of preference."
    )
    catalogue: dict[str, ModelSpec] = Field(
        {}, description="Prices and image rules of models, over the built-in table."
    )
    flows: dict[Name, FlowSpec] = Field(min_length=1, description="The flows.")

    @field_validator("state", "store")
    @classmethod
    def _holds_no_password(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).password:
            raise ValueError(
                "holds a password; secrets are named, never written: set DOCMILL_STATE "
                "(the whole URL) in the environment or in .env"
            )
        return value
