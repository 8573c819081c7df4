"""For every interleaving of calls, faults, crashes and takeovers: what was really used <= what the ledger says was spent, and
spent + reserved <= budget, in tokens and in money, in every window.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Connection, select, update

from schemas.flow import BudgetSpec
from schemas.usage import Usage
from tasks.state import owners, reservations
from tasks.state.budgets import Limit, Limits, Window
from tasks.state.database import Database
from tasks.state.location import database_url
from tasks.state.migrations import migrate
from tasks.state.reservations import Bound, CallIntent, Place, Reserved, SettledCall
from tasks.state.tables import calls, windows
from tests.state_parts import document

NOON = 1_790_000_000.0 - 1_790_000_000.0 % 86_400 + 43_200
DAY = 86_400.0
PROCESSES = ("one", "two", "three")
BUDGET = BudgetSpec(tokens=100, cost=1, per="day")


@dataclass
class Call:
    process: str
    intent: CallIntent
    place: Place
    sent: bool = False


class MoneyUnderFaults(RuleBasedStateMachine):
    """Three processes, two runs and two days share one ledger; the machine also plays the provider, which bills what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.database = Database(database_url(None, Path(self.folder.name)))
        self.database.start([migrate])
        self.open: dict[int, Call] = {}
        self.lives = dict.fromkeys(PROCESSES, 0)
        self.billed: dict[tuple[float, str], tuple[int, int]] = {}
        self.now = NOON

    @initialize()
    def processes_start(self) -> None:
        for process in PROCESSES:
            self._start(process)

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    @rule(
        process=st.sampled_from(PROCESSES),
        run=st.sampled_from(["run-1", "run-2"]),
        tokens=st.integers(1, 60),
        cost=st.integers(0, 600_000_000),
    )
    def reserve(self, process: str, run: str, tokens: int, cost: int) -> None:
        wanted = CallIntent(document().document_id, (1,), "extract", 1, "vision", "mistral", "m", None, Bound(tokens, cost))
        place = Place("invoices", run, self.now)
        with self.database._transaction() as connection:
            outcome = reservations.reserve(connection, place, self._owner(process).owner_id, wanted, self._limits(run).at(self.now))
        if isinstance(outcome, Reserved):
            self.open[outcome.call_id] = Call(process, wanted, place)
        elif not outcome.for_good:
            with self.database._transaction() as connection:
                assert self.open or self._orphaned(connection) != (0, 0), "told to wait, and nothing is in flight"

    @rule(choice=st.randoms(use_true_random=False))
    def send(self, choice) -> None:
        call_id = self._choose(choice, sent=False)
        if call_id is None:
            return
        call = self.open[call_id]
        new = Place("invoices", call.place.run_id, self.now)
        with self.database._transaction() as connection:
            if self._limits(new.run_id).at(call.place.counted_at).keys() != self._limits(new.run_id).at(self.now).keys():
                if (
                    reservations.move(connection, call_id, call.place, new, call.intent.bound, self._limits(new.run_id).at(self.now))
                    is not None
                ):
                    return
                call.place = new
            assert reservations.mark_sent(connection, call_id)
        call.sent = True

    @rule(choice=st.randoms(use_true_random=False), part=st.floats(0, 1), fault=st.sampled_from(["none", "none", "lost", "refused"]))
    def settle(self, choice, part: float, fault: str) -> None:
        call_id = self._choose(choice, sent=True)
        if call_id is None:
            return
        call = self.open.pop(call_id)
        used = Bound(int(call.intent.bound.tokens * part), int(call.intent.bound.cost_nano * part)) if fault != "refused" else Bound(0, 0)
        self._bill(call.place, used)
        usage = None if fault == "lost" else Usage(requests=1, prompt_tokens=used.tokens, cost_nano=used.cost_nano)
        with self.database._transaction() as connection:
            limits = self._limits(call.place.run_id).at(call.place.counted_at)
            reservations.settle(connection, call_id, call.place, call.intent, SettledCall(usage, fault), limits, now=self.now, warn_at=0.8)

    @rule(choice=st.randoms(use_true_random=False))
    def release(self, choice) -> None:
        call_id = self._choose(choice, sent=False)
        if call_id is not None:
            call = self.open.pop(call_id)
            with self.database._transaction() as connection:
                reservations.release(connection, call_id, call.place, call.intent.bound)

    @rule(process=st.sampled_from(PROCESSES), part=st.floats(0, 1))
    def crash_and_start_again(self, process: str, part: float) -> None:
        """What was in flight may still be billed; nobody hears of it."""
        with self.database._transaction() as connection:
            connection.execute(
                update(owners.owners).where(owners.owners.c.owner_id == self._owner(process).owner_id).values(process_start="gone")
            )
        for call_id in [call_id for call_id, call in self.open.items() if call.process == process]:
            call = self.open.pop(call_id)
            if call.sent:
                self._bill(call.place, Bound(int(call.intent.bound.tokens * part), int(call.intent.bound.cost_nano * part)))
        self.lives[process] += 1
        self._start(process)

    @rule(process=st.sampled_from(PROCESSES))
    def take_over_from_the_dead(self, process: str) -> None:
        with self.database._transaction() as connection:
            reservations.reap(connection, self._owner(process))
            assert self._orphaned(connection) == (0, 0)

    @rule()
    def half_a_day_passes(self) -> None:
        self.now += DAY / 2

    @invariant()
    def spent_and_reserved_hold_the_budget(self) -> None:
        with self.database._transaction() as connection:
            for row in connection.execute(select(windows)).all():
                window = Window(row.run_id, row.starts_at, row.ends_at)
                counted = reservations.sums_of(connection, "invoices", window)
                assert counted == (row.spent_tokens, row.held_tokens, row.spent_cost_nano, row.held_cost_nano), "sums differ from the calls"
                limit = Limit(60, None) if row.run_id else Limit(100, 1_000_000_000)
                assert row.spent_tokens + row.held_tokens <= limit.tokens
                assert limit.cost_nano is None or row.spent_cost_nano + row.held_cost_nano <= limit.cost_nano
                tokens, cost = self._billed_in(window)
                orphaned = self._orphaned(connection)
                assert tokens <= row.spent_tokens + orphaned[0]
                assert cost <= row.spent_cost_nano + orphaned[1]

    def _limits(self, run: str) -> Limits:
        return Limits(run, BUDGET, max_tokens=60, max_cost_nano=None)

    def _owner(self, process: str) -> owners.Owner:
        me = owners.this_process()
        return owners.Owner(f"{process}-{self.lives[process]}", me.host, me.boot_id, me.pid_namespace, os.getpid(), me.process_start)

    def _start(self, process: str) -> None:
        with self.database._transaction() as connection:
            owners.register(connection, self._owner(process))

    def _choose(self, choice, *, sent: bool) -> int | None:
        ids = sorted(call_id for call_id, call in self.open.items() if call.sent == sent)
        return choice.choice(ids) if ids else None

    def _bill(self, place: Place, used: Bound) -> None:
        tokens, cost = self.billed.get((place.counted_at, place.run_id), (0, 0))
        self.billed[place.counted_at, place.run_id] = tokens + used.tokens, cost + used.cost_nano

    def _billed_in(self, window: Window) -> tuple[int, int]:
        inside = [bill for (at, run), bill in self.billed.items() if window.starts_at <= at < window.ends_at and window.run_id in ("", run)]
        return sum(tokens for tokens, _ in inside), sum(cost for _, cost in inside)

    def _orphaned(self, connection: Connection) -> tuple[int, int]:
        """Held by processes that died and were not taken over yet; it still counts as reserved."""
        alive = [self._owner(process).owner_id for process in PROCESSES]
        rows = connection.execute(
            select(calls.c.bound_tokens, calls.c.bound_cost_nano).where(calls.c.state != "settled", calls.c.owner_id.not_in(alive))
        ).all()
        return sum(row[0] for row in rows), sum(row[1] for row in rows)


TestMoneyUnderFaults = MoneyUnderFaults.TestCase
TestMoneyUnderFaults.settings = settings(max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
