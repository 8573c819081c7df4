"""What does the fake server do with one request? Checks it, counts it, logs it, and answers as it
was told."""

import asyncio
import hashlib
import json
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from tests.support.fake_mistral import answers, counting, validation
from tests.support.fake_mistral.answers import Known
from tests.support.fake_mistral.http1 import Connection, Request, Response
from tests.support.fake_mistral.replies import (
    FAULTS,
    JsonObject,
    Reply,
    error_body,
    model_gone,
    unauthorized,
)

Script = Callable[[JsonObject, int], Reply | None]
"""Called with a request's body and its number (from 0); None means the default answer."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One request. Times are wall seconds; tokens are what was billed, also when the answer was
    then lost. `quiet_until`: end of an announced Retry-After window."""

    number: int
    started: float
    answered: float
    sha: str
    bytes: int
    model: str
    reply: str
    status: int
    images: int
    schema: bool
    prompt_tokens: int
    completion_tokens: int
    quiet_until: float | None = None


@dataclass(slots=True)
class Behaviour:
    """What the server is told at start; `replies` and `script` may change while it runs.

    Order: `replies` (used up one by one), then `script`, then `fault_rates` (name in `FAULTS` ->
    share of requests), then the default.
    """

    latency: float = 0.0
    validate: bool = True
    api_key: str | None = None
    registry: Sequence[Known] = ()
    retired: Mapping[str, int] = field(
        default_factory=dict
    )  # model -> status of the refusal, 400 or 404
    context: int = 262_144
    fault_rates: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    log_file: Path | None = None
    replies: deque[Reply] = field(default_factory=deque)
    script: Script | None = None


class FakeMistral:
    """A chat-completions endpoint on localhost, in a thread of its own: `with FakeMistral() as
    server: ... server.url`."""

    def __init__(
        self, behaviour: Behaviour | None = None, *, port: int = 0, host: str = "127.0.0.1"
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.requests: list[Logged] = []
        self.bodies: list[JsonObject] = []
        self.keep_bodies = True
        self._host, self._port = host, port
        self._random = random.Random(self.behaviour.seed)
        self._log: IO[str] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._in_flight = 0
        self.most_in_flight = 0

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}/v1"

    @property
    def port(self) -> int:
        return self._port

    @property
    def billed(self) -> int:
        """Input plus output tokens of everything that was answered."""
        return sum(entry.prompt_tokens + entry.completion_tokens for entry in self.requests)

    def reply(self, *replies: Reply) -> None:
        """Answer the next requests with these, one each."""
        self.behaviour.replies.extend(replies)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self.serve()), name="fake-mistral", daemon=True
        )
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the fake server did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._thread is not None:
            self._thread.join(10)

    def stop(self) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)

    async def started(self) -> None:
        while not self._ready.is_set():  # noqa: ASYNC110 - the event belongs to threads
            await asyncio.sleep(0.005)

    async def serve(self) -> None:
        """Serves until stopped; `url` is right once `_ready` is set."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        if self.behaviour.log_file is not None:
            self._log = self.behaviour.log_file.open("a", encoding="utf-8", buffering=1)
        connections: list[Connection] = []

        def connect() -> Connection:
            connections.append(Connection(self._handle, self._drop_now, time.time))
            return connections[-1]

        server = await self._loop.create_server(connect, self._host, self._port, backlog=1024)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        try:
            await self._stop.wait()
        finally:
            server.close()
            for connection in connections:
                connection.close()
            await asyncio.sleep(0)
            if self._log is not None:
                self._log.close()

    def _drop_now(self) -> bool:
        if self.behaviour.replies and self.behaviour.replies[0].drop == "before_reading":
            self._note_unread(self.behaviour.replies.popleft())
            return True
        if self._random.random() < self.behaviour.fault_rates.get("reset_before", 0.0):
            self._note_unread(FAULTS["reset_before"]())
            return True
        return False

    def _note_unread(self, reply: Reply) -> None:
        now = time.time()
        self._note(Logged(len(self.requests), now, now, "", 0, "", reply.name, 0, 0, False, 0, 0))

    def _note(self, entry: Logged) -> None:
        self.requests.append(entry)
        if self._log is not None:
            self._log.write(json.dumps(asdict(entry)) + "\n")

    async def _handle(self, request: Request) -> Response:
        path = request.path.partition("?")[0]
        if path == "/control":
            return self._control(request)
        if path == "/v1/models":
            return Response(
                body=json.dumps(
                    {"object": "list", "data": [{"id": "mistral-large-2512", "object": "model"}]}
                ).encode()
            )
        if path != "/v1/chat/completions" or request.method != "POST":
            return Response(404, error_body("Not found", "not_found", None, 404))
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            return await self._complete(request)
        finally:
            self._in_flight -= 1

    def _control(self, request: Request) -> Response:
        """GET: totals. POST: `{"latency": s, "fault_rates": {...}, "replies": [names of FAULTS],
        "retired": {...}}`, each optional."""
        if request.method == "POST":
            wanted = json.loads(request.body or b"{}")
            self.behaviour.replies.extend(FAULTS[name]() for name in wanted.pop("replies", ()))
            for name, value in wanted.items():
                setattr(self.behaviour, name, value)
        totals = {
            "requests": len(self.requests),
            "billed": self.billed,
            "most_in_flight": self.most_in_flight,
        }
        return Response(body=json.dumps(totals).encode())

    async def _complete(self, request: Request) -> Response:
        try:
            body = json.loads(request.body)
        except ValueError:
            return Response(
                422, error_body("The body is not JSON", "invalid_request_error", None, 422)
            )
        number = len(self.requests)
        if self.keep_bodies:
            self.bodies.append(body)
        reply = self._refusal(request, body) or self._chosen(body, number)
        images = (
            validation.image_data(body) if reply.status == 200 or self.behaviour.validate else []
        )
        answer, usage = (b"", (0, 0)) if reply.status != 200 else self._answer(body, images, reply)
        too_long = (
            reply.status == 200
            and usage[0] + (body.get("max_tokens") or 0) > self.behaviour.context
        )
        if too_long:
            text = (
                f"Prompt contains {usage[0]} tokens and 0 draft tokens, too large for model "
                f"with {self.behaviour.context} maximum context length"
            )
            reply, usage = (
                Reply("too_long", 400, error_body(text, "invalid_request_prompt", "3051", 400)),
                (0, 0),
            )
        await asyncio.sleep(reply.delay + (self.behaviour.latency if reply.status == 200 else 0))
        now = time.time()
        announced = (
            now + reply.retry_after
            if reply.retry_after is not None and reply.retry_after_form != "none"
            else None
        )
        digest = hashlib.sha256(request.body).hexdigest()
        schema = (body.get("response_format") or {}).get("type") == "json_schema"
        status = 0 if reply.drop != "no" else reply.status
        self._note(
            Logged(
                number,
                request.started,
                now,
                digest,
                len(request.body),
                str(body.get("model")),
                reply.name,
                status,
                len(images),
                schema,
                *usage,
                announced,
            )
        )
        headers = {
            "content-type": reply.content_type,
            "mistral-correlation-id": digest[:12],
            **reply.headers(),
        }
        return Response(
            reply.status, answer if reply.status == 200 else reply.body, headers, reply.drop
        )

    def _refusal(self, request: Request, body: JsonObject) -> Reply | None:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.behaviour.api_key is not None and key != self.behaviour.api_key:
            return unauthorized()
        status = self.behaviour.retired.get(str(body.get("model")))
        if status is not None:
            return model_gone(str(body.get("model")), status)
        return validation.problem_with(body) if self.behaviour.validate else None

    def _chosen(self, body: JsonObject, number: int) -> Reply:
        if self.behaviour.replies:
            return self.behaviour.replies.popleft()
        scripted = (
            self.behaviour.script(body, number) if self.behaviour.script is not None else None
        )
        if scripted is not None:
            return scripted
        drawn = self._random.random()
        for name, share in self.behaviour.fault_rates.items():
            if name == "reset_before":
                continue
            drawn -= share
            if drawn < 0:
                return FAULTS[name]()
        return Reply()

    def _answer(
        self, body: JsonObject, images: list[str], reply: Reply
    ) -> tuple[bytes, tuple[int, int]]:
        cell, side = counting.image_rule(body["model"])
        prompt_tokens = sum(
            counting.image_tokens(*counting.image_size(image), cell, side) for image in images
        )
        prompt_tokens += sum(counting.text_tokens(text) for text in validation.texts(body))
        prompt_tokens += counting.TEMPLATE_TOKENS * (len(body["messages"]) + 1)
        text, finish_reason = answers.answer_text(body, self.behaviour.registry), "stop"
        completion_tokens = counting.text_tokens(text)
        limit = body.get("max_tokens")
        if limit is not None and completion_tokens > limit:
            text, finish_reason, completion_tokens = (
                text[: len(text) * limit // completion_tokens],
                "length",
                limit,
            )
        usage = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        }
        choice = {
            "index": 0,
            "finish_reason": finish_reason,
            "message": {"role": "assistant", "content": text, "tool_calls": None},
        }
        answer: dict[str, Any] = {
            "id": f"{len(self.requests):032x}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": body["model"],
            "usage": usage,
            "choices": [choice],
        }
        if reply.change is not None:
            reply.change(answer)
        encoded = json.dumps(answer, ensure_ascii=False).encode()
        return (reply.encode(encoded) if reply.encode is not None else encoded), (
            prompt_tokens,
            completion_tokens,
        )
