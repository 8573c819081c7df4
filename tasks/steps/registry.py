"""Functions of the built-in steps by their names in flows.yaml.

Kept out of `tasks.steps` itself, so that one step can be imported without the others.
"""

from typing import TYPE_CHECKING, Any

from tasks.steps.check import check
from tasks.steps.einvoice import einvoice
from tasks.steps.extract import extract
from tasks.steps.render import render
from tasks.steps.summarise import summarise

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from schemas.record import Draft
    from tasks.services import Services

STEPS: "Mapping[str, Callable[[Draft, Any, Services], Awaitable[Draft]]]" = {
    "einvoice": einvoice,
    "render": render,
    "extract": extract,
    "summarise": summarise,
    "check": check,
}
"""`write` is not among them: outputs belong to the flow and are made from the ledger."""
