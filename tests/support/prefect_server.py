"""A real Prefect server on a free port, with a home of its own; started once a test session,
stopped with it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

START_SECONDS = 90.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@dataclass(frozen=True)
class PrefectApi:
    """`url` goes into PREFECT_API_URL. The methods ask the REST API directly, as anyone could."""

    url: str
    environment: dict[str, str]

    def get(self, path: str) -> Any:
        response = httpx.get(f"{self.url}/{path}", timeout=30)
        response.raise_for_status()
        return response.json()

    def post(self, path: str, **body: Any) -> Any:
        response = httpx.post(f"{self.url}/{path}", json=body, timeout=30)
        for _ in range(20):
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(
                0.5
            )  # a server with SQLite says so while it is busy; Prefect's own client asks again, too
            response = httpx.post(f"{self.url}/{path}", json=body, timeout=30)
        response.raise_for_status()
        return response.json() if response.content else None

    def delete(self, path: str) -> None:
        httpx.delete(f"{self.url}/{path}", timeout=30).raise_for_status()

    def deployment(self, full_name: str) -> dict[str, Any] | None:
        response = httpx.get(f"{self.url}/deployments/name/{full_name}", timeout=30)
        return response.json() if response.status_code == httpx.codes.OK else None

    def create_pool(self, name: str) -> None:
        if httpx.get(f"{self.url}/work_pools/{name}", timeout=30).status_code != httpx.codes.OK:
            subprocess.run(
                [sys.executable, "-m", "prefect", "work-pool", "create", name, "--type", "process"],
                env=self.environment,
                check=True,
                capture_output=True,
                timeout=60,
            )


@contextmanager
def prefect_server(home: Path, **settings: str) -> Iterator[PrefectApi]:
    """`settings` are further environment variables of the server, such as its database."""
    port = free_port()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MISTRAL_", "DOCMILL_", "PREFECT_"))
    }
    quiet = {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }
    environment = {**kept, **quiet, "PREFECT_HOME": str(home), **settings}
    url = f"http://127.0.0.1:{port}/api"
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "prefect",
                "server",
                "start",
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
            ],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_until_up(url, server, home / "server.log")
            yield PrefectApi(url, {**environment, "PREFECT_API_URL": url})
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait(15)


def _wait_until_up(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            if httpx.get(f"{url}/health", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"the Prefect server did not start:\n{log.read_text()[-2000:]}")
