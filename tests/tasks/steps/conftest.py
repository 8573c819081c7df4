"""Fixtures of the steps that ask a model: a fake Mistral server, one document reader, and services
made of both."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
import pytest_asyncio

from schemas.flow import RenderSettingsSpec
from tasks.documents.reader import DocumentReader
from tasks.services import Services
from tests.support.fake_mistral import FakeMistral
from tests.support.models_harness import bench, flow


class OpenServices(Protocol):
    """Services of a flow that has `options`, with a budget of `tokens`; closed with the block."""

    def __call__(
        self, *, tokens: int | None = None, slots: int = 8, **options: Any
    ) -> AbstractAsyncContextManager[Services]: ...


@pytest.fixture
def server() -> Iterator[FakeMistral]:
    with FakeMistral() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def reader(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DocumentReader]:
    """One for the module: its worker process takes longer to start than a test to run."""
    async with DocumentReader(
        RenderSettingsSpec(), store_url=str(tmp_path_factory.mktemp("store")), workers=1
    ) as running:
        yield running


@pytest.fixture
def services_for(server: FakeMistral, reader: DocumentReader, tmp_path: Path) -> OpenServices:
    @asynccontextmanager
    async def open_services(
        *, tokens: int | None = None, slots: int = 8, **options: Any
    ) -> AsyncIterator[Services]:
        definition = flow(server.url, tmp_path, **options)
        async with bench(definition, tokens=tokens) as one:
            yield Services(
                definition, "run-1", reader, one.ledger, one.models, asyncio.Semaphore(slots)
            )

    return open_services
