"""Is a plan right? Its input tokens against a run whose model reads what really stands on the
pages."""

import asyncio
import base64
import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import func, select

from schemas.document import RenderSettings
from schemas.flow import RenderSettingsSpec
from tasks.documents.identify import PDF, identify
from tasks.documents.reader import DocumentReader
from tasks.layout.rows import text_of
from tasks.ledger.connection.tables import calls
from tasks.ledger.read_only import ReadOnlyLedger
from tests.support.fake_mistral import validation
from tests.support.fake_mistral.replies import JsonObject, Reply, content
from tests.support.fake_mistral.server import Behaviour, FakeMistral
from tests.support.in_process import call
from tests.support.projects import EXAMPLES, INVOICE_STEPS, Project
from tests.support.shared_data import SHARED_DATA, needs_shared_data

WITHIN = 0.1
MODELS = "models: {vision: [pixtral-large-latest], text: [mistral-large-latest]}\n"
SIDE_PX = 1024  # of pixtral-large


class ReadingModel:
    """A vision model that answers with the text of the page it is shown, told from the image's
    bytes.

    A number that the fake server knows stands below the text, so that the record it makes breaks no
    rule and nothing is asked twice.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def learn(self, image: bytes, text: str) -> None:
        digest = _digest(base64.b64encode(image).decode())
        self._texts[digest] = f"{text}\nINV-{digest[:8].upper()}"

    def __call__(self, body: JsonObject, number: int) -> Reply | None:
        del number
        images = validation.image_data(body)
        return (
            content(self._texts[_digest(images[0])])
            if len(images) == 1 and _digest(images[0]) in self._texts
            else None
        )


def _digest(encoded: str) -> str:
    return hashlib.sha256(encoded.encode()).hexdigest()


@pytest.fixture
def model() -> ReadingModel:
    return ReadingModel()


@pytest.fixture
def reading_project(project: Project, model: ReadingModel) -> Iterator[Project]:
    project.write_flows(INVOICE_STEPS, top=MODELS)
    with FakeMistral(Behaviour(script=model)) as server:
        project.env |= {"MISTRAL_BASE_URL": server.url, "MISTRAL_API_KEY": "test-key-7f3a"}
        yield project


async def teach(model: ReadingModel, project: Project, paths: Sequence[Path]) -> None:
    """Reads every page as the local engine does; the page store is the project's, so that its run
    need not do so again."""
    async with DocumentReader(
        RenderSettingsSpec(), store_url=str(project.folder / ".docmill/store")
    ) as reader:
        for path in paths:
            document = identify(path)
            for number in range(1, (await reader.open(document)).page_count + 1):
                page = await reader.page(document, number, ocr=document.media_type != PDF)
                visit = await reader.image(document, number, RenderSettings(max_side_px=SIDE_PX))
                model.learn(visit.image.data, text_of(page))


def compare(model: ReadingModel, project: Project, paths: Sequence[Path]) -> None:
    for path in paths:
        shutil.copy(path, project.inbox)
    plan = json.loads(call(project, "plan", "invoices", "--json").stdout)
    asyncio.run(teach(model, project, sorted(project.inbox.iterdir())))
    project.run_json("invoices", timeout=300)
    metered = metered_by_step(project)
    for step in plan["steps"][
        :2
    ]:  # the third, `check`, asks only about broken records, which nobody can foresee
        assert step["prompt_tokens"]["expected"] == pytest.approx(
            metered[step["step"], step["model"]], rel=WITHIN
        ), step["step"]
    total = plan["total"]["prompt_tokens"]
    assert total["expected"] == pytest.approx(sum(metered.values()), rel=WITHIN)
    assert total["low"] <= sum(metered.values()) <= total["high"]


def metered_by_step(project: Project) -> dict[tuple[str, str], int]:
    """Input tokens as the server reported them, by step and model."""
    with ReadOnlyLedger(None, project.folder) as ledger:
        wanted = select(calls.c.step, calls.c.model, func.sum(calls.c.prompt_tokens)).group_by(
            calls.c.step, calls.c.model
        )
        return {
            (step, model): tokens
            for step, model, tokens in ledger.read(
                lambda connection: connection.execute(wanted).all()
            )
            or ()
        }


def test_examples_cost_what_the_plan_said(reading_project: Project, model: ReadingModel) -> None:
    compare(model, reading_project, sorted(EXAMPLES.iterdir()))


@needs_shared_data
@pytest.mark.slow
def test_real_invoices_and_receipts_cost_what_the_plan_said(
    reading_project: Project, model: ReadingModel
) -> None:
    assert SHARED_DATA is not None
    invoices = [
        path
        for path in sorted((SHARED_DATA / "invoices-dev").iterdir())
        if path.suffix in (".pdf", ".png", ".jpg", ".jpeg")
    ]
    receipts = sorted((SHARED_DATA / "receipts-dev").glob("*.jpg"))[:6]
    e_invoices = sorted((SHARED_DATA / "einvoices-dev").glob("*.pdf"))
    compare(model, reading_project, [*invoices, *receipts, *e_invoices])
