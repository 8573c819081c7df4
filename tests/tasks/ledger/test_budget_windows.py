"""In which window does a call count?"""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from schemas.flow import BudgetSpec
from tasks.ledger.money.budgets import BEGINNING, END, Limit, Limits, Window

RUN = Window("run-1", BEGINNING, END)


def at(*when: int, zone: str = "UTC") -> float:
    return datetime(*when, tzinfo=ZoneInfo(zone)).timestamp()


def limits(
    budget: BudgetSpec | None, *, max_tokens: int | None = None, max_cost_nano: int | None = None
) -> Limits:
    return Limits("run-1", budget, max_tokens=max_tokens, max_cost_nano=max_cost_nano)


def test_a_day_begins_at_midnight_of_the_budgets_time_zone():
    paris = limits(BudgetSpec(tokens=10, per="day", timezone="Europe/Paris"))
    day = Window("", at(2026, 7, 14, zone="Europe/Paris"), at(2026, 7, 15, zone="Europe/Paris"))
    assert day in paris.at(at(2026, 7, 13, 22, 30))  # half past midnight in Paris
    assert day not in paris.at(at(2026, 7, 13, 21, 59))


def test_a_day_on_which_the_clock_changes_is_23_hours_long():
    changes = limits(BudgetSpec(tokens=10, per="day", timezone="Europe/Paris")).at(
        at(2026, 3, 29, 12)
    )
    (day,) = (window for window in changes if window != RUN)
    assert day.ends_at - day.starts_at == 23 * 3600


def test_a_month_reaches_over_the_end_of_the_year():
    december = limits(BudgetSpec(tokens=10, per="month")).at(at(2026, 12, 31, 23, 59))
    assert Window("", at(2026, 12, 1), at(2027, 1, 1)) in december


def test_a_run_has_the_stricter_of_its_budget_and_the_command_line():
    both = limits(
        BudgetSpec(tokens=100, cost=Decimal("0.5")), max_tokens=200, max_cost_nano=100_000_000
    )
    assert both.at(0.0) == {RUN: Limit(tokens=100, cost_nano=100_000_000)}


def test_command_line_limits_count_per_run_beside_a_budget_per_day():
    day = limits(BudgetSpec(tokens=100, per="day"), max_tokens=30).at(at(2026, 1, 1, 12))
    assert day == {
        RUN: Limit(tokens=30),
        Window("", at(2026, 1, 1), at(2026, 1, 2)): Limit(tokens=100),
    }


def test_without_limits_there_is_no_window():
    assert limits(None).at(0.0) == {}


@given(
    now=st.floats(0, 4_000_000_000),
    per=st.sampled_from(["run", "day", "month", "total"]),
    zone=st.sampled_from(["UTC", "Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo"]),
)
def test_every_moment_lies_in_its_windows_and_the_end_of_one_begins_the_next(now, per, zone):
    for window in limits(BudgetSpec(tokens=1, per=per, timezone=zone)).at(now):
        assert window.starts_at <= now < window.ends_at
        if per in ("day", "month") and window != RUN:
            after = limits(BudgetSpec(tokens=1, per=per, timezone=zone)).at(window.ends_at)
            assert [other.starts_at for other in after if other != RUN] == [window.ends_at]
