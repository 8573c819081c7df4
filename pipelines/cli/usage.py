"""`docmill usage [FLOW]`: spending per flow, day, model and document, and what is left."""

import json
import sys
from collections.abc import Sequence

import typer

from pipelines.cli.options import FlowFileOption, Json, OneFlow, project_of
from pipelines.display.text_table import money, print_rows
from pipelines.reporting.spending import Left, SpendingReport, SpentRow, spending_report

SHOWN_DAYS, SHOWN_DOCUMENTS = 14, 20
HEADINGS = ("calls", "documents", "pages", "tokens", "USD", "per document", "per page")


def usage(
    flow: OneFlow = None,
    file: FlowFileOption = None,
    as_json: Json = False,
) -> None:
    """Per flow, day, model and document. Nothing is changed."""
    project = project_of(file, flow)
    budgets = {
        name: spec.budget
        for name, spec in project.flow_file.flows.items()
        if spec.budget is not None
    }
    with project.ledger() as ledger:
        report = spending_report(ledger, budgets, flow)
    if as_json:
        sys.stdout.write(json.dumps(report.as_json(), ensure_ascii=False, indent=2) + "\n")
    else:
        _print(report)


def _print(report: SpendingReport) -> None:
    if not report.total.calls:
        typer.echo("nothing has been spent yet")
    else:
        _section("flow", report.flows, len(report.flows), report.total)
        _section(f"day ({report.timezone})", report.days, SHOWN_DAYS)
        _section("model", report.models, len(report.models))
        _section("document", report.documents, SHOWN_DOCUMENTS)
        if report.total.charged_at_bound:
            typer.echo(
                f"calls charged at their upper bound: {report.total.charged_at_bound} "
                "(their answer, or its usage, was lost)"
            )
    for budget in report.budgets:
        window = {
            "run": "a run",
            "day": f"today ({budget.timezone})",
            "month": f"this month ({budget.timezone})",
            "total": "in all",
        }[budget.per]
        parts = [f"{_left(budget.tokens, 'tokens')}"] if budget.tokens else []
        parts += [_left(budget.cost, "USD")] if budget.cost else []
        typer.echo(f"budget of {budget.flow}, {window}: {'; '.join(parts)}")


def _section(
    title: str, rows: Sequence[SpentRow], most: int, total: SpentRow | None = None
) -> None:
    shown = [*rows[:most], *([total] if total is not None and len(rows) > 1 else [])]
    print_rows((title, *HEADINGS), [_cells(row) for row in shown])
    if len(rows) > most:
        typer.echo(f"... and {len(rows) - most} more (--json lists all)")
    typer.echo("")


def _cells(row: SpentRow) -> tuple[str, ...]:
    name = row.name if row.path is None else f"{row.path} ({row.name[:12]})"
    counts = (f"{row.calls:,}", f"{row.documents:,}", f"{row.pages:,}", f"{row.tokens:,}")
    return (name, *counts, money(row.cost), money(row.cost_per_document), money(row.cost_per_page))


def _left(left: Left, unit: str) -> str:
    def amount(value: float) -> str:
        return money(value) if unit == "USD" else f"{value:,.0f}"

    held = f", {amount(left.reserved)} reserved" if left.reserved else ""
    spent = f"{amount(left.spent)} spent{held}"
    return f"{amount(left.left)} {unit} left of {amount(left.limit)} ({spent})"
