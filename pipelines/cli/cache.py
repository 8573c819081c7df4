"""`docmill cache stats|clear`: size of the answer cache, and how to empty it."""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from pipelines.cli.confirm import confirmed
from pipelines.cli.options import FlowFileOption, Json, Yes, project_of
from pipelines.display.wording import counted
from pipelines.loading import Project
from schemas.errors import CallError
from tasks.ledger.money.answers import CacheStats


class Action(StrEnum):
    STATS = "stats"
    CLEAR = "clear"


def cache(
    action: Annotated[
        Action,
        typer.Argument(metavar="stats|clear", help="stats: what is stored; clear: remove it."),
    ],
    older_than: Annotated[
        int | None,
        typer.Option(
            "--older-than",
            min=0,
            metavar="DAYS",
            help="With clear: only answers stored more than DAYS days ago.",
        ),
    ] = None,
    yes: Yes = False,
    file: FlowFileOption = None,
    as_json: Json = False,
) -> None:
    """Removed answers are paid for again when they are next needed. Records and costs are kept."""
    project = project_of(file)
    if action is Action.STATS:
        if older_than is not None:
            raise CallError("--older-than goes with `docmill cache clear`")
        _stats(project, as_json=as_json)
    else:
        _clear(project, older_than, yes=yes, as_json=as_json)


def _stats(project: Project, *, as_json: bool) -> None:
    stats = _read_stats(project)
    oldest = None if stats.oldest_at is None else datetime.fromtimestamp(stats.oldest_at, UTC)
    count, documents = stats.answers, stats.documents
    characters, tokens = stats.characters, stats.tokens
    if as_json:
        found = {
            "answers": count,
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
    elif not count:
        typer.echo("the answer cache is empty")
    else:
        typer.echo(
            f"{counted(count, 'answer')} about {counted(documents, 'document')}, "
            f"{counted(characters, 'character')}; the oldest is from {oldest:%Y-%m-%d}."
        )
        typer.echo(f"They cost {counted(tokens, 'token')} and are free to use again.")


def _read_stats(project: Project) -> CacheStats:
    with project.ledger() as ledger:
        return ledger.answer_stats()


def _clear(project: Project, older_than: int | None, *, yes: bool, as_json: bool) -> None:
    stats = _read_stats(project)
    removed = 0
    if stats.answers:
        which = "all answers" if older_than is None else f"answers older than {older_than} days"
        confirmed(
            f"Remove {which} from the cache ({stats.answers:,} answers in total)? "
            "They must be paid for again when they are next needed",
            yes=yes,
        )
        removed = asyncio.run(_remove(project, older_than))
    typer.echo(
        json.dumps({"removed": removed})
        if as_json
        else f"{counted(removed, 'answer')} removed; records and costs are kept"
    )


async def _remove(project: Project, older_than: int | None) -> int:
    before = None if older_than is None else time.time() - older_than * 86_400
    async with await project.open_ledger() as ledger:
        removed = await ledger.remove_answers(before)
        await ledger.database.truncate_log()
        return removed
