"""The step `check`: schema, rules, page against e-invoice, duplicates.

Asks the model once more where the record is wrong.
"""

from datetime import UTC, datetime

from schemas.flow import CheckSettings
from schemas.record import Draft, Finding
from tasks.rules.dates import dates
from tasks.rules.direction import direction
from tasks.rules.doubts import doubts
from tasks.rules.duplicates import duplicates
from tasks.rules.facts import Facts
from tasks.rules.identifiers import identifiers
from tasks.rules.printed import printed_differences
from tasks.rules.schema_rules import schema_findings
from tasks.rules.sums import sums
from tasks.rules.title import title_difference
from tasks.services import Services

RULES = (sums, direction, dates, identifiers)
"""Rules of a record by itself. What breaks one may have been misread, so the model is asked once
more; see docs/checks.md."""


async def check(draft: Draft, settings: CheckSettings, services: Services) -> Draft:
    """Adds findings; those of weight `review` make the document `needs_review`. Without a schema
    and a record there is nothing to check.

    Where a value is missing or a rule broken, a model that read the document is asked once more,
    and what it says is kept if less is broken then.
    """
    if services.flow.schema is None and draft.record is None:
        return draft
    broken = broken_rules(draft, services)
    may_ask = services.models is not None and draft.extractions and not draft.record_complete
    if may_ask and _for_review(broken):
        draft, broken = await _asked_again(draft, broken, services)
    facts = _facts(draft, services)
    return draft.adding(
        *broken,
        *doubts(draft, settings.review_below, services.flow.schema),
        *await printed_differences(draft, facts, services),
        *await title_difference(draft, facts, services),
        *await duplicates(draft, facts, services),
    )


def broken_rules(draft: Draft, services: Services) -> list[Finding]:
    """What the schema and the rules find in the record alone, in a fixed order."""
    schema = services.flow.schema
    found = list(schema_findings(draft.record or {}, schema)) if schema else []
    facts = _facts(draft, services)
    return [*found, *(finding for rule in RULES for finding in rule(facts))]


def _facts(draft: Draft, services: Services) -> Facts:
    return Facts.of(draft, datetime.now(UTC).date(), services.flow.schema)


def _for_review(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.weight == "review"]


async def _asked_again(
    draft: Draft, broken: list[Finding], services: Services
) -> tuple[Draft, list[Finding]]:
    """The better of two readings. What the second one cost counts in both cases."""
    # only a flow with models needs what it imports
    from tasks.reask import ask_again  # noqa: PLC0415

    second = await ask_again(draft, services, _for_review(broken))
    still = broken_rules(second, services)
    if len(_for_review(still)) < len(_for_review(broken)):
        mended = not _for_review(
            still
        )  # then what `summarise` had to leave empty was found after all
        kept = [
            finding
            for finding in second.findings
            if not (mended and finding.code == "answer_invalid")
        ]
        return second.model_copy(update={"findings": tuple(kept)}), still
    return draft.model_copy(update={"usage": second.usage, "findings": second.findings}), broken
