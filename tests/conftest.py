"""Fixtures that many tests share: a project in a folder of its own and a fake Mistral server on localhost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_mistral.process import FakeMistralProcess
from tests.projects import Project


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
