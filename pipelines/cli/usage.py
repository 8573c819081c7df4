"""`docmill usage [FLOW]`: spending per flow, day, model and document, and what is left."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.display.text_table import money, print_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.reporting.spending import Left, SpendingReport, SpentRow

SHOWN_DAYS, SHOWN_DOCUMENTS = 14, 20
HEADINGS = ("calls", "documents", "pages", "tokens", "USD", "a document", "a page")


def usage(
    flow: Annotated[
        str | None, typer.Argument(help="Only what this flow spent.", metavar="[FLOW]")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="The flows.yaml to use.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout.")
    ] = False,
) -> None:
    """Show what was spent and what is left, per flow, day, model and document. Changes nothing."""
    # `docmill --help` must not import it
    from pipelines.loading import find_flow_file, load_project  # noqa: PLC0415
    from pipelines.loading.places import state_url  # noqa: PLC0415
    from pipelines.reporting.spending import spending_report  # noqa: PLC0415
    from tasks.ledger.read_only import LedgerView  # noqa: PLC0415

    project = load_project(find_flow_file(file))
    if flow is not None:
        project.flow(flow)  # refuses an unknown one
    budgets = {
        name: spec.budget
        for name, spec in project.flow_file.flows.items()
        if spec.budget is not None
    }
    with LedgerView(state_url(project.flow_file), project.folder) as view:
        report = spending_report(view, budgets, flow)
    if as_json:
        sys.stdout.write(json.dumps(report.as_json(), ensure_ascii=False, indent=2) + "\n")
    else:
        _print(report)


def _print(report: "SpendingReport") -> None:
    if not report.total.calls:
        typer.echo("nothing was spent yet")
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
    title: str, rows: "Sequence[SpentRow]", most: int, total: "SpentRow | None" = None
) -> None:
    shown = [*rows[:most], *([total] if total is not None and len(rows) > 1 else [])]
    print_rows((title, *HEADINGS), [_cells(row) for row in shown])
    if len(rows) > most:
        typer.echo(f"... and {len(rows) - most} more (--json lists all)")
    typer.echo("")


def _cells(row: "SpentRow") -> tuple[str, ...]:
    name = row.name if row.path is None else f"{row.path} ({row.name[:12]})"
    counts = (f"{row.calls:,}", f"{row.documents:,}", f"{row.pages:,}", f"{row.tokens:,}")
    return (name, *counts, money(row.cost), money(row.cost_per_document), money(row.cost_per_page))


def _left(left: "Left", unit: str) -> str:
    def amount(value: float) -> str:
        return money(value) if unit == "USD" else f"{value:,.0f}"

    held = f", {amount(left.reserved)} reserved" if left.reserved else ""
    return (
        f"{amount(left.left)} {unit} left of {amount(left.limit)} ({amount(left.spent)} "
        f"spent{held})"
    )
