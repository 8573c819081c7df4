"""What an error does to a page, a document or a run, and what a person can do about it."""

import pytest

from schemas import errors
from schemas.errors import DocmillError, Effect, advice_for
from schemas.record import ErrorInfo

CLASSES = [
    error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, DocmillError)
]


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_an_error_that_can_fail_a_document_has_advice_of_its_own_or_names_the_log(error):
    assert advice_for(error.code) == error.advice
    assert error.advice.endswith(".")


@pytest.mark.parametrize(
    ("error", "effect"),
    [
        (errors.UnreadableError, Effect.PAGE),
        (errors.AnswerCutError, Effect.PAGE),
        (errors.UnsupportedTypeError, Effect.DOCUMENT),
        (errors.StepError, Effect.DOCUMENT),
        (errors.ProviderDownError, Effect.DEFER),
        (errors.AuthenticationError, Effect.STOP),
        (errors.MissingKeyError, Effect.STOP),
        (errors.BoundBrokenError, Effect.STOP),
        (errors.MachineError, Effect.STOP),
        (errors.FileChangedError, Effect.DEFER),
        (errors.StateError, Effect.ABORT),
    ],
)
def test_effect_of_an_error_is_that_of_its_class(error, effect):
    assert error.effect is effect


def test_error_of_a_record_carries_advice_and_a_deferred_one_none():
    assert ErrorInfo(code="password", message="-").advice == errors.PasswordError.advice
    assert ErrorInfo(code="budget", message="-").advice is None
    stored = ErrorInfo(code="limit", message="-").model_dump_json()
    assert ErrorInfo.model_validate_json(stored).advice == errors.LimitError.advice
