"""A ledger that cannot be written for a while: what could not be given back blocks nobody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from schemas.errors import StateError
from tasks.ledger.connection import locks as lock_module
from tasks.ledger.ledger import Claimed, HeldElsewhere, Ledger
from tests.support.state_backends import every_backend, open_ledger, state_url
from tests.support.state_parts import document

pytestmark = every_backend


@asynccontextmanager
async def refusing(ledger: Ledger, table: str) -> AsyncIterator[None]:
    """Every write to `table` fails in the block."""
    await ledger.database.write(lambda c: c.execute(text(f"ALTER TABLE {table} RENAME TO away")))
    try:
        yield
    finally:
        await ledger.database.write(
            lambda c: c.execute(text(f"ALTER TABLE away RENAME TO {table}"))
        )


async def claim(ledger: Ledger):
    return await ledger.claim(
        "invoices", document(), "d1", "run-1", again=False, document_attempts=3
    )


@asynccontextmanager
async def two_ledgers(backend, tmp_path) -> AsyncIterator[tuple[Ledger, Ledger]]:
    with state_url(backend) as url:
        async with await Ledger.open(url, tmp_path) as other:
            yield await Ledger.open(url, tmp_path), other


async def test_claim_of_a_ledger_that_could_not_close_is_free_in_the_same_process(
    backend, tmp_path
):
    async with two_ledgers(backend, tmp_path) as (first, second):
        await claim(first)
        assert await claim(second) == HeldElsewhere(here=False)
        async with refusing(second, "documents"):
            with pytest.raises(StateError):
                await first.close()
        assert isinstance(await claim(second), Claimed)


async def test_lock_that_could_not_be_given_back_is_taken_again_without_waiting(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:
        assert await ledger.locks.try_take("output csv:a.csv")
        assert not await ledger.locks.try_take("output csv:a.csv"), "another task has it"
        async with refusing(ledger, "locks"):
            with pytest.raises(StateError):
                await ledger.locks.give_back("output csv:a.csv")
        assert await ledger.locks.try_take("output csv:a.csv")


async def test_lock_that_could_not_be_given_back_is_given_back_later(backend, tmp_path):
    async with two_ledgers(backend, tmp_path) as (first, second):
        await first.locks.try_take("output csv:a.csv")
        async with refusing(second, "locks"):
            with pytest.raises(StateError):
                await first.locks.give_back("output csv:a.csv")
        assert not await second.locks.try_take("output csv:a.csv")
        first.database._next_tick = 0.0
        await first.database.write(lambda _: None)
        await first.database.write(lambda _: None)
        assert await second.locks.try_take("output csv:a.csv")
        await first.close()


async def test_waiting_for_a_lock_says_what_it_waits_for_and_ends(
    backend, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(lock_module, "SECONDS_UNTIL_REPORTED", 0.05)
    monkeypatch.setattr(lock_module, "LONGEST_WAIT_SECONDS", 0.2)
    async with two_ledgers(backend, tmp_path) as (first, second):
        await first.locks.try_take("output csv:a.csv")
        holder = f"process {first.owner.pid} on {first.owner.host}"
        with pytest.raises(StateError, match=f"{holder} has held 'output csv:a.csv'"):
            async with second.locks.alone("output csv:a.csv", asyncio.sleep, (0.01, 0.02)):
                pass
        assert f"waiting for 'output csv:a.csv', which {holder} holds" in caplog.text
        await first.close()
