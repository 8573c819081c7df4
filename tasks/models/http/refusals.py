"""The error that a refusal of the API becomes, when repeating the request cannot help."""

from schemas.errors import (
    AuthenticationError,
    ModelError,
    ModelGoneError,
    RequestRefusedError,
)
from schemas.flow import ProviderSpec
from tasks.models.http.wire import ErrorBody, PromptTooLongError

KEY_REFUSED = (401, 402, 403)  # 402: a spend limit is reached, so that no document can be paid for
WRONG_PLACE = (
    301,
    302,
    307,
    308,
    404,
    405,
)  # without a JSON body: something answers, and it is not this API
MODEL_GONE = {
    "invalid_model",
    "1500",
}  # type and code of a 400; the documentation promises 404, the API has been seen to answer 400
TOO_LONG = "3051"


def refusal_error(provider: ProviderSpec, status: int, said: ErrorBody, model: str) -> ModelError:
    """Decides by status, type and code; what the server says is only passed on."""
    where, words = provider.base_url, said.message
    if status in KEY_REFUSED:
        env = provider.api_key_env or "no key is configured"
        return AuthenticationError(
            f"{where} refuses the key or its plan (HTTP {status}: {words}); check "
            f"{env} and the quota of its workspace.",
            status=status,
        )
    # the status of an unknown id
    if MODEL_GONE & {said.kind, said.code} or (status == 404 and said.is_json):  # noqa: PLR2004
        return ModelGoneError(
            f"{where} does not serve model {model!r} (HTTP {status}: {words}).", status=status
        )
    if said.code == TOO_LONG:
        return PromptTooLongError(
            f"{model}: the request is longer than the model's context (HTTP {status}: {words}).",
            status=status,
        )
    misplaced = status in WRONG_PLACE and not said.is_json
    advice = (
        "no such API answers there: check the provider's `base_url`"
        if misplaced
        else "repeating it cannot help"
    )
    return RequestRefusedError(
        f"{where} refused a request to {model} (HTTP {status}: {words}); {advice}.",
        status=status,
    )
