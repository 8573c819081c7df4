"""Budget windows of a call, and what may be spent in each.

Arithmetic only; reservations.py keeps the sums.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.flow import BudgetSpec
from schemas.usage import NANO_PER_UNIT

BEGINNING, END = 0.0, 32_503_680_000.0  # 1970 and 3000: a window without borders
DEFAULT_WARN_AT = 0.8


class Window(NamedTuple):
    """Calls of a flow with `starts_at <= counted_at < ends_at`; of one run when `run_id` is not
    empty."""

    run_id: str
    starts_at: float
    ends_at: float


@dataclass(frozen=True, slots=True)
class Limit:
    """What a window may hold. None: no limit."""

    tokens: int | None = None
    cost_nano: int | None = None

    def strictest(self, other: "Limit") -> "Limit":
        return Limit(_least(self.tokens, other.tokens), _least(self.cost_nano, other.cost_nano))


class Limits:
    """The budget of a flow together with the limits of the command line, for one run."""

    def __init__(
        self,
        run_id: str,
        budget: BudgetSpec | None,
        *,
        max_tokens: int | None,
        max_cost_nano: int | None,
    ) -> None:
        self._run = Window(run_id, BEGINNING, END)
        self._of_run = Limit(max_tokens, max_cost_nano)
        self._budget = budget
        self._of_budget = (
            Limit(budget.tokens, None if budget.cost is None else int(budget.cost * NANO_PER_UNIT))
            if budget
            else Limit()
        )
        self._zone = ZoneInfo(budget.timezone) if budget else ZoneInfo("UTC")
        self.warn_at = budget.warn_at if budget else DEFAULT_WARN_AT
        self._last: tuple[float, float, Mapping[Window, Limit]] = (
            END,
            BEGINNING,
            {},
        )  # one value: two threads ask

    def at(self, now: float) -> Mapping[Window, Limit]:
        """The windows that a call counted at `now` must fit into. Command-line limits count per
        run."""
        starts, ends, found = self._last
        if not starts <= now < ends:
            found = self._find(now)
            starts, ends = (
                max((window.starts_at for window in found), default=BEGINNING),
                min((window.ends_at for window in found), default=END),
            )
            self._last = starts, ends, found
        return found

    def _find(self, now: float) -> Mapping[Window, Limit]:
        if self._of_run == Limit() and self._of_budget == Limit():
            return {}
        found = {self._run: self._of_run}
        if self._budget is not None:
            window = self._window(self._budget.per, now)
            found[window] = self._of_budget.strictest(found.get(window, Limit()))
        return found

    def _window(self, per: str, now: float) -> Window:
        if per == "run":
            return self._run
        if per == "total":
            return Window("", BEGINNING, END)
        today = datetime.fromtimestamp(now, self._zone).date()
        first = today if per == "day" else today.replace(day=1)
        after = (
            first + timedelta(days=1)
            if per == "day"
            else (first + timedelta(days=32)).replace(day=1)
        )
        starts, ends = (
            datetime.combine(day, time.min, self._zone).timestamp() for day in (first, after)
        )
        return Window("", starts, ends)


def _least(one: int | None, other: int | None) -> int | None:
    given = [value for value in (one, other) if value is not None]
    return min(given, default=None)
