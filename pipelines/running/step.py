"""Calls of one step: a built-in one, or the user's own."""

from collections.abc import Awaitable, Callable
from typing import Any

from schemas.record import Draft
from tasks.flow_definition import Step
from tasks.services import Services
from tasks.steps.registry import STEPS

StepFunction = Callable[[Draft, Any, Services], Awaitable[Draft]]
"""What a step does to one document: `(draft, settings, services) -> draft`. Raises `DocumentError`
or `ModelError`."""

StepCaller = Callable[[Step, Draft, Services], Awaitable[Draft]]
"""How one step of one document is called. A runner is no more than that."""


async def call_directly(step: Step, draft: Draft, services: Services) -> Draft:
    function: StepFunction = step.own or STEPS[step.name]
    return await function(draft, step.settings, services)
