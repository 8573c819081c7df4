"""What can the fake server be told to answer? Each function here is one behaviour of the real API,
or of the network before it."""

import email.utils
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.support.fake_mistral.http1 import Drop

RetryAfterForm = Literal["seconds", "fraction", "date", "none"]
JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """How one answer differs from the default one. `status` other than 200 sends `body` and bills
    nothing.

    `change` edits the default answer's JSON; `encode` the bytes after that. `retry_after` is in
    seconds.
    """

    name: str = "default"
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    delay: float = 0.0
    drop: Drop = "no"
    retry_after: float | None = None
    retry_after_form: RetryAfterForm = "none"
    change: Callable[[JsonObject], None] | None = field(default=None, compare=False)
    encode: Callable[[bytes], bytes] | None = field(default=None, compare=False)
    more_headers: tuple[tuple[str, str], ...] = ()

    def headers(self) -> dict[str, str]:
        return {**self._retry_headers(), **dict(self.more_headers)}

    def _retry_headers(self) -> dict[str, str]:
        wait = self.retry_after
        if wait is None or self.retry_after_form == "none":
            return {}
        if self.retry_after_form == "date":
            # An HTTP date has whole seconds: the announced moment is the next full one at or after
            # now + wait.
            return {
                "retry-after": email.utils.formatdate(int(time.time() + wait + 0.999), usegmt=True)
            }
        return {
            "retry-after": str(int(wait + 0.999))
            if self.retry_after_form == "seconds"
            else f"{wait:.3f}"
        }


def error_body(message: Any, kind: str, code: str | int | None, status: int) -> bytes:
    """The flat error object of the API."""
    return json.dumps(
        {
            "object": "error",
            "message": message,
            "type": kind,
            "param": None,
            "code": code,
            "raw_status_code": status,
        }
    ).encode()


def rate_limited(seconds: float = 0.0, form: RetryAfterForm = "seconds") -> Reply:
    body = error_body("Rate limit exceeded", "rate_limited", "1300", 429)
    return Reply("429", 429, body, retry_after=seconds, retry_after_form=form)


def over_capacity() -> Reply:
    return Reply(
        "429_capacity",
        429,
        error_body(
            "Service tier capacity exceeded for this model.",
            "service_tier_capacity_exceeded",
            "3505",
            429,
        ),
    )


def server_error(status: int = 500) -> Reply:
    return Reply(
        str(status), status, error_body("Internal error", "internal_server_error", None, status)
    )


def gateway_page(status: int = 502) -> Reply:
    page = b"<html><head><title>Bad Gateway</title></head><body><h1>502</h1></body></html>"
    return Reply(f"{status}_html", status, page, content_type="text/html")


def model_gone(model: str, status: int = 400) -> Reply:
    code = "1500" if status == 400 else None
    return Reply(
        "model_gone", status, error_body(f"Invalid model: {model}", "invalid_model", code, status)
    )


def prompt_too_long(tokens: int = 999_999, limit: int = 131_072) -> Reply:
    message = (
        f"Prompt contains {tokens} tokens and 0 draft tokens, too large for model with {limit} "
        "maximum context length"
    )
    return Reply("too_long", 400, error_body(message, "invalid_request_prompt", "3051", 400))


def unauthorized(shape: Literal["detail", "message"] = "detail") -> Reply:
    body = (
        {"detail": "Unauthorized"}
        if shape == "detail"
        else {"message": "Unauthorized", "request_id": "0"}
    )
    return Reply("401", 401, json.dumps(body).encode())


def forbidden() -> Reply:
    return Reply("403", 403, error_body("Model not available on your plan", "forbidden", None, 403))


def invalid_body(location: str = "seed") -> Reply:
    detail = {
        "detail": [
            {
                "type": "extra_forbidden",
                "loc": ["body", location],
                "msg": "Extra inputs are not permitted",
                "input": 1,
            }
        ]
    }
    return Reply("422", 422, error_body(detail, "invalid_request_error", None, 422))


def truncated_json() -> Reply:
    return Reply("truncated", encode=lambda body: body[: len(body) * 2 // 3])


def slow(seconds: float) -> Reply:
    return Reply("slow", delay=seconds)


def reset(when: Drop) -> Reply:
    return Reply(f"reset_{when}", drop=when)


def content(value: Any, finish_reason: str = "stop") -> Reply:
    """The message content as given: a string, None, or a list of parts."""

    def change(answer: JsonObject) -> None:
        answer["choices"][0]["message"]["content"] = value
        answer["choices"][0]["finish_reason"] = finish_reason

    return Reply("content", change=change)


def as_parts() -> Reply:
    def change(answer: JsonObject) -> None:
        message = answer["choices"][0]["message"]
        thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Let me look."}]}
        message["content"] = [thought, {"type": "text", "text": message["content"]}]

    return Reply("parts", change=change)


def fenced(prose: str = "Here is the JSON:\n") -> Reply:
    def change(answer: JsonObject) -> None:
        message = answer["choices"][0]["message"]
        message["content"] = f"{prose}```json\n{message['content']}\n```"

    return Reply("fenced", change=change)


def cut(keep: float = 0.5, finish_reason: str = "length") -> Reply:
    def change(answer: JsonObject) -> None:
        choice = answer["choices"][0]
        text = choice["message"]["content"]
        choice["message"]["content"], choice["finish_reason"] = (
            text[: int(len(text) * keep)],
            finish_reason,
        )

    return Reply("cut", change=change)


def deprecated(when: str = "2027-01-31T00:00:00Z") -> Reply:
    return Reply("deprecated", more_headers=(("x-model-deprecation-timestamp", when),))


def no_usage() -> Reply:
    return Reply("no_usage", change=lambda answer: answer.pop("usage"))


FAULTS: dict[str, Callable[[], Reply]] = {
    "429_seconds": lambda: rate_limited(1, "seconds"),
    "429_fraction": lambda: rate_limited(0.3, "fraction"),
    "429_date": lambda: rate_limited(0.5, "date"),
    "429_bare": lambda: rate_limited(0, "none"),
    "500": server_error,
    "503": lambda: server_error(503),
    "502_html": gateway_page,
    "reset_before": lambda: reset("before_reading"),
    "reset_after": lambda: reset("before_answer"),
    "reset_mid": lambda: reset("mid_answer"),
    "truncated": truncated_json,
    "no_usage": no_usage,
}
"""Faults by name, for `--faults` of the command line. The last five may lose an answer or its
price."""
