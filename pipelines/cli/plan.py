"""`docmill plan FLOW [PATH ...]`: estimate the cost of a run.

Uses no network, spends nothing and changes nothing.
"""

import asyncio
import json
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.options import (
    FlowArgument,
    FlowFileOption,
    Json,
    Local,
    MaxCost,
    MaxTokens,
    Paths,
    dollars,
    project_of,
)
from pipelines.display.printable import printable
from pipelines.display.text_table import money, print_rows
from pipelines.display.wording import counted
from pipelines.loading import Project, define
from pipelines.loading.places import store_url
from pipelines.planning.files import files_of_plan
from pipelines.planning.sketch_reader import SketchReader
from schemas.flow import RenderSettingsSpec
from tasks.documents.passwords import passwords_of
from tasks.documents.reader import DocumentReader

if TYPE_CHECKING:
    from pipelines.planning.plan import Plan

SHOWN_NOTES = 10
FEW_FILES = 8  # one worker opens these faster than two start
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
    flow: FlowArgument,
    paths: Paths = None,
    file: FlowFileOption = None,
    local: Local = False,
    as_json: Json = False,
    max_tokens: MaxTokens = None,
    max_cost: MaxCost = None,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print only the budget and whether the run fits.")
    ] = False,
) -> None:
    """Shows documents, pages, what is free, calls, tokens and money, and if the budget allows it.

    Nothing is sent and nothing is changed.
    """
    cost = dollars(max_cost)
    project = project_of(file)
    found, notes = asyncio.run(
        _plan(project, flow, paths or None, local=local, max_tokens=max_tokens, max_cost=cost)
    )
    if as_json:
        sys.stdout.write(json.dumps(found.as_json(), ensure_ascii=False, indent=2) + "\n")
    elif quiet:
        _print_budget(found)
    else:
        _print(found)
    for note in notes[:SHOWN_NOTES]:
        typer.echo(f"note: {printable(note)}", err=True)
    if len(notes) > SHOWN_NOTES:
        typer.echo(f"note: and {len(notes) - SHOWN_NOTES} more", err=True)


async def _plan(
    project: Project,
    flow: str,
    paths: list[str] | None,
    *,
    local: bool,
    max_tokens: int | None,
    max_cost: Decimal | None,
) -> "tuple[Plan, list[str]]":
    """The plan, and notes. Workers that open documents start while the planner is imported."""
    spec = project.flow(flow)
    files, notes = files_of_plan(spec, flow, project.folder, paths)
    render = next(
        (step.settings for step in spec.steps if isinstance(step.settings, RenderSettingsSpec)),
        RenderSettingsSpec(),
    )
    async with DocumentReader(
        render,
        store_url=store_url(project.flow_file, project.folder),
        passwords=passwords_of(render, project.folder),
        workers=1 if len(files) <= FEW_FILES else None,
    ) as documents:
        reader = SketchReader(documents)
        await reader.begun()
        # Takes as long to import as the workers take to start.
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
        typer.echo("the local engine uses no model: nothing would be spent")
        return
    figures = found.as_json()
    rows = [(entry["step"], entry["model"], *_figures(entry)) for entry in figures["steps"]]
    rows.append(("total", "", *_figures(figures["total"])))
    print_rows(("step", "model", "calls", "tokens in", "tokens out", "USD"), rows, left=2)
    for model in {each.role: each for each in found.models}.values():
        if model.retired:
            after = f", then {model.next}" if model.next and model.next not in model.retired else ""
            typer.echo(
                f"role {model.role}: {', '.join(model.retired)} is known to be retired, "
                f"{model.model} would be used{after}"
            )
    _print_budget(found)


def _print_budget(found: "Plan") -> None:
    if found.fits_budget is None:
        typer.echo(
            "no budget: spending is not limited (`budget:` in flows.yaml, --max-tokens, --max-cost)"
        )
        return
    for budget in found.budgets:
        parts = []
        limit, left = budget.limit, budget.left
        if left.tokens is not None:
            parts.append(f"{left.tokens:,} of {limit.tokens:,} tokens left")
        if limit.cost_nano is not None and left.cost_nano is not None:
            amounts = f"{money(left.cost_nano / 1e9)} of {money(limit.cost_nano / 1e9)}"
            parts.append(f"{amounts} USD left")
        if parts:
            typer.echo(f"budget: {', '.join(parts)}")
    typer.echo(
        "the run fits"
        if found.fits_budget
        else "the run exceeds the budget and would stop before the end"
    )


def _figures(entry: dict[str, Any]) -> tuple[str, ...]:
    cost = entry["cost"]
    tokens = (_range(entry["prompt_tokens"]), _range(entry["completion_tokens"]))
    return (f"{entry['requests']:,}", *tokens, "?" if cost is None else _money_range(cost))


def _range(spread: dict[str, int]) -> str:
    """Expected, and low to high where they differ."""
    if spread["low"] == spread["high"]:
        return f"{spread['expected']:,}"
    return f"{spread['expected']:,} ({spread['low']:,} to {spread['high']:,})"


def _money_range(spread: dict[str, float]) -> str:
    if spread["low"] == spread["high"]:
        return money(spread["expected"])
    return f"{money(spread['expected'])} ({money(spread['low'])} to {money(spread['high'])})"
