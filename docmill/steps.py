"""The steps as functions, for a flow of your own: `(draft, settings, services) -> draft`.

`begin` makes the first draft, and `Project.open` gives the services. `call` calls a step
of flows.yaml, also one of your own, with its settings there. `write` is not here: outputs
are views of the ledger, which only `Project.run` fills.
"""

from docmill.opening import begin
from pipelines.running.step import call_directly as call
from schemas.flow import (
    CheckSettings,
    EinvoiceSettings,
    ExtractSettings,
    SummariseSettings,
)
from schemas.flow import RenderSettingsSpec as RenderSettings
from tasks.steps.check import check
from tasks.steps.einvoice import einvoice
from tasks.steps.extract import extract
from tasks.steps.render import render
from tasks.steps.summarise import summarise

__all__ = [
    "CheckSettings",
    "EinvoiceSettings",
    "ExtractSettings",
    "RenderSettings",
    "SummariseSettings",
    "begin",
    "call",
    "check",
    "einvoice",
    "extract",
    "render",
    "summarise",
]
