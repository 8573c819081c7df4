"""E-invoices for tests: the shipped files, and PDFs that carry XML as an attachment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from schemas.document import PageHandle
from schemas.flow import FlowSpec, ProviderSpec, RenderSettingsSpec
from schemas.invoice import Invoice
from schemas.record import Draft
from tasks.documents.identify import identify
from tasks.documents.reader import DocumentReader
from tasks.flow_definition import FlowDefinition
from tasks.ledger.ledger import Ledger
from tasks.services import Services
from tests.support.documents import stream_object, text_at, write_pdf

EINVOICES = Path(__file__).parents[1] / "data" / "einvoices"


def xml_of(name: str) -> bytes:
    return (EINVOICES / name).read_bytes()


def pdf_with(
    path: Path, attachments: dict[str, bytes], *, text: tuple[str, ...] = ("A page.",)
) -> Path:
    """A one-page PDF that shows `text`, one line each, with embedded files as Factur-X has them."""
    objects: list[bytes] = []
    names = []
    for name, data in attachments.items():
        number = 5 + len(objects)
        objects.append(stream_object(data, "/Type /EmbeddedFile"))
        objects.append(
            f"<< /Type /Filespec /F ({name}) /UF ({name}) /EF << /F {number} 0 R >> >>".encode()
        )
        names.append(f"({name}) {number + 1} 0 R")
    content = "".join(
        text_at(50, 780 - 20 * index, line) for index, line in enumerate(text)
    ).encode("cp1252")
    embedded = f"/Names << /EmbeddedFiles << /Names [{' '.join(names)}] >> >>" if names else ""
    return write_pdf(path, [content], objects=tuple(objects), catalog_entries=embedded)


@asynccontextmanager
async def services_in(
    folder: Path, *, schema: type[BaseModel] | None = Invoice, models: Any = None
) -> AsyncIterator[Services]:
    """Real reader and ledger; a flow that is only what steps look at."""
    spec = FlowSpec.model_validate({"steps": [{"check": {}}]})
    flow = FlowDefinition(
        "invoices", spec, folder, "mistral", (), ProviderSpec(), "mistral", {}, schema=schema
    )
    async with (
        DocumentReader(RenderSettingsSpec(), store_url=str(folder / "store"), workers=1) as reader,
        await Ledger.open(None, folder) as ledger,
    ):
        yield Services(
            flow=flow,
            run_id="run",
            reader=reader,
            ledger=ledger,
            models=models,
            page_slots=asyncio.Semaphore(1),
        )


def with_schema(services: Services, schema: type[BaseModel] | None) -> Services:
    return replace(services, flow=replace(services.flow, schema=schema))


def draft_of(path: Path) -> Draft:
    return Draft(document=identify(path))


async def paged(draft: Draft, services: Services) -> Draft:
    """What the render step leaves of a draft: all its pages."""
    count = (await services.reader.open(draft.document)).page_count
    handles = tuple(
        PageHandle(document_id=draft.document.document_id, page_number=number)
        for number in range(1, count + 1)
    )
    return draft.model_copy(update={"pages": handles, "page_count": count})
