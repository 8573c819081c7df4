"""Never paying twice: answers are kept with their charge, shared while they are being bought, and
removed when they shall be."""

import asyncio

import pytest
from sqlalchemy import select

from schemas.usage import Usage
from tasks.ledger.connection import tables
from tasks.ledger.ledger import Ledger
from tasks.ledger.money import answers, usage
from tests.support.state_backends import every_backend, open_ledger, state_url
from tests.support.state_parts import answered, book, document, intent, result_of

pytestmark = every_backend


async def ask(calls, key: str, text: str = "an answer") -> str:
    async with calls.sole(key) as stored:
        if stored is not None:
            return stored.text
        call_id = await calls.reserve(intent(10, key))
        await calls.mark_sent(call_id)
        await calls.settle(call_id, answered(7, text=text))
        return text


async def test_answer_and_charge_are_stored_together_and_found_again(backend, tmp_path):
    with state_url(backend) as url:
        async with await Ledger.open(url, tmp_path) as ledger:
            assert await book(ledger).answer("key") is None
            await ask(book(ledger), "key", '{"n": "\\u0000 é"}')
        async with await Ledger.open(url, tmp_path) as ledger:
            stored = await book(ledger).answer("key")
            assert (stored.text, stored.finish_reason, stored.prompt_tokens) == (
                '{"n": "\\u0000 é"}',
                "stop",
                7,
            )
            assert (await ledger.database.read(lambda c: usage.spent(c, "flow")))[0].tokens == 7


async def test_identical_questions_at_one_time_make_one_call(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        calls, other = book(ledger), book(ledger, run_id="run-2")
        assert (
            await asyncio.gather(*(ask(one, "key") for one in (calls, other) * 10))
            == ["an answer"] * 20
        )
        assert (await ledger.database.read(lambda c: usage.spent(c, "flow")))[0].calls == 1
        assert not await ledger.database.read(lambda c: c.execute(select(tables.locks)).all())


async def test_when_the_one_who_asks_fails_the_next_one_asks(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        calls = book(ledger)

        async def fail() -> None:
            async with calls.sole("key") as stored:
                assert stored is None
                await asyncio.sleep(0.02)
                raise ValueError("no answer")

        failing = asyncio.create_task(fail())
        await asyncio.sleep(0.01)
        assert await asyncio.wait_for(ask(calls, "key"), 5) == "an answer"
        with pytest.raises(ValueError, match="no answer"):
            await failing


async def test_cancelled_askers_leave_no_lock(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        calls = book(ledger)
        for moment in range(30):
            task = asyncio.create_task(ask(calls, "key"))
            for _ in range(moment % 6):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert await asyncio.wait_for(ask(book(ledger), "key"), 5) == "an answer"


async def test_fresh_book_buys_anew_once_and_replaces_the_answer(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        await ask(book(ledger), "key", "old")
        fresh = book(ledger, fresh=True)
        assert await fresh.answer("key") is None
        assert await asyncio.gather(ask(fresh, "key", "new"), ask(fresh, "key", "newer")) == [
            "new",
            "new",
        ]
        assert (await book(ledger).answer("key")).text == "new"


async def test_old_answers_of_a_flow_are_removed_after_keep_days(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        await ask(book(ledger), "old")
        await ledger.database.write(
            lambda c: c.execute(
                tables.answers.update().values(stored_at=tables.answers.c.stored_at - 8 * 86_400)
            )
        )
        await ask(book(ledger), "new")
        assert await ledger.remove_old_answers("invoices", None) == 0
        assert await ledger.remove_old_answers("receipts", 7) == 0
        assert await ledger.remove_old_answers("invoices", 7) == 1
        stats = await ledger.database.read(answers.stats)
        assert (stats.answers, stats.documents, stats.tokens) == (1, 1, 7)
        assert await ledger.database.write(answers.remove) == 1
        assert (await ledger.database.read(answers.stats)).oldest_at is None


async def test_spending_is_told_by_flow_day_model_document_step_and_run(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        claim = await ledger.claim(
            "invoices", document(), "d1", "run-1", again=False, document_attempts=3
        )
        await ledger.finish(claim, result_of(document()), Usage())
        calls = book(ledger, clock=lambda: 1_790_000_000.0)
        for _ in range(2):
            call_id = await calls.reserve(intent(10, cost_nano=600))
            await calls.mark_sent(call_id)
            await calls.settle(call_id, answered(7, cost_nano=500))
        names = {
            "flow": "invoices",
            "day": "2026-09-21",
            "model": "pixtral-large-2411",
            "document": document().document_id,
            "step": "extract",
            "run": "run-1",
        }
        for by, name in names.items():
            (row,) = await ledger.database.read(
                lambda c, by=by: usage.spent(c, by, flow="invoices", since=0.0)
            )
            assert (row.name, row.calls, row.tokens, row.cost_nano, row.documents, row.pages) == (
                name,
                2,
                14,
                1000,
                1,
                2,
            )
            assert (row.cost_per_document, row.cost_per_page) == (1e-6, 5e-7)
        (late,) = await ledger.database.read(
            lambda c: usage.spent(c, "day", timezone="Pacific/Auckland")
        )
        assert late.name == "2026-09-22"
        assert not await ledger.database.read(lambda c: usage.spent(c, "flow", since=2e9))
        assert not await ledger.database.read(lambda c: usage.spent(c, "flow", flow="receipts"))
