"""`docmill plan FLOW [PATH ...]`: estimate the cost of a run.

Uses no network, spends nothing and changes nothing.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.display.printable import printable
from pipelines.display.text_table import money, print_rows
from pipelines.display.wording import counted

if TYPE_CHECKING:
    from decimal import Decimal

    from pipelines.loading import Project
    from pipelines.planning.plan import Plan

SHOWN_NOTES = 10
FEW_FILES = 8  # one worker opens so many faster than two start
FREE = {  # one, and several
    "einvoices": ("e-invoice, read from its XML", "e-invoices, read from their XML"),
    "done_before": ("document done before", "documents done before"),
    "same_bytes": ("copy of another document", "copies of other documents"),
    "failing": ("document that cannot be read", "documents that cannot be read"),
    "not_tried": (
        "document that failed too often (`docmill retry`)",
        "documents that failed too often (`docmill retry`)",
    ),
    "cached_answers": ("answer from the cache", "answers from the cache"),
    "blank_pages": ("blank page", "blank pages"),
}


def plan(
    flow: Annotated[str, typer.Argument(help="Name of a flow in flows.yaml.", metavar="FLOW")],
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files, folders or globs instead of the flow's source.", metavar="[PATH]..."
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="The flows.yaml to use.")
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Plan a run with the offline engine.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout.")
    ] = False,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", min=1, help="Most tokens the run may spend.")
    ] = None,
    max_cost: Annotated[
        str | None,
        typer.Option("--max-cost", help="Most money the run may spend, in USD.", metavar="USD"),
    ] = None,
) -> None:
    """Show what a run would cost before anything is spent: documents, pages, what is free, calls,
    tokens and money, and whether the budget allows it."""
    from pipelines.cli.amounts import dollars  # noqa: PLC0415 - `docmill --help` must not import it
    from pipelines.loading import find_flow_file, load_project  # noqa: PLC0415

    cost = dollars(max_cost)
    project = load_project(find_flow_file(file))
    found, notes = asyncio.run(
        _plan(project, flow, paths or None, local=local, max_tokens=max_tokens, max_cost=cost)
    )
    if as_json:
        sys.stdout.write(json.dumps(found.as_json(), ensure_ascii=False, indent=2) + "\n")
    else:
        _print(found)
    for note in notes[:SHOWN_NOTES]:
        typer.echo(f"note: {printable(note)}", err=True)
    if len(notes) > SHOWN_NOTES:
        typer.echo(f"note: and {len(notes) - SHOWN_NOTES} more", err=True)


async def _plan(
    project: "Project",
    flow: str,
    paths: list[str] | None,
    *,
    local: bool,
    max_tokens: int | None,
    max_cost: "Decimal | None",
) -> "tuple[Plan, list[str]]":
    """The plan, and notes. Workers that open documents start while the rest is imported, which
    takes as long."""
    from pipelines.loading import define  # noqa: PLC0415
    from pipelines.loading.places import store_url  # noqa: PLC0415
    from pipelines.planning.files import files_of_plan  # noqa: PLC0415
    from pipelines.planning.sketch_reader import SketchReader  # noqa: PLC0415
    from schemas.flow import RenderSettingsSpec  # noqa: PLC0415
    from tasks.documents.passwords import passwords_of  # noqa: PLC0415

    spec = project.flow(flow)
    files, notes = files_of_plan(spec, flow, project.folder, paths)
    render = next(
        (step.settings for step in spec.steps if isinstance(step.settings, RenderSettingsSpec)),
        RenderSettingsSpec(),
    )
    async with SketchReader(
        render,
        store_url=store_url(project.flow_file, project.folder),
        passwords=passwords_of(render, project.folder),
        workers=1 if len(files) <= FEW_FILES else None,
    ) as reader:
        await reader.begun()
        from pipelines.planning.planner import limits_of_plan, plan_flow  # noqa: PLC0415

        limits = limits_of_plan(spec.budget, max_tokens=max_tokens, max_cost=max_cost)
        found = await plan_flow(define(project, flow, local=local), files, limits, reader)
    return found, [*notes, *found.notes]


def _print(found: "Plan") -> None:
    typer.echo(
        f"{found.flow}: {counted(found.documents, 'document')}, {counted(found.pages, 'page')}; "
        f"planned in {found.seconds:.1f} s, nothing was sent"
    )
    for name, count in found.free.as_json().items():
        if count:
            typer.echo(f"  free: {count:,} {FREE[name][count > 1]}")
    if not found.models:
        typer.echo("the local engine asks no model: nothing would be spent")
        return
    told = found.as_json()
    rows = [(entry["step"], entry["model"], *_figures(entry)) for entry in told["steps"]]
    rows.append(("total", "", *_figures(told["total"])))
    print_rows(("step", "model", "calls", "tokens in", "tokens out", "USD"), rows, left=2)
    for model in {each.role: each for each in found.models}.values():
        if model.retired:
            after = f", then {model.next}" if model.next and model.next not in model.retired else ""
            typer.echo(
                f"role {model.role}: {', '.join(model.retired)} is known to be retired, "
                f"{model.model} would be asked{after}"
            )
    _print_budget(found)


def _print_budget(found: "Plan") -> None:
    if found.fits_budget is None:
        typer.echo(
            "no budget: nothing limits what is spent (`budget:` in flows.yaml, "
            "--max-tokens, --max-cost)"
        )
        return
    for budget in found.budgets:
        parts = []
        if budget.limit.tokens is not None:
            left = budget.limit.tokens - budget.sums.spent_tokens - budget.sums.held_tokens
            parts.append(f"{left:,} of {budget.limit.tokens:,} tokens left")
        if budget.limit.cost_nano is not None:
            left = budget.limit.cost_nano - budget.sums.spent_cost_nano - budget.sums.held_cost_nano
            parts.append(f"{money(left / 1e9)} of {money(budget.limit.cost_nano / 1e9)} USD left")
        if parts:
            typer.echo(f"budget: {', '.join(parts)}")
    typer.echo(
        "the run fits" if found.fits_budget else "the run does not fit: it would not get to its end"
    )


def _figures(entry: dict[str, Any]) -> tuple[str, ...]:
    cost = entry["cost"]
    tokens = (_range(entry["prompt_tokens"]), _range(entry["completion_tokens"]))
    return (f"{entry['requests']:,}", *tokens, "?" if cost is None else _money_range(cost))


def _range(spread: "dict[str, int]") -> str:
    """Expected, and low to high where they differ."""
    if spread["low"] == spread["high"]:
        return f"{spread['expected']:,}"
    return f"{spread['expected']:,} ({spread['low']:,} to {spread['high']:,})"


def _money_range(spread: "dict[str, float]") -> str:
    if spread["low"] == spread["high"]:
        return money(spread["expected"])
    return f"{money(spread['expected'])} ({money(spread['low'])} to {money(spread['high'])})"
