"""`docmill cache stats|clear`: size of the answer cache, and how to empty it."""

import json
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.display.wording import counted
from schemas.errors import CallError

if TYPE_CHECKING:
    from pipelines.loading import Project
    from tasks.ledger.money.answers import CacheStats


class Action(StrEnum):
    STATS = "stats"
    CLEAR = "clear"


def cache(
    action: Annotated[Action, typer.Argument(help="stats: what is stored; clear: remove it.")],
    older_than: Annotated[
        int | None,
        typer.Option(
            "--older-than",
            min=0,
            help="With clear: only answers stored more than so many days ago.",
            metavar="DAYS",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With clear: do not ask.")] = False,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="The flows.yaml to use.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout.")
    ] = False,
) -> None:
    """Show or empty the answer cache. What is removed is bought again when it is asked for again;
    records and costs stay."""
    # `docmill --help` must not import it
    from pipelines.loading import find_flow_file, load_project  # noqa: PLC0415

    project = load_project(find_flow_file(file))
    if action is Action.STATS:
        if older_than is not None:
            raise CallError("--older-than goes with `docmill cache clear`")
        _stats(project, as_json=as_json)
    else:
        _clear(project, older_than, yes=yes, as_json=as_json)


def _stats(project: "Project", *, as_json: bool) -> None:
    stats = _read_stats(project)
    oldest = (
        None
        if stats is None or stats.oldest_at is None
        else datetime.fromtimestamp(stats.oldest_at, UTC)
    )
    answers, documents, characters, tokens = (
        (stats.answers, stats.documents, stats.characters, stats.tokens) if stats else (0, 0, 0, 0)
    )
    if as_json:
        found = {
            "answers": answers,
            "documents": documents,
            "characters": characters,
            "tokens": tokens,
        }
        sys.stdout.write(
            json.dumps(
                {**found, "oldest": oldest and oldest.isoformat(timespec="seconds")}, indent=2
            )
            + "\n"
        )
    elif not answers:
        typer.echo("the answer cache is empty")
    else:
        typer.echo(
            f"{counted(answers, 'answer')} about {counted(documents, 'document')}, "
            f"{counted(characters, 'character')}, the oldest of {oldest:%Y-%m-%d}."
        )
        typer.echo(f"Bought for {counted(tokens, 'token')}; asked again they cost nothing.")


def _read_stats(project: "Project") -> "CacheStats | None":
    from pipelines.loading.places import state_url  # noqa: PLC0415
    from tasks.ledger.money import answers  # noqa: PLC0415
    from tasks.ledger.read_only import LedgerView  # noqa: PLC0415

    with LedgerView(state_url(project.flow_file), project.folder) as view:
        return view.read(answers.stats)


def _clear(project: "Project", older_than: int | None, *, yes: bool, as_json: bool) -> None:
    import asyncio  # noqa: PLC0415 - `docmill --help` must not import it

    from pipelines.cli.confirm import confirmed  # noqa: PLC0415

    stats = _read_stats(project)
    removed = 0
    if stats is not None and stats.answers:
        which = (
            "answers" if older_than is None else f"answers that are older than {older_than} days"
        )
        confirmed(
            f"Remove the {which} of the cache ({stats.answers:,} answers in all)? They are "
            "bought again when they are needed",
            yes=yes,
        )
        removed = asyncio.run(_remove(project, older_than))
    typer.echo(
        json.dumps({"removed": removed})
        if as_json
        else f"{removed:,} answers were removed; records and costs are kept"
    )


async def _remove(project: "Project", older_than: int | None) -> int:
    import time  # noqa: PLC0415

    from pipelines.loading.places import state_url  # noqa: PLC0415
    from tasks.ledger.ledger import Ledger  # noqa: PLC0415
    from tasks.ledger.money import answers  # noqa: PLC0415

    before = None if older_than is None else time.time() - older_than * 86_400
    async with await Ledger.open(state_url(project.flow_file), project.folder) as ledger:
        removed = await ledger.database.write(
            lambda connection: answers.remove(connection, before=before)
        )
        await ledger.database.truncate_log()
        return removed
