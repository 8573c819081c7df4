"""For every interleaving of calls, faults, crashes and takeovers: what was really used <= what the
ledger says was spent, and spent + reserved <= budget, in tokens and in money, in every window.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, update

from schemas.flow import BudgetSpec
from schemas.usage import Usage
from tasks.ledger.connection import owners
from tasks.ledger.connection.database import Database
from tasks.ledger.connection.location import database_url
from tasks.ledger.connection.migrations import migrate
from tasks.ledger.connection.tables import calls, windows
from tasks.ledger.money import reservations
from tasks.ledger.money.budgets import Limits, Window
from tasks.ledger.money.reservations import CallIntent, Reserved, SettledCall
from tasks.ledger.money.window_totals import Bound, Place
from tests.support.state_parts import document

NOON = 1_790_000_000.0 - 1_790_000_000.0 % 86_400 + 43_200
DAY = 86_400.0
PROCESSES = ("one", "two", "three")
BUDGET = BudgetSpec(tokens=100, cost=1, per="day")


KINDS = [
    *["reserve"] * 8,
    *["advance"] * 12,
    *["crash"] * 2,
    *["take over"] * 2,
    "half a day passes",
]
FAULTS = ["none", "none", "none", "lost", "refused", "released"]


class Event(NamedTuple):
    kind: str
    which: int
    part: float
    fault: str


EVENTS = st.builds(
    Event,
    st.sampled_from(KINDS),
    st.integers(0, 11),
    st.integers(0, 10).map(lambda tenths: tenths / 10),
    st.sampled_from(FAULTS),
)


@dataclass
class Call:
    process: str
    intent: CallIntent
    place: Place
    sent: bool = False


class MoneyUnderFaults:
    """Three processes, two runs and two days share one ledger; the machine also plays the provider,
    which bills what it gets."""

    def __init__(self) -> None:
        self.me = owners.this_process()
        self.folder = TemporaryDirectory()
        self.database = Database(database_url(None, Path(self.folder.name)))
        self.database.start([migrate])
        self.open: dict[int, Call] = {}
        self.lives = dict.fromkeys(PROCESSES, 0)
        self.billed: dict[tuple[float, str], tuple[int, int]] = {}
        self.now = NOON
        for process in PROCESSES:
            self._start(process)

    def close(self) -> None:
        for process in PROCESSES:
            owners.end(self._owner(process))
        self.database.close()
        self.folder.cleanup()

    def do(self, event: Event) -> None:
        if event.kind == "reserve":
            self.reserve(event)
        elif event.kind == "advance" and self.open:
            self.advance(sorted(self.open)[event.which % len(self.open)], event)
        elif event.kind == "crash":
            self.crash(PROCESSES[event.which % 3], event.part)
        elif event.kind == "take over":
            with self.database._transaction() as connection:
                reservations.reap(connection, self._owner(PROCESSES[event.which % 3]))
                assert self._orphaned(connection) == (0, 0)
        elif event.kind == "half a day passes":
            self.now += DAY / 2

    def reserve(self, event: Event) -> None:
        bound = Bound(1 + int(event.part * 40), int((1 - event.part) * 500_000_000))
        wanted = CallIntent(
            document().document_id, (1,), "extract", 1, "vision", "mistral", "m", None, bound
        )
        place = Place("invoices", f"run-{event.which % 2}", self.now)
        process = PROCESSES[event.which % 3]
        with self.database._transaction() as connection:
            limits = self._limits(place.run_id).at(self.now)
            outcome = reservations.reserve(
                connection, place, self._owner(process).owner_id, wanted, limits
            )
            if isinstance(outcome, Reserved):
                self.open[outcome.call_id] = Call(process, wanted, place)
            elif not outcome.for_good:
                assert self.open or self._orphaned(connection) != (0, 0), (
                    "told to wait, and nothing is in flight"
                )

    def advance(self, call_id: int, event: Event) -> None:
        if self.open[call_id].sent:
            self.settle(call_id, event)
        elif event.fault == "released":
            call = self.open.pop(call_id)
            with self.database._transaction() as connection:
                reservations.release(connection, call_id, call.place, call.intent.bound)
        else:
            self.send(call_id)

    def send(self, call_id: int) -> None:
        call = self.open[call_id]
        new = Place("invoices", call.place.run_id, self.now)
        limits = self._limits(new.run_id)
        with self.database._transaction() as connection:
            if limits.at(call.place.counted_at).keys() != limits.at(self.now).keys():
                if (
                    reservations.move(
                        connection, call_id, call.place, new, call.intent.bound, limits.at(self.now)
                    )
                    is not None
                ):
                    return
                call.place = new
            assert reservations.mark_sent(connection, call_id)
        call.sent = True

    def settle(self, call_id: int, event: Event) -> None:
        call = self.open.pop(call_id)
        bound = call.intent.bound
        used = (
            Bound(0, 0)
            if event.fault == "refused"
            else Bound(int(bound.tokens * event.part), int(bound.cost_nano * event.part))
        )
        self._bill(call.place, used)
        usage = (
            None
            if event.fault == "lost"
            else Usage(requests=1, prompt_tokens=used.tokens, cost_nano=used.cost_nano)
        )
        limits = self._limits(call.place.run_id).at(call.place.counted_at)
        with self.database._transaction() as connection:
            settled = SettledCall(usage, event.fault)
            reservations.settle(
                connection,
                call_id,
                call.place,
                call.intent,
                settled,
                limits,
                now=self.now,
                warn_at=0.8,
            )

    def crash(self, process: str, part: float) -> None:
        """What was in flight may still be billed; nobody hears of it. The process starts again at
        once."""
        gone = self._owner(process).owner_id
        with self.database._transaction() as connection:
            connection.execute(
                update(owners.owners)
                .where(owners.owners.c.owner_id == gone)
                .values(process_start="gone")
            )
        for call_id in [call_id for call_id, call in self.open.items() if call.process == process]:
            call = self.open.pop(call_id)
            if call.sent:
                self._bill(
                    call.place,
                    Bound(
                        int(call.intent.bound.tokens * part),
                        int(call.intent.bound.cost_nano * part),
                    ),
                )
        self.lives[process] += 1
        self._start(process)

    def check(self) -> None:
        with self.database._transaction() as connection:
            rows = connection.execute(select(windows)).all()
            bought = connection.execute(select(calls)).all()
            orphaned = self._orphaned(connection)
        for row in rows:
            window = Window(row.run_id, row.starts_at, row.ends_at)
            assert _counted(bought, window) == (
                row.spent_tokens,
                row.held_tokens,
                row.spent_cost_nano,
                row.held_cost_nano,
            )
            assert row.spent_tokens + row.held_tokens <= (60 if row.run_id else 100)
            assert row.run_id or row.spent_cost_nano + row.held_cost_nano <= 1_000_000_000
            tokens, cost = self._billed_in(window)
            assert tokens <= row.spent_tokens + orphaned[0]
            assert cost <= row.spent_cost_nano + orphaned[1]

    def _limits(self, run: str) -> Limits:
        return Limits(run, BUDGET, max_tokens=60, max_cost_nano=None)

    def _owner(self, process: str) -> owners.Owner:
        me = self.me
        return owners.Owner(
            f"{process}-{self.lives[process]}",
            me.host,
            me.boot_id,
            me.pid_namespace,
            os.getpid(),
            me.process_start,
        )

    def _start(self, process: str) -> None:
        owners.begin(self._owner(process))
        with self.database._transaction() as connection:
            owners.register(connection, self._owner(process))

    def _bill(self, place: Place, used: Bound) -> None:
        tokens, cost = self.billed.get((place.counted_at, place.run_id), (0, 0))
        self.billed[place.counted_at, place.run_id] = tokens + used.tokens, cost + used.cost_nano

    def _billed_in(self, window: Window) -> tuple[int, int]:
        inside = [
            bill
            for (at, run), bill in self.billed.items()
            if window.starts_at <= at < window.ends_at and window.run_id in ("", run)
        ]
        return sum(tokens for tokens, _ in inside), sum(cost for _, cost in inside)

    def _orphaned(self, connection: Connection) -> tuple[int, int]:
        """Held by processes that died and were not taken over yet; it still counts as reserved."""
        alive = [self._owner(process).owner_id for process in PROCESSES]
        rows = connection.execute(
            select(calls.c.bound_tokens, calls.c.bound_cost_nano).where(
                calls.c.state != "settled", calls.c.owner_id.not_in(alive)
            )
        ).all()
        return sum(row[0] for row in rows), sum(row[1] for row in rows)


def _counted(bought: list, window: Window) -> tuple[int, int, int, int]:
    """What the sums of a window must be, from the calls themselves."""
    inside = [
        call
        for call in bought
        if window.starts_at <= call.counted_at < window.ends_at
        and window.run_id in ("", call.run_id)
    ]
    held = [call for call in inside if call.state != "settled"]
    return (
        sum(call.tokens for call in inside),
        sum(call.bound_tokens for call in held),
        sum(call.cost_nano or 0 for call in inside),
        sum(call.bound_cost_nano for call in held),
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(EVENTS, min_size=20, max_size=60))
def test_no_interleaving_of_calls_faults_and_crashes_goes_over_the_budget(events):
    money = MoneyUnderFaults()
    try:
        for event in events:
            money.do(event)
            money.check()
    finally:
        money.close()
