"""The public API of docmill. `import docmill` is cheap: each name is loaded when it is first used.

    result = docmill.load("flows.yaml").run("invoices", ["inbox/a.pdf"])
    extraction = docmill.extract("a.pdf", schema=docmill.Invoice, engine="local")

docs/python.md has examples. What is not listed in `__all__` here, in `docmill.steps` or in
`docmill.errors` may change in any release.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from docmill.installation import refuse_foreign_packages

if TYPE_CHECKING:
    from docmill import errors, steps
    from docmill.extraction import Extraction, aextract, extract
    from docmill.project import Project, load
    from pipelines.running.result import RunResult
    from schemas.document import Box, Document
    from schemas.errors import (
        BudgetExceededError,
        CallError,
        DocmillError,
        DocumentError,
        ModelError,
        StepError,
    )
    from schemas.invoice import Invoice
    from schemas.receipt import Receipt
    from schemas.record import (
        DocumentResult,
        Draft,
        ErrorInfo,
        Evidence,
        Finding,
        PageExtraction,
        Status,
    )
    from schemas.usage import Usage
    from tasks.models.own_questions import Models
    from tasks.services import Services

__all__ = [
    "Box",
    "BudgetExceededError",
    "CallError",
    "DocmillError",
    "Document",
    "DocumentError",
    "DocumentResult",
    "Draft",
    "ErrorInfo",
    "Evidence",
    "Extraction",
    "Finding",
    "Invoice",
    "ModelError",
    "Models",
    "PageExtraction",
    "Project",
    "Receipt",
    "RunResult",
    "Services",
    "Status",
    "StepError",
    "Usage",
    "aextract",
    "errors",
    "extract",
    "load",
    "steps",
]

_HOMES = {
    "docmill.extraction": ("Extraction", "aextract", "extract"),
    "docmill.project": ("Project", "load"),
    "pipelines.running.result": ("RunResult",),
    "schemas.document": ("Box", "Document"),
    "schemas.errors": (
        "BudgetExceededError",
        "CallError",
        "DocmillError",
        "DocumentError",
        "ModelError",
        "StepError",
    ),
    "schemas.invoice": ("Invoice",),
    "schemas.receipt": ("Receipt",),
    "schemas.record": (
        "DocumentResult",
        "Draft",
        "ErrorInfo",
        "Evidence",
        "Finding",
        "PageExtraction",
        "Status",
    ),
    "schemas.usage": ("Usage",),
    "tasks.models.own_questions": ("Models",),
    "tasks.services": ("Services",),
}
"""What a type checker reads above, for the interpreter: a test holds that both say the same."""

_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = ("errors", "steps")

refuse_foreign_packages()


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"docmill.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'docmill' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value  # the next use does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
