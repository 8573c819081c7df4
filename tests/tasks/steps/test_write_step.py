"""The step itself: in a run its documents show in the run's views, in a notebook its file is there
at once."""

import asyncio
from pathlib import Path

import pytest

from schemas.errors import StateError
from schemas.flow import FlowSpec, ProviderSpec, WriteSettings
from schemas.record import Draft
from schemas.usage import Usage
from tasks.flow_definition import FlowDefinition, Step
from tasks.ledger.ledger import Ledger
from tasks.outputs.views import OutputViews
from tasks.services import Services
from tasks.steps.write import write
from tests.support.state_backends import open_ledger
from tests.support.state_parts import document, result_of

SETTINGS = WriteSettings(jsonl="out/records.jsonl")


def services(ledger: Ledger, folder: Path, outputs: OutputViews | None = None) -> Services:
    spec = FlowSpec.model_validate({"steps": ({"name": "write", "settings": SETTINGS},)})
    steps = (Step("write", SETTINGS, write),)
    flow = FlowDefinition(
        name="invoices",
        spec=spec,
        folder=folder,
        engine="local",
        steps=steps,
        provider=ProviderSpec(),
        provider_name="mistral",
        models={},
    )
    return Services(flow, "run-1", None, ledger, None, asyncio.Semaphore(1), None, outputs)


async def finish(ledger: Ledger) -> None:
    claim = await ledger.claim(
        "invoices", document(), "d1", "run-1", again=False, document_attempts=3
    )
    await ledger.finish(claim, result_of(document()), Usage())


async def test_file_is_there_at_once_without_views_of_a_run(tmp_path):
    async with open_ledger("sqlite", tmp_path) as ledger:
        await finish(ledger)
        draft = Draft(document=document())
        assert await write(draft, SETTINGS, services(ledger, tmp_path)) == draft
        assert (tmp_path / "out" / "records.jsonl").read_text() == result_of(
            document()
        ).model_dump_json() + "\n"


async def test_views_of_a_run_are_written_at_its_end_at_the_latest(tmp_path):
    async with open_ledger("sqlite", tmp_path) as ledger:
        await finish(ledger)
        async with OutputViews.of(
            services(ledger, tmp_path).flow, ledger, tmp_path / "elsewhere"
        ) as outputs:
            await write(Draft(document=document()), SETTINGS, services(ledger, tmp_path, outputs))
            assert outputs.places == (tmp_path / "elsewhere" / "records.jsonl",)
        assert (tmp_path / "elsewhere" / "records.jsonl").read_text().count("\n") == 1


async def test_run_that_claimed_nothing_has_nothing_to_write(tmp_path):
    async with open_ledger("sqlite", tmp_path) as ledger:
        with pytest.raises(StateError, match="claimed no document"):
            await write(Draft(document=document()), SETTINGS, services(ledger, tmp_path))


async def test_document_finished_by_a_process_that_died_before_writing_is_in_the_next_rebuild(
    tmp_path,
):
    """The place in the outputs is committed with the record, so a kill between finishing and
    writing leaves no document out."""
    async with open_ledger("sqlite", tmp_path) as ledger:
        flow = services(ledger, tmp_path).flow
        killed = OutputViews.of(flow, ledger, None)
        claim = await ledger.claim(
            "invoices", document(), "d1", "run-1", again=False, document_attempts=3
        )
        await ledger.finish(
            claim,
            result_of(document()),
            Usage(),
            killed.listing(document().document_id, document().path, "d1"),
        )
        assert not (tmp_path / "out" / "records.jsonl").exists()
        async with OutputViews.of(flow, ledger, None) as outputs:
            await outputs.rebuild()
        assert (tmp_path / "out" / "records.jsonl").read_text().count("\n") == 1
