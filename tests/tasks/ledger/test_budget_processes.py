"""Several processes, one ledger: the provider's count <= the ledger's spent <= the budget, and the
budget is really used."""

import asyncio
import signal
from pathlib import Path

from tasks.ledger.ledger import Ledger
from tasks.ledger.money import usage
from tests.support.state_backends import every_backend, state_url
from tests.support.state_parts import book, buy, start_script

BUYER = """
import asyncio, json, os, random, sys
from pathlib import Path
from schemas.errors import BudgetExceededError
from tasks.ledger.ledger import Ledger
from tests.support.state_parts import LOST, answered, book, intent

BOUND = 1_000

async def main(url, folder, bills, budget, loses, seed):
    dice = random.Random(int(seed))
    ledger = await Ledger.open(url or None, Path(folder))
    calls = book(ledger, tokens=int(budget))
    provider = os.open(bills, os.O_WRONLY | os.O_APPEND)
    async def one():
        while True:
            call_id = await calls.reserve(intent(BOUND))
            await calls.mark_sent(call_id)
            used = dice.randint(100, BOUND)
            os.write(provider, f"{used}\\n".encode())  # from here on the provider has billed it
            await asyncio.sleep(dice.random() / 100)
            await calls.settle(call_id, LOST if dice.random() < float(loses) else answered(used))
    print("ready", flush=True)
    sys.stdin.readline()  # all start to buy together, so that kills hit work and not start-up
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(one())
    except* BudgetExceededError:
        pass
    await ledger.close()
asyncio.run(main(*sys.argv[1:]))
"""
BUDGET = 150_000


async def storm(
    url: str | None, folder: Path, *, loses: float, kills: int = 0
) -> tuple[int, int, int]:
    """What the provider billed, what the ledger says was spent, and how many calls were charged at
    their bound."""
    bills = folder / "bills.txt"
    bills.touch()
    arguments = (url or "", str(folder), str(bills), str(BUDGET), str(loses))
    buyers = [await start_script(BUYER, *arguments, str(seed)) for seed in range(4 + kills)]
    for buyer in buyers:
        assert await buyer.stdout.readline() == b"ready\n"
    for buyer in buyers:
        buyer.stdin.write(b"go\n")
    running, victims = buyers[kills:], buyers[:kills]
    for number, victim in enumerate(victims, start=1):
        # another process writes
        while bills.read_bytes().count(b"\n") < 25 * number:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        victim.send_signal(signal.SIGKILL)
        await victim.wait()
    for process in running:
        await asyncio.wait_for(process.wait(), 60)
    assert [process.returncode for process in running] == [0, 0, 0, 0]
    async with await Ledger.open(url, folder) as ledger:
        (total,) = await ledger.database.read(lambda c: usage.spent(c, "flow"))
    return sum(int(line) for line in bills.read_text().split()), total.tokens, total.at_bound


@every_backend
async def test_storm_without_lost_answers_uses_97_percent_of_the_budget(backend, tmp_path):
    with state_url(backend) as url:
        billed, spent, _ = await storm(url, tmp_path, loses=0)
        assert billed == spent
        assert 0.97 * BUDGET <= spent <= BUDGET


@every_backend
async def test_storm_with_lost_answers_and_kills_never_overspends_and_uses_80_percent(
    backend, tmp_path
):
    with state_url(backend) as url:
        billed, spent, at_bound = await storm(url, tmp_path, loses=0.1, kills=4)
        assert billed <= spent <= BUDGET
        assert spent >= 0.97 * BUDGET
        assert at_bound > 0


HOLDER = """
import asyncio, sys
from pathlib import Path
from tasks.ledger.ledger import Ledger
from tests.support.state_parts import book, intent

async def main(url, folder):
    ledger = await Ledger.open(url or None, Path(folder))
    calls = book(ledger, tokens=100)
    async with calls.sole("the key"):
        await calls.mark_sent(await calls.reserve(intent(40)))
        await calls.reserve(intent(60))
        print("holding", flush=True)
        await asyncio.sleep(60)
asyncio.run(main(*sys.argv[1:]))
"""


@every_backend
async def test_rerun_after_kill_9_starts_at_once_with_what_is_left(backend, tmp_path):
    with state_url(backend) as url:
        process = await start_script(HOLDER, url or "", str(tmp_path))
        assert await process.stdout.readline() == b"holding\n"
        process.send_signal(signal.SIGKILL)
        await process.wait()
        async with await Ledger.open(url, tmp_path) as ledger:
            calls = book(ledger, tokens=100)
            async with asyncio.timeout(2), calls.sole("the key") as stored:
                assert stored is None
                await buy(calls, 60, 60)
            assert (await ledger.database.read(lambda c: usage.spent(c, "flow")))[
                0
            ].tokens == 40 + 60


@every_backend
async def test_waiter_takes_over_from_a_process_killed_while_it_waits(backend, tmp_path):
    with state_url(backend) as url:
        process = await start_script(HOLDER, url or "", str(tmp_path))
        assert await process.stdout.readline() == b"holding\n"
        async with await Ledger.open(url, tmp_path) as ledger:
            calls = book(ledger, tokens=100)
            waiting = asyncio.create_task(buy(calls, 60, 60))
            await asyncio.sleep(0.1)
            assert not waiting.done()
            process.send_signal(signal.SIGKILL)
            await process.wait()
            await asyncio.wait_for(waiting, 5)


ASKER = """
import asyncio, os, sys
from pathlib import Path
from tasks.ledger.ledger import Ledger
from tests.support.state_parts import answered, book, intent

async def main(url, folder, bills):
    ledger = await Ledger.open(url or None, Path(folder))
    calls = book(ledger)
    provider = os.open(bills, os.O_WRONLY | os.O_APPEND)
    async def ask(key):
        async with calls.sole(key) as stored:
            if stored is not None:
                return stored.text
            call_id = await calls.reserve(intent(10, key))
            await calls.mark_sent(call_id)
            os.write(provider, f"{key}\\n".encode())
            await asyncio.sleep(0.02)
            await calls.settle(call_id, answered(10, text=f"answer to {key}"))
        return f"answer to {key}"
    keys = [f"key-{number % 25}" for number in range(100)]
    texts = await asyncio.gather(*map(ask, keys))
    assert texts == [f"answer to {key}" for key in keys]
    await ledger.close()
asyncio.run(main(*sys.argv[1:]))
"""


@every_backend
async def test_identical_questions_of_three_processes_make_one_call_each(backend, tmp_path):
    with state_url(backend) as url:
        bills = tmp_path / "bills.txt"
        bills.touch()
        running = [
            await start_script(ASKER, url or "", str(tmp_path), str(bills)) for _ in range(3)
        ]
        assert [await asyncio.wait_for(process.wait(), 30) for process in running] == [0, 0, 0]
        asked = bills.read_text().split()
        assert sorted(asked) == sorted({f"key-{number}" for number in range(25)})
