"""The outputs of a flow: written at the end of a run at the latest, whatever died before."""

from pathlib import Path

from schemas.flow import FlowSpec, ProviderSpec, WriteSettings
from schemas.usage import Usage
from tasks.flow_definition import FlowDefinition
from tasks.ledger.ledger import Ledger
from tasks.outputs.views import OutputViews
from tests.support.state_backends import open_ledger
from tests.support.state_parts import document, result_of


def definition(folder: Path) -> FlowDefinition:
    written = WriteSettings(jsonl="out/records.jsonl")
    return FlowDefinition(
        name="invoices",
        spec=FlowSpec.model_validate({"steps": ["render"], "write": written}),
        folder=folder,
        engine="local",
        steps=(),
        provider=ProviderSpec(),
        provider_name="mistral",
        models={},
    )


async def finish(ledger: Ledger) -> None:
    claim = await ledger.claim(
        "invoices", document(), "d1", "run-1", again=False, document_attempts=3
    )
    await ledger.finish(claim, result_of(document()), Usage())


async def test_views_of_a_run_are_written_at_its_end_at_the_latest(tmp_path):
    async with open_ledger("sqlite", tmp_path) as ledger:
        await finish(ledger)
        elsewhere = tmp_path / "elsewhere"
        async with OutputViews.of(definition(tmp_path), ledger, elsewhere) as outputs:
            await outputs.add(document().document_id, document().path, "d1")
            assert outputs.places == (tmp_path / "elsewhere" / "records.jsonl",)
        assert (tmp_path / "elsewhere" / "records.jsonl").read_text().count("\n") == 1


async def test_document_finished_by_a_process_that_died_before_writing_is_in_the_next_rebuild(
    tmp_path,
):
    """The place in the outputs is committed with the record, so a kill between finishing and
    writing leaves no document out."""
    async with open_ledger("sqlite", tmp_path) as ledger:
        flow = definition(tmp_path)
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
