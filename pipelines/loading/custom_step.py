"""What is a step of the user's own? `async def name(draft: Draft, *, setting, ...) -> Draft`, and its settings in flows.yaml are the arguments.

A function that also names the argument `services` is handed what the run shares (`tasks.services.Services`).
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation

from pipelines.loading.problems import did_you_mean, found
from schemas.errors import StepError
from schemas.record import Draft

if TYPE_CHECKING:
    from tasks.definition import StepFunction
    from tasks.services import Services

_SHAPE = "`async def name(draft: Draft, *, setting, ...) -> Draft`"
_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def fit_settings(function: Any, settings: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The settings as the function's types want them, and `(setting, message)` for each that does not fit.

    A message about the function itself has "" for the setting.
    """
    if not inspect.iscoroutinefunction(function):
        return {}, [("", f"must be an async function, {_SHAPE}; found {type(function).__name__}")]
    parameters = list(_signature(function).parameters.values())
    if not parameters or parameters[0].kind not in _BY_POSITION:
        return {}, [("", f"must take the draft as its first argument, {_SHAPE}")]
    named = {p.name: p for p in parameters[1:] if p.kind in _BY_NAME and p.name != "services"}
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
    problems = [
        ("", f"the setting `{p.name}` is missing; {function.__name__} needs it")
        for p in named.values()
        if p.default is inspect.Parameter.empty and p.name not in settings
    ]
    fitted: dict[str, Any] = {}
    for name, value in settings.items():
        if name in named:
            fitted[name] = value
            problems += [(name, message) for message in _fit(named[name], value, fitted)]
        elif takes_any and name != "services":
            fitted[name] = value
        else:
            problems.append((name, f"unknown setting of {function.__name__}; {did_you_mean(name, named)}"))
    return fitted, problems


def _fit(parameter: inspect.Parameter, value: Any, fitted: dict[str, Any]) -> Iterator[str]:
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty or isinstance(annotation, str):
        return
    try:
        fitted[parameter.name] = TypeAdapter(annotation).validate_python(value)
    except ValidationError as error:
        yield f"{error.errors()[0]['msg'].replace('Input should be', 'must be')}, found {found(value)}"
    except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation):
        yield f"has the type {annotation!r}, which flows.yaml cannot give; use plain types"


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except NameError:  # a type that is imported for the type checker only
        return inspect.signature(function)


def step_function(name: str, function: Callable[..., Any]) -> "StepFunction":
    """`function` as the runners call every step; what it returns is checked."""
    wants_services = "services" in inspect.signature(function).parameters

    async def run(draft: Draft, settings: Mapping[str, Any], services: "Services") -> Draft:
        shared = {"services": services} if wants_services else {}
        result = await function(draft, **settings, **shared)
        if not isinstance(result, Draft):
            raise StepError(f"{name} returned {type(result).__name__}; a step returns the draft: `return draft.model_copy(update={{...}})`")
        return result

    run.__name__ = function.__name__
    return run
