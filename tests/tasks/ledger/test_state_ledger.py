"""What the ledger says of documents: claims, records, attempts, and what happens when a process
dies."""

import asyncio
import signal

import pytest
from sqlalchemy import select

from schemas.errors import DeferReason, StateError
from schemas.record import ErrorInfo, Status
from schemas.usage import Usage
from tasks.ledger.connection import tables
from tasks.ledger.documents import listing as documents
from tasks.ledger.documents.claims import Claimed, HeldElsewhere, Settled
from tasks.ledger.ledger import Ledger
from tests.support.state_backends import every_backend, open_ledger, state_url
from tests.support.state_parts import dead_owner, document, owner_elsewhere, result_of, start_script

pytestmark = every_backend


async def claim(
    ledger, one=None, *, definition="d1", run_id="run-1", again=False, document_attempts=3
):
    return await ledger.claim(
        "invoices",
        one or document(),
        definition,
        run_id,
        again=again,
        document_attempts=document_attempts,
    )


async def test_done_document_is_settled_with_its_stored_record(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        result = result_of(document(), Status.NEEDS_REVIEW, number="Ä-1", lines=[{"net": "1.10"}])
        assert await ledger.finish(await claim(ledger), result, Usage(requests=2))
        assert await claim(ledger, run_id="run-2") == Settled(result)


async def test_changed_definition_and_again_work_on_a_done_document(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        await ledger.finish(await claim(ledger), result_of(document()), Usage())
        assert isinstance(await claim(ledger, definition="d2"), Claimed)
        assert isinstance(await claim(ledger, again=True), Claimed)


async def test_failed_document_is_tried_by_three_further_runs_then_only_by_again_or_retry(
    backend, tmp_path
):
    failed = result_of(document(), Status.FAILED).model_copy(
        update={"record": None, "error": ErrorInfo(code="unreadable", message="damaged")}
    )
    async with open_ledger(backend, tmp_path) as ledger:
        for _ in range(4):
            await ledger.finish(await claim(ledger), failed, Usage())
        assert await claim(ledger) == Settled(failed)
        await ledger.release(await claim(ledger, again=True), DeferReason.BUDGET)
        (tried,) = await ledger.database.read(lambda c: documents.listing(c, flow="invoices"))
        assert (tried.status, tried.error_code) == (Status.DEFERRED, "budget")
        await ledger.finish(await claim(ledger), failed, Usage())
        (row,) = await ledger.database.write(lambda c: documents.retry(c, flow="invoices"))
        assert row.attempts == 5
        assert isinstance(await claim(ledger), Claimed)


async def test_a_document_in_work_is_held_for_others(backend, tmp_path):
    with state_url(backend) as url:
        async with (
            await Ledger.open(url, tmp_path) as mine,
            await Ledger.open(url, tmp_path) as other,
        ):
            await claim(mine)
            assert await claim(mine) == HeldElsewhere(here=True)
            assert await claim(other) == HeldElsewhere(here=False)


async def test_claims_of_a_dead_process_of_this_machine_are_free_at_once(backend, tmp_path):
    with state_url(backend) as url:
        async with await Ledger.open(url, tmp_path) as mine:
            gone = await Ledger.open(url, tmp_path, owner=dead_owner())
            old = await claim(gone)
            new = await claim(mine)
            assert isinstance(new, Claimed)
            assert not await gone.finish(old, result_of(document(), number="late"), Usage())
            assert not await gone.release(old, DeferReason.STOPPED)
            assert await mine.finish(new, result_of(document(), number="mine"), Usage())
            await gone.close()
            assert (await claim(mine)).result.record == {"number": "mine"}


async def test_claims_of_another_machine_are_free_a_minute_after_its_last_sign_of_life(
    backend, tmp_path
):
    with state_url(backend) as url:
        async with await Ledger.open(url, tmp_path) as mine:
            elsewhere = await Ledger.open(url, tmp_path, owner=owner_elsewhere())
            await claim(elsewhere)
            assert await claim(mine) == HeldElsewhere(here=False)
            late = (
                tables.owners.update()
                .where(tables.owners.c.host == "other-machine")
                .values(heartbeat_at=tables.owners.c.heartbeat_at - 61)
            )
            await mine.database.write(lambda c: c.execute(late))
            assert isinstance(await claim(mine), Claimed)
            await elsewhere.close()


KILLED = """
import asyncio, sys, time
from pathlib import Path
from tasks.ledger.ledger import Ledger
from tests.support.state_parts import document
async def main(url, folder):
    ledger = await Ledger.open(url or None, Path(folder))
    await ledger.claim("invoices", document(), "d1", "run-1", again=False, document_attempts=3)
    print("claimed", flush=True)
    time.sleep(60)
asyncio.run(main(*sys.argv[1:]))
"""


async def test_killed_process_leaves_its_document_deferred_as_interrupted_and_free_at_once(
    backend, tmp_path
):
    with state_url(backend) as url:
        process = await start_script(KILLED, url or "", str(tmp_path))
        assert await process.stdout.readline() == b"claimed\n"
        process.send_signal(signal.SIGKILL)
        await process.wait()
        async with await Ledger.open(url, tmp_path) as ledger:
            (row,) = await ledger.database.read(documents.listing)
            assert (row.status, row.error_code, row.in_work) == (
                Status.DEFERRED,
                "interrupted",
                False,
            )
            assert isinstance(await claim(ledger, run_id="run-2"), Claimed)


async def test_release_of_work_done_again_keeps_the_earlier_record(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        await ledger.finish(await claim(ledger), result_of(document()), Usage())
        await ledger.release(await claim(ledger, again=True), DeferReason.BUDGET)
        assert await claim(ledger) == Settled(result_of(document()))


async def test_result_deferred_by_finish_keeps_the_earlier_record_too(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        await ledger.finish(await claim(ledger), result_of(document()), Usage())
        deferred = result_of(document(), Status.DEFERRED).model_copy(
            update={"record": None, "error": ErrorInfo(code="budget", message="-")}
        )
        await ledger.finish(await claim(ledger, again=True), deferred, Usage())
        assert await claim(ledger) == Settled(result_of(document()))


async def test_listing_shows_the_latest_definition_of_each_document_and_filters(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        await ledger.finish(await claim(ledger, definition="d1"), result_of(document()), Usage())
        await ledger.finish(
            await claim(ledger, document("b.pdf")),
            result_of(document("b.pdf"), Status.NEEDS_REVIEW),
            Usage(),
        )
        await claim(ledger, definition="d2")
        rows = await ledger.database.read(documents.listing)
        # both may be of one millisecond, so in any order
        assert {(row.path, row.status, row.in_work) for row in rows} == {
            ("/inbox/invoice.pdf", Status.DEFERRED, True),
            ("/inbox/b.pdf", Status.NEEDS_REVIEW, False),
        }
        assert len(rows) == 2
        assert not await ledger.database.read(lambda c: documents.listing(c, status=Status.DONE))
        assert (
            len(
                await ledger.database.read(
                    lambda c: documents.listing(
                        c, status=Status.NEEDS_REVIEW, flow="invoices", limit=5
                    )
                )
            )
            == 1
        )


async def test_documents_are_found_by_id_prefix_path_or_file_name(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        await claim(ledger)
        document_id = document().document_id
        for wanted in (document_id, document_id[:8], "/inbox/invoice.pdf", "invoice.pdf"):
            assert await ledger.database.read(
                lambda c, wanted=wanted: documents.find(c, wanted)
            ) == (document_id,)
        for wanted in (document_id[:3], "voice.pdf", "%", "______"):
            assert (
                await ledger.database.read(lambda c, wanted=wanted: documents.find(c, wanted)) == ()
            )


async def test_a_role_is_remembered_for_a_day_and_an_endpoint(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        await ledger.keep_resolution("https://a/v1", "vision", "old-model")
        await ledger.keep_resolution("https://a/v1", "vision", "pixtral-large-2411")
        assert await ledger.resolution("https://a/v1", "vision") == "pixtral-large-2411"
        assert await ledger.resolution("https://b/v1", "vision") is None
        aged = tables.resolutions.update().values(
            resolved_at=tables.resolutions.c.resolved_at - 24 * 3600 - 1
        )
        await ledger.database.write(lambda c: c.execute(aged))
        assert await ledger.resolution("https://a/v1", "vision") is None


async def test_run_that_is_fanned_out_is_started_once_and_keeps_its_summary(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        run_id = await ledger.start_run("invoices")
        assert await ledger.start_run("invoices", run_id) == run_id
        await ledger.finish_run(run_id, {"documents": 3})
        (row,) = await ledger.database.read(lambda c: c.execute(select(tables.runs)).all())
        assert row.result == '{"documents": 3}'
        assert row.finished_at >= row.started_at


async def test_closing_frees_what_the_process_held(backend, tmp_path):
    with state_url(backend) as url:
        async with await Ledger.open(url, tmp_path) as first:
            await claim(first)
        async with await Ledger.open(url, tmp_path) as second:
            assert isinstance(await claim(second), Claimed)
            owners = await second.database.read(lambda c: c.execute(select(tables.owners)).all())
            assert [row.owner_id for row in owners] == [second.owner.owner_id]
        with pytest.raises(StateError, match="closed"):
            await claim(second)


async def test_heartbeat_goes_on_while_the_event_loop_is_busy(backend, tmp_path):
    import time

    with state_url(backend) as url:
        async with await Ledger.open(url, tmp_path) as ledger:
            ledger.database._tick_seconds, ledger.database._next_tick = 0.05, 0.0
            await ledger.database.write(lambda _: None)
            before = await ledger.database.read(
                lambda c: c.execute(select(tables.owners.c.heartbeat_at)).scalar_one()
            )
            time.sleep(0.3)  # noqa: ASYNC251 - the point of the test
            after = ledger.database.read_now(
                lambda c: c.execute(select(tables.owners.c.heartbeat_at)).scalar_one()
            )
            assert after > before
            await asyncio.sleep(0)
