"""Running flows and reading single documents from Python, as a user's program does."""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

import docmill
from docmill import steps
from tests.support.documents import make_pdf
from tests.support.fake_mistral.process import FakeMistralProcess
from tests.support.projects import EXAMPLES, Project


@pytest.fixture
def invoices(project: Project) -> docmill.Project:
    shutil.copy(EXAMPLES / "coolblue.pdf", project.inbox)
    project.write_flows()
    return docmill.load(project.folder)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOCMILL_FILE", "DOCMILL_STATE", "MISTRAL_API_KEY", "MISTRAL_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_a_flow_runs_over_its_source_and_over_paths(invoices: docmill.Project) -> None:
    assert invoices.flows == ("invoices",)
    (first,) = invoices.run("invoices", local=True).results
    assert first.status is docmill.Status.NEEDS_REVIEW or first.status is docmill.Status.DONE
    again = invoices.run("invoices", invoices.folder / "inbox" / "coolblue.pdf", local=True)
    assert [one.status for one in again.results] == [docmill.Status.SKIPPED]
    assert (invoices.folder / "out" / "invoices.jsonl").exists()


def test_outputs_go_where_the_caller_says(invoices: docmill.Project, tmp_path: Path) -> None:
    invoices.run("invoices", local=True, out=tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere" / "invoices.jsonl").exists()


async def test_inside_an_event_loop_the_plain_form_names_the_awaitable_one(
    invoices: docmill.Project,
) -> None:
    with pytest.raises(docmill.CallError, match=r"use `await project.arun\('invoices', ...\)`"):
        invoices.run("invoices", local=True)
    result = await invoices.arun("invoices", local=True)
    assert len(result.results) == 1


def test_the_command_is_the_module_too(project: Project) -> None:
    command = [sys.executable, "-m", "docmill", "--help"]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=True)
    assert "docmill" in done.stdout


def test_an_unknown_flow_and_an_unknown_folder_are_errors(
    invoices: docmill.Project, tmp_path: Path
) -> None:
    with pytest.raises(docmill.CallError, match="has no flow `invoice`; did you mean `invoices`"):
        invoices.run("invoice")
    with pytest.raises(docmill.CallError, match="cannot read"):
        docmill.load(tmp_path / "none.yaml")


def test_one_document_gives_a_typed_record_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    invoice = docmill.extract(
        EXAMPLES / "lieferant-e-invoice.pdf", schema=docmill.Invoice, engine="local"
    )
    assert isinstance(invoice.instance, docmill.Invoice)
    assert str(invoice.instance.total) == invoice.record["total"]
    assert {one.found_by for one in invoice.evidence} == {"einvoice"}
    assert invoice.status is docmill.Status.DONE
    assert invoice.usage == docmill.Usage()
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_does_not_satisfy_the_schema_has_no_instance(tmp_path: Path) -> None:
    class Lot(BaseModel):
        lot_of_the_auction: str

    found = docmill.extract(make_pdf(1, tmp_path / "a.pdf"), schema=Lot, engine="local")
    assert found.instance is None
    assert found.status is docmill.Status.NEEDS_REVIEW
    assert found.findings


def test_what_a_document_does_wrong_is_raised(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"")
    with pytest.raises(docmill.DocumentError):
        docmill.extract(tmp_path / "a.pdf", schema=docmill.Invoice, engine="local")
    with pytest.raises(docmill.errors.SourceError):
        docmill.extract(tmp_path / "b.pdf", schema=docmill.Invoice, engine="local")
    with pytest.raises(docmill.CallError, match="must be a pydantic model"):
        docmill.extract(tmp_path / "a.pdf", schema=dict, engine="local")


def test_the_paid_engine_keeps_to_the_limit_of_the_call(
    tmp_path: Path, server: FakeMistralProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = make_pdf(1, tmp_path / "a.pdf")
    with pytest.raises(docmill.errors.MissingKeyError):
        docmill.extract(document, schema=docmill.Invoice)
    monkeypatch.setenv("MISTRAL_BASE_URL", server.url)
    monkeypatch.setenv("MISTRAL_API_KEY", "test-key-7f3a")
    with pytest.raises(docmill.BudgetExceededError):
        docmill.extract(document, schema=docmill.Invoice, max_tokens=100)
    assert server.log() == []
    found = docmill.extract(document, schema=docmill.Invoice, max_cost=0.5)
    assert found.usage.requests == len(server.log()) > 0
    assert found.usage.cost


async def test_steps_are_called_one_by_one_in_a_flow_of_one_s_own(
    invoices: docmill.Project,
) -> None:
    async with invoices.open("invoices", local=True) as services:
        draft = await steps.begin(invoices.folder / "inbox" / "coolblue.pdf")
        draft = await steps.einvoice(draft, steps.EinvoiceSettings(), services)
        draft = await steps.render(draft, steps.RenderSettings(pages="1"), services)
        draft = await steps.extract(draft, steps.ExtractSettings(), services)
        by_hand = draft
        for step in services.flow.steps[3:5]:
            draft = await steps.call(step, draft, services)
    assert by_hand.record is None
    assert draft.record is not None
    assert draft.record["total"] == "717.97"


def test_a_flow_of_one_s_own_marks_nothing_as_done(invoices: docmill.Project) -> None:
    async def own() -> None:
        async with invoices.open("invoices", local=True):
            pass

    asyncio.run(own())
    (result,) = invoices.run("invoices", local=True).results
    assert result.status is not docmill.Status.SKIPPED
