"""Rules about dates."""

from collections.abc import Iterator
from datetime import date, timedelta

from schemas.record import Finding
from tasks.rules.facts import Facts

OLDEST = date(1980, 1, 1)  # an older date is a misread year
DAYS_AHEAD = 60  # invoices are dated ahead by days or a month, not more


def dates(facts: Facts) -> Iterator[Finding]:
    issued, due = facts.day("issue_date"), facts.day("due_date")
    if issued and due and due < issued:
        message = f"due on {due}, before it was issued on {issued}"
        yield Finding(
            code="due_before_issue", message=message, fields=facts.paths("issue_date", "due_date")
        )
    if issued and issued > facts.today + timedelta(days=DAYS_AHEAD):
        message = f"issued on {issued}, more than {DAYS_AHEAD} days from now"
        yield Finding(code="date_in_future", message=message, fields=facts.paths("issue_date"))
    if issued and issued < OLDEST:
        yield Finding(
            code="date_too_old",
            message=f"issued on {issued}, before {OLDEST.year}",
            fields=facts.paths("issue_date"),
        )
