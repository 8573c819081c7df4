"""Custom steps: `async def name(draft: Draft, *, setting, ...) -> Draft`.

The keyword arguments are the step's settings in flows.yaml.

A function that also has an argument `models` receives the models of the run (`docmill.Models`;
None with the local engine), and with an argument `services` all that the run shares
(`docmill.Services`).
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation

from pipelines.loading.problems import did_you_mean, found
from pipelines.loading.user_code import where
from schemas.errors import DocmillError, StepError
from schemas.record import Draft

if TYPE_CHECKING:
    from pipelines.running.step import StepFunction
    from tasks.models.own_questions import Models
    from tasks.services import Services

_RECORD = TypeAdapter[dict[str, JsonValue] | None](dict[str, JsonValue] | None)
_SHAPE = "`async def name(draft: Draft, *, setting, ...) -> Draft`"
HANDED_OVER = ("models", "services")
"""Arguments that the run gives, so that no setting can have such a name."""
_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def fit_settings(
    function: Any, settings: Mapping[str, Any]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The settings as the function's types want them, and `(setting, message)` for each that does
    not fit.

    A message about the function itself has "" for the setting.
    """
    if not inspect.iscoroutinefunction(function):
        return {}, [("", f"must be an async function, {_SHAPE}; found {type(function).__name__}")]
    parameters = list(_signature(function).parameters.values())
    if not parameters or parameters[0].kind not in _BY_POSITION:
        return {}, [("", f"must take the draft as its first argument, {_SHAPE}")]
    named = {p.name: p for p in parameters[1:] if p.kind in _BY_NAME and p.name not in HANDED_OVER}
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
        elif takes_any and name not in HANDED_OVER:
            fitted[name] = value
        else:
            problems.append(
                (name, f"unknown setting of {function.__name__}; {did_you_mean(name, named)}")
            )
    return fitted, problems


def _fit(parameter: inspect.Parameter, value: Any, fitted: dict[str, Any]) -> Iterator[str]:
    annotation = parameter.annotation
    if annotation is inspect.Parameter.empty or isinstance(annotation, str):
        return
    try:
        fitted[parameter.name] = TypeAdapter(annotation).validate_python(value)
    except ValidationError as error:
        yield (
            f"{error.errors()[0]['msg'].replace('Input should be', 'must be')}, found "
            f"{found(value)}"
        )
    except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation):
        yield f"has the type {annotation!r}, which flows.yaml cannot give; use plain types"


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except NameError:  # a type that is imported for the type checker only
        return inspect.signature(function)


def handed_over(function: Callable[..., Any]) -> tuple[str, ...]:
    """The arguments of a step that the run gives, not flows.yaml."""
    named = inspect.signature(function).parameters
    return tuple(one for one in HANDED_OVER if one in named)


def step_function(name: str, function: Callable[..., Any], folder: Path) -> "StepFunction":
    """`function` as the runners call every step. What it returns is checked, and whatever it raises
    fails the one document.

    Of an error the type and the line are reported, never its words, which may quote the document.
    `folder`: that of flows.yaml.
    """
    wanted = handed_over(function)
    file = name.rpartition(":")[0]

    async def run(draft: Draft, settings: Mapping[str, Any], services: "Services") -> Draft:
        shared = {one: _service(one, name, draft, services) for one in wanted}
        try:
            result = await function(draft, **settings, **shared)
        except DocmillError:
            raise
        except (Exception, SystemExit) as error:  # the user's code may raise anything
            raise StepError(
                f"{name} raised {type(error).__name__} at {where(error, folder / file, file)}"
            ) from error
        checked = _checked(name, result)
        return _with_usage(checked, services) if "models" in shared else checked

    run.__name__ = function.__name__
    return run


def _service(
    argument: str, step: str, draft: Draft, services: "Services"
) -> "Services | Models | None":
    if argument == "services":
        return services
    if services.models is None:
        return None
    from tasks.models.own_questions import Models  # noqa: PLC0415 - only for a step that asks a model

    return Models(services.models, services.flow, draft.document, step)


def _with_usage(draft: Draft, services: "Services") -> Draft:
    """What the step spent belongs to its document."""
    if services.models is None:
        return draft
    spent = services.models.take_usage(draft.document.document_id)
    return draft.model_copy(update={"usage": draft.usage + spent})


def _checked(name: str, result: object) -> Draft:
    """What a step returned, when it is a draft that can be written. Raises StepError."""
    if not isinstance(result, Draft):
        raise StepError(
            f"{name} returned {type(result).__name__}; a step returns the draft: `return "
            f"draft.model_copy(update={{...}})`"
        )
    try:
        _RECORD.validate_python(result.record)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False)[0]
        kind = type(wrong["input"]).__name__
        raise StepError(
            f"{name} put a value of type {kind} into the record; use only what JSON has "
            "(dates and decimals as text, such as `str(total)`)"
        ) from None
    return result
