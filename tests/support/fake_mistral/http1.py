"""How does the fake server speak HTTP/1.1? A protocol on asyncio transports: keep-alive,
Content-Length bodies, resets on demand."""

import asyncio
import http
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

Drop = Literal["no", "before_reading", "before_answer", "mid_answer"]


@dataclass(slots=True)
class Request:
    """A request as read. `started` is the wall time at which its first byte came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    started: float


@dataclass(slots=True)
class Response:
    """What is sent back. `drop` resets the connection instead of, or in the middle of, the
    answer."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    drop: Drop = "no"


Handler = Callable[[Request], Awaitable[Response]]
Gate = Callable[[], bool]


class Connection(asyncio.Protocol):
    """One client connection. `drop_now` is asked when the head of a request has come: True resets
    before the body is read."""

    def __init__(self, handler: Handler, drop_now: Gate, clock: Callable[[], float]) -> None:
        self._handler, self._drop_now, self._clock = handler, drop_now, clock
        self._buffer = bytearray()
        self._head: tuple[str, str, dict[str, str]] | None = None
        self._need = 0
        self._started: float | None = None
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._started is None:
            self._started = self._clock()
        self._buffer += data
        self._advance()

    def _advance(self) -> None:
        if self._task is not None and not self._task.done():
            return
        if self._head is None and not self._read_head():
            return
        if len(self._buffer) < self._need or self._head is None:
            return
        body = bytes(memoryview(self._buffer)[: self._need])
        del self._buffer[: self._need]
        method, path, headers = self._head
        request = Request(method, path, headers, body, self._started or self._clock())
        self._head, self._started = None, None
        self._task = asyncio.get_running_loop().create_task(self._answer(request))

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        method, path, _ = lines[0].split(" ", 2)
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:])
        }
        self._head, self._need = (method, path, headers), int(headers.get("content-length", "0"))
        if method == "POST" and path.startswith("/v1/") and self._drop_now():
            self._reset()
            return False
        return True

    def close(self) -> None:
        self._reset()

    def _reset(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def _answer(self, request: Request) -> None:
        response = await self._handler(request)
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if response.drop in ("before_answer", "before_reading"):
            self._reset()
            return
        headers = {
            "content-type": "application/json",
            **response.headers,
            "content-length": str(len(response.body)),
        }
        head = (
            f"HTTP/1.1 {response.status} {_reason(response.status)}\r\n"
            + "".join(f"{k}: {v}\r\n" for k, v in headers.items())
            + "\r\n"
        )
        if response.drop == "mid_answer":
            transport.write(head.encode("latin-1") + response.body[: len(response.body) // 2])
            transport.close()
            return
        transport.write(head.encode("latin-1") + response.body)
        self._task = None
        if self._buffer:
            self._started = self._clock()
            self._advance()


def _reason(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
