"""Fixtures that many tests share: a project in a folder of its own and a fake Mistral server on
localhost."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines import cli
from tests.support.fake_mistral.process import FakeMistralProcess
from tests.support.prefect_server import PrefectApi, prefect_server
from tests.support.projects import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeMistralProcess]:
    """A fake server in a process of its own; it checks every body against the published API."""
    with FakeMistralProcess(tmp_path / "requests.jsonl") as running:
        yield running


@pytest.fixture
def online_project(project: Project, server: FakeMistralProcess) -> Project:
    """A project whose models are asked at the fake server."""
    project.env |= {"MISTRAL_BASE_URL": server.url, "MISTRAL_API_KEY": "test-key-7f3a"}
    return project


@pytest.fixture
def docmill(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line in this process: exit code, stdout, stderr. For commands that start
    nothing; `project.run` is the real thing."""
    for name in ("DOCMILL_FILE", "DOCMILL_STATE", "MISTRAL_API_KEY", "MISTRAL_BASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["docmill", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectApi]:
    """A real Prefect server with SQLite, shared by the tests of a session (about 8 s, once)."""
    with prefect_server(tmp_path_factory.mktemp("prefect-home")) as api:
        yield api
