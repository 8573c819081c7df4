"""Models of flows.yaml.

They are the reference: the JSON Schema, the docs page and the error messages are made from them.

A key is here only when it takes effect. Nothing here reads a file; `pipelines.loading` does.
"""

from schemas.flow.deployment import (
    DeploymentSpec,
    NotifySpec,
    RunParameters,
    ScaleSpec,
    ScheduleSpec,
    WatchSpec,
)
from schemas.flow.file import DEFAULT_MODELS, FlowFile, FlowSpec, ModelIds
from schemas.flow.inline_fields import FieldEntry, FieldSpec, FieldType
from schemas.flow.limits import BudgetSpec, CacheSpec, ConcurrencySpec, OnExceeded, RetrySpec
from schemas.flow.providers import ModelSpec, ProviderLimits, ProviderSpec
from schemas.flow.source import DOCUMENT_PATTERNS, FolderSource
from schemas.flow.spec import (
    ENVIRONMENT_PATTERN,
    NAME_PATTERN,
    URL_PATTERN,
    EnvironmentName,
    Name,
    PositiveInt,
    Spec,
)
from schemas.flow.steps import (
    CUSTOM_STEP_PATTERN,
    STEP_SETTINGS,
    CheckSettings,
    CustomSettings,
    EinvoiceSettings,
    ExtractSettings,
    RenderSettingsSpec,
    StepSpec,
    SummariseSettings,
    WriteSettings,
)

__all__ = [
    "CUSTOM_STEP_PATTERN",
    "DEFAULT_MODELS",
    "DOCUMENT_PATTERNS",
    "ENVIRONMENT_PATTERN",
    "NAME_PATTERN",
    "STEP_SETTINGS",
    "URL_PATTERN",
    "BudgetSpec",
    "CacheSpec",
    "CheckSettings",
    "ConcurrencySpec",
    "CustomSettings",
    "DeploymentSpec",
    "EinvoiceSettings",
    "EnvironmentName",
    "ExtractSettings",
    "FieldEntry",
    "FieldSpec",
    "FieldType",
    "FlowFile",
    "FlowSpec",
    "FolderSource",
    "ModelIds",
    "ModelSpec",
    "Name",
    "NotifySpec",
    "OnExceeded",
    "PositiveInt",
    "ProviderLimits",
    "ProviderSpec",
    "RenderSettingsSpec",
    "RetrySpec",
    "RunParameters",
    "ScaleSpec",
    "ScheduleSpec",
    "Spec",
    "StepSpec",
    "SummariseSettings",
    "WatchSpec",
    "WriteSettings",
]
