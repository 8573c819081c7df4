"""What a budget allows: reserving, waiting, charging, warning, stopping."""

import asyncio

import pytest
from sqlalchemy import select

from schemas.errors import BoundBrokenError, BudgetExceededError, CallError, StateError
from schemas.flow import BudgetSpec
from schemas.usage import Usage
from tasks.ledger.connection import tables
from tasks.ledger.ledger import Ledger
from tasks.ledger.money import usage
from tasks.ledger.money.budgets import Limits
from tasks.ledger.money.calls import SettledCall
from tests.support.state_backends import every_backend, open_ledger, state_url
from tests.support.state_parts import answered, book, buy, dead_owner, intent

pytestmark = every_backend
NOON = 1_790_000_000.0 - 1_790_000_000.0 % 86_400 + 43_200


async def spent_of(ledger: Ledger) -> tuple[int, int]:
    total = await ledger.database.read(lambda c: usage.spent(c, "flow"))
    return (total[0].tokens, total[0].cost_nano or 0) if total else (0, 0)


async def test_a_bound_that_fits_to_the_last_token_is_reserved_and_one_more_is_not(
    backend, tmp_path
):
    async with open_ledger(backend, tmp_path) as ledger:
        await buy(book(ledger, tokens=100), 60, 60)
        await buy(book(ledger, tokens=100), 40, 40)
        with pytest.raises(BudgetExceededError) as refused:
            await book(ledger, tokens=100).reserve(intent(1))
        assert (
            refused.value.unit,
            refused.value.limit,
            refused.value.spent,
            refused.value.wanted,
        ) == ("tokens", 100, 100, 1)


async def test_money_is_limited_like_tokens(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        calls = book(ledger, cost=2)
        call_id = await calls.reserve(intent(1, cost_nano=1_500_000_000))
        await calls.mark_sent(call_id)
        await calls.settle(call_id, answered(1, cost_nano=1_200_000_000))
        with pytest.raises(BudgetExceededError) as refused:
            await calls.reserve(intent(1, cost_nano=800_000_001))
        assert (refused.value.unit, refused.value.spent) == ("cost", 1_200_000_000)
        await calls.reserve(intent(1, cost_nano=800_000_000))


async def test_reservation_waits_while_a_call_in_flight_may_still_free_enough(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        calls = book(ledger, tokens=100)
        first = await calls.reserve(intent(80))
        waiting = [asyncio.create_task(calls.reserve(intent(30))) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in waiting)
        await calls.mark_sent(first)
        await calls.settle(first, answered(10))
        assert len(set(await asyncio.wait_for(asyncio.gather(*waiting), 5))) == 3


async def test_waiting_reservation_is_refused_when_what_was_freed_is_not_enough(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        calls = book(ledger, tokens=100)
        first = await calls.reserve(intent(80))
        waiting = asyncio.create_task(calls.reserve(intent(30)))
        await calls.mark_sent(first)
        await calls.settle(first, answered(75))
        with pytest.raises(BudgetExceededError):
            await asyncio.wait_for(waiting, 5)


async def test_waiter_of_another_process_sees_what_was_freed(backend, tmp_path):
    with state_url(backend) as url:
        async with (
            await Ledger.open(url, tmp_path) as one,
            await Ledger.open(url, tmp_path) as other,
        ):
            calls = book(one, tokens=100)
            first = await calls.reserve(intent(100))
            waiting = asyncio.create_task(book(other, tokens=100).reserve(intent(50)))
            await asyncio.sleep(0.05)
            await calls.release(first)
            await asyncio.wait_for(waiting, 5)


async def test_lost_answer_and_missing_usage_are_charged_at_the_bound(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        await buy(book(ledger, tokens=100), 60)
        assert (await spent_of(ledger))[0] == 60
        (row,) = await ledger.database.read(lambda c: c.execute(select(tables.calls)).all())
        assert (row.outcome, row.state, row.prompt_tokens) == ("lost", "settled", None)


async def test_refusal_that_was_not_billed_frees_the_whole_bound(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        calls = book(ledger, tokens=100)
        call_id = await calls.reserve(intent(100))
        await calls.mark_sent(call_id)
        await calls.settle(call_id, SettledCall(Usage(), "rate_limited", 429))
        await buy(calls, 100, 1)
        assert (await spent_of(ledger))[0] == 1


async def test_released_reservation_leaves_no_trace_and_is_released_once(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        calls = book(ledger, tokens=100)
        call_id = await calls.reserve(intent(100))
        await calls.release(call_id)
        await calls.release(call_id)
        await buy(calls, 100, 100)
        assert await spent_of(ledger) == (100, 0)


async def test_reservation_cancelled_while_it_is_made_is_given_back(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        calls = book(ledger, tokens=100)
        for _ in range(20):
            task = asyncio.create_task(calls.reserve(intent(100)))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await asyncio.wait_for(buy(calls, 100, 100), 5)


async def test_cancelled_waiter_does_not_hold_up_the_next(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        calls = book(ledger, tokens=100)
        first = await calls.reserve(intent(100))
        waiting = [asyncio.create_task(calls.reserve(intent(100))) for _ in range(2)]
        await asyncio.sleep(0.03)
        waiting[0].cancel()
        await calls.release(first)
        await asyncio.wait_for(waiting[1], 5)


async def test_usage_above_the_bound_is_counted_in_full_and_stops_the_run(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        calls = book(ledger, tokens=1_000)
        await buy(calls, 10, 12)
        assert (await spent_of(ledger))[0] == 12
        with pytest.raises(BoundBrokenError, match="image_tokens_max"):
            await calls.reserve(intent(1))
        with pytest.raises(BoundBrokenError):
            await book(ledger, tokens=1_000).reserve(intent(1))
        await book(ledger, run_id="run-2", tokens=1_000).reserve(intent(1))


async def test_warning_comes_once_for_a_window_over_all_books(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        said: list[str] = []
        calls, other = (
            book(ledger, tokens=100, warnings=said),
            book(ledger, run_id="run-2", tokens=100, warnings=said),
        )
        await buy(calls, 79, 79)
        assert said == []
        await buy(calls, 1, 1)
        await buy(other, 5, 5)
        assert said == ["flow 'invoices' has used 80% of its budget: 80 of 100 tokens"]


async def test_unknown_price_is_refused_under_a_budget_in_money_only(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        with pytest.raises(CallError, match="price of model"):
            await book(ledger, cost=1).reserve(intent(10, cost_nano=None))
        calls = book(ledger, tokens=10)
        call_id = await calls.reserve(intent(10, cost_nano=None))
        await calls.mark_sent(call_id)
        await calls.settle(call_id, answered(4, cost_nano=None))
        (total,) = await ledger.database.read(lambda c: usage.spent(c, "model"))
        assert (total.name, total.tokens, total.cost_nano) == ("pixtral-large-2411", 4, None)


async def test_call_reserved_before_midnight_counts_on_the_day_it_was_sent(backend, tmp_path):
    now = NOON
    async with open_ledger(backend, tmp_path) as ledger:
        calls = book(ledger, budget=BudgetSpec(tokens=100, per="day"), clock=lambda: now)
        await buy(calls, 100, 100)
        now += 86_400
        late = await calls.reserve(intent(60))
        now += 86_400
        await calls.mark_sent(late)
        await calls.settle(late, answered(60))
        await buy(calls, 40, 40)
        with pytest.raises(BudgetExceededError):
            await calls.reserve(intent(1))
        now -= 86_400
        await calls.reserve(intent(100))


async def test_call_that_does_not_fit_into_the_new_day_is_given_back_unsent(backend, tmp_path):
    now = NOON
    async with open_ledger(backend, tmp_path) as ledger:
        calls = book(ledger, budget=BudgetSpec(tokens=100, per="day"), clock=lambda: now)
        late = await calls.reserve(intent(60))
        now += 86_400
        await buy(calls, 50, 50)
        with pytest.raises(BudgetExceededError):
            await calls.mark_sent(late)
        now -= 86_400
        await calls.reserve(intent(100))


async def test_budget_of_another_kind_counts_what_was_bought_before(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        await buy(book(ledger), 70, 70)
        day = book(ledger, run_id="run-2", budget=BudgetSpec(tokens=100, per="day"))
        await buy(day, 20, 20)
        total = book(ledger, run_id="run-3", tokens=100)
        await buy(total, 5, 5)
        for calls in (day, total):
            with pytest.raises(BudgetExceededError) as refused:
                await calls.reserve(intent(6))
            assert refused.value.spent == 95


async def test_command_line_limit_counts_per_run(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        await buy(book(ledger, max_tokens=50, tokens=1_000), 50, 50)
        with pytest.raises(BudgetExceededError):
            await book(ledger, max_tokens=50, tokens=1_000).reserve(intent(1))
        await buy(book(ledger, run_id="run-2", max_tokens=50, tokens=1_000), 50, 50)


async def test_what_a_dead_process_held_is_released_unsent_and_charged_when_sent(backend, tmp_path):
    with state_url(backend) as url:
        async with await Ledger.open(url, tmp_path) as mine:
            gone = await Ledger.open(url, tmp_path, owner=dead_owner())
            theirs = book(gone, tokens=100)
            await theirs.mark_sent(sent := await theirs.reserve(intent(30)))
            unsent = await theirs.reserve(intent(70))
            await asyncio.wait_for(buy(book(mine, tokens=100), 70, 50), 5)
            assert (await spent_of(mine))[0] == 30 + 50
            with pytest.raises(StateError, match="given up by another process"):
                await theirs.mark_sent(unsent)
            await theirs.settle(
                sent, answered(8)
            )  # it lived after all: what was used goes in the bound's place
            assert (await spent_of(mine))[0] == 8 + 50
            await buy(book(mine, tokens=100), 42, 42)
            await gone.close()


async def test_call_left_open_at_the_end_is_charged_when_sent(backend, tmp_path):
    with state_url(backend) as url:
        async with await Ledger.open(url, tmp_path) as ledger:
            calls = book(ledger, tokens=100)
            await calls.mark_sent(await calls.reserve(intent(30)))
            await calls.reserve(intent(20))
        async with await Ledger.open(url, tmp_path) as ledger:
            limits = Limits(
                "run-1", BudgetSpec(tokens=100, per="total"), max_tokens=None, max_cost_nano=None
            )
            states = await ledger.database.read(
                lambda c: usage.budget_states(c, "invoices", limits, NOON)
            )
            assert {state.limit.tokens: state.sums for state in states}[100] == (30, 0, 0, 0)
