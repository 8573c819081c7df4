"""Wire format: builds a chat-completions body as bytes, once; reads answers and errors.

Source: the published OpenAPI document and error glossary of api.mistral.ai, and bodies seen in
public issues. Unknown fields are refused with 422 there, so a body has only what is listed here,
and no nulls.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from schemas.document import PageImage
from schemas.errors import RequestRefusedError

MAX_IMAGES = 8
MAX_IMAGE_BYTES = 10 * 1024 * 1024
CUT_REASONS = ("length", "model_length")
_SERVER_WORDS = 300  # characters of a server's message that are passed on
_TOKENS_BELIEVED = 10**12  # a larger count is nonsense, and no database's integer


@dataclass(frozen=True, slots=True)
class Turn:
    """One message after the system's. Images follow the text."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class ReportedUsage:
    """Tokens as the server says. `cached_tokens` are part of `prompt_tokens` and cheaper."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """A complete answer. `usage` is None when the server did not report it: unknown, never zero."""

    text: str
    finish_reason: str | None
    model: str
    usage: ReportedUsage | None

    @property
    def is_cut(self) -> bool:
        return self.finish_reason in CUT_REASONS


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error answer says. `message` is short, on one line and without the request's own
    content."""

    message: str
    kind: str | None = None
    code: str | None = None
    is_json: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be sent. `tokens`: about what it will use, in and out."""

    body: bytes
    model: str
    tokens: int


class PromptTooLongError(RequestRefusedError):
    """The request has more tokens than the model's context; a shorter one may succeed."""


class BrokenAnswerError(Exception):
    """Status 200, but not a usable answer: cut JSON, no content. `usage` is set when it was
    reported all the same."""

    def __init__(self, reason: str, usage: ReportedUsage | None = None) -> None:
        super().__init__(reason)
        self.reason, self.usage = reason, usage


def body_bytes(
    *,
    model: str,
    system: str,
    turns: Sequence[Turn],
    images: Sequence[PageImage],
    max_tokens: int,
    temperature: float,
    schema: tuple[str, str] | None,
    cache_key: str | None,
) -> bytes:
    """The request body. `schema`: name and compact JSON. Images go into the first user turn, as
    objects: all endpoints take that form.

    Fixed parts stand first, so that a provider's prefix cache can serve them. Base64 is put in as
    bytes: no copy as text, no escaping.
    """
    settings: dict[str, Any] = {
        "model": model,
        "temperature": temperature,
        "max_tokens": max_tokens,
    }
    if cache_key is not None:
        settings["prompt_cache_key"] = cache_key
    parts = [_json(settings)[:-1]]
    if schema is not None:
        name, schema_json = schema
        parts += [
            b',"response_format":{"type":"json_schema","json_schema":{"name":',
            _json(name),
            b',"strict":true,"schema":',
            schema_json.encode(),
            b"}}",
        ]
    parts += [b',"messages":[{"role":"system","content":', _json(system), b"}"]
    for number, turn in enumerate(turns):
        parts += [b',{"role":"', turn.role.encode(), b'","content":']
        parts += (
            _parts_with_images(turn.text, images) if number == 0 and images else [_json(turn.text)]
        )
        parts.append(b"}")
    parts.append(b"]}")
    return b"".join(parts)


def _parts_with_images(text: str, images: Sequence[PageImage]) -> list[bytes]:
    parts = [b'[{"type":"text","text":', _json(text), b"}"]
    for image in images:
        parts += [
            b',{"type":"image_url","image_url":{"url":"data:',
            image.media_type.encode(),
            b";base64,",
            base64.b64encode(image.data),
            b'"}}',
        ]
    return [*parts, b"]"]


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def read_completion(content: bytes, asked_model: str) -> Completion:
    """Raises BrokenAnswerError for anything that is not a complete chat completion with some
    content."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        raise BrokenAnswerError("the answer is not complete JSON") from None
    usage = _usage(answer.get("usage")) if isinstance(answer, dict) else None
    try:
        choice = answer["choices"][0]
        text = _storable(_text(choice["message"].get("content")))
    except (KeyError, IndexError, TypeError, AttributeError):
        raise BrokenAnswerError("the answer is not a chat completion", usage) from None
    finish_reason = choice.get("finish_reason")
    if finish_reason == "error":
        raise BrokenAnswerError("the model stopped with an error", usage)
    if not text.strip() and finish_reason not in CUT_REASONS:
        raise BrokenAnswerError("the answer is empty", usage)
    model = answer.get("model")
    return Completion(
        text,
        _storable(finish_reason) if isinstance(finish_reason, str) else None,
        _storable(model) if isinstance(model, str) else asked_model,
        usage,
    )


def _storable(text: str) -> str:
    """Without what JSON can escape but no UTF-8 file and not every database takes: halves of
    surrogate pairs, and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _text(content: Any) -> str:
    """Content is a string, null, or a list of parts of which the thinking ones are not the
    answer."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(
            part["text"]
            for part in content
            if isinstance(part, dict)
            and part.get("type") == "text"
            and isinstance(part.get("text"), str)
        )
    return ""


def _usage(reported: Any) -> ReportedUsage | None:
    if not isinstance(reported, dict):
        return None
    prompt, completion = (
        _count(reported.get("prompt_tokens")),
        _count(reported.get("completion_tokens")),
    )
    if prompt is None or completion is None:
        return None
    details = reported.get("prompt_tokens_details")
    cached = _count(
        details.get("cached_tokens")
        if isinstance(details, dict)
        else reported.get("num_cached_tokens")
    )
    return ReportedUsage(prompt, completion, min(cached or 0, prompt))


def _count(value: Any) -> int | None:
    return (
        value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _TOKENS_BELIEVED
        else None
    )


_FENCED = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)


def without_fences(text: str) -> str:
    """The text inside a code fence, where a model put the whole answer into one although it was
    told not to."""
    stripped = text.strip()
    if stripped.startswith("```"):
        fenced = _FENCED.match(stripped)
        if fenced and fenced.end() == len(stripped):
            return fenced.group(1)
    return text


def json_text(text: str) -> str:
    """The JSON object in an answer: bare, in a fence, or with prose around it. The text itself when
    there is none."""
    fenced = _FENCED.search(text)
    inner = fenced.group(1) if fenced else text
    start, end = inner.find("{"), inner.rfind("}")
    return inner[start : end + 1] if 0 <= start < end else inner


def read_error(content: bytes, key: str = "") -> ErrorBody:
    """The four shapes seen: a flat object, the same with `message` an object, `{"detail": ...}`,
    and a page of HTML.

    `key` is what the message must not hold, should the server quote it back.
    """
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return ErrorBody("an answer that is not JSON", is_json=False)
    if not isinstance(answer, dict):
        return ErrorBody("an answer without a message")
    inner = (
        answer["error"] if isinstance(answer.get("error"), dict) else answer
    )  # OpenAI-like servers wrap it
    said = inner.get("message", inner.get("detail"))
    if isinstance(said, dict):
        said = said.get("detail", said.get("message"))
    code = inner.get("code")
    kind = inner.get("type")
    return ErrorBody(
        _one_line(said, key),
        kind if isinstance(kind, str) else None,
        None if code is None else str(code),
    )


def _one_line(said: Any, key: str) -> str:
    """A list of problems is given by place and message. Anything else that is not text is left out,
    as it may quote the document."""
    if isinstance(said, list):
        said = "; ".join(_told_problem(item) for item in said if isinstance(item, Mapping))
    words = " ".join(_storable(said).split()) if isinstance(said, str) else ""
    if key:
        words = words.replace(key, "[key]")  # before the cut, which could leave a part of it
    return (words if len(words) <= _SERVER_WORDS else words[:_SERVER_WORDS] + "...") or "no message"


def _told_problem(problem: Mapping[str, Any]) -> str:
    place = problem.get("loc")
    steps = place if isinstance(place, list) else [place] if isinstance(place, str) else []
    message = problem.get("msg")
    return (
        f"{'.'.join(str(step) for step in steps)}: "
        f"{message if isinstance(message, str) else 'not valid'}"
    )
