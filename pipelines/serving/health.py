"""HTTP health check: 200 when all is well, 503 when a watch or the schedules are in trouble."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

from schemas.errors import CallError

Report = Callable[[], dict[str, object]]
"""The state of everything, as JSON. Key `ok` decides the status."""

_REQUEST_SECONDS = 5.0
_REQUEST_BYTES_MAX = 8_192


@asynccontextmanager
async def health_endpoint(host: str, port: int, report: Report) -> AsyncIterator[int]:
    """Answers GET /health on `host`:`port` (0: any free one) with `report()`; gives the port.
    Raises CallError when it is taken."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError, asyncio.IncompleteReadError, TimeoutError):
            request = await asyncio.wait_for(reader.readuntil(b"\r\n"), _REQUEST_SECONDS)
            writer.write(_response(request, report))
            await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    try:
        server = await asyncio.start_server(answer, host, port, limit=_REQUEST_BYTES_MAX)
    except OSError as error:
        raise CallError(
            f"health endpoint: {host}:{port} cannot be used ({error.strerror}); choose "
            "another with --health-port"
        ) from error
    async with server:
        yield server.sockets[0].getsockname()[1]


def _response(request: bytes, report: Report) -> bytes:
    body: dict[str, object]
    method, _, rest = request.partition(b" ")
    if method not in (b"GET", b"HEAD"):
        status, body = HTTPStatus.METHOD_NOT_ALLOWED, {"error": "GET only"}
    elif rest.partition(b" ")[0].partition(b"?")[0] not in (b"/", b"/health"):
        status, body = HTTPStatus.NOT_FOUND, {"error": "ask for /health"}
    else:
        body = report()
        status = HTTPStatus.OK if body.get("ok") else HTTPStatus.SERVICE_UNAVAILABLE
    content = json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: "
        f"application/json\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    ).encode()
    return head if method == b"HEAD" else head + content
