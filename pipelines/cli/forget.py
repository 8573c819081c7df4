"""`docmill forget DOCUMENT`: erase a document's data; only its id and its cost remain."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.confirm import confirmed
from pipelines.cli.options import FlowFileOption, Yes, project_of
from pipelines.loading import Project
from pipelines.loading.places import store_url
from schemas.errors import CallError
from tasks.documents.page_store import PageStore
from tasks.outputs.forgetting import forget_document

SHORTEST_PREFIX_SHOWN = 12


def forget(
    document: Annotated[
        str,
        typer.Argument(
            metavar="DOCUMENT", help="Its id (the first six characters do), path or file name."
        ),
    ],
    yes: Yes = False,
    file: FlowFileOption = None,
) -> None:
    """Its record, page texts, model answers and lines in every output are removed.

    Its id and cost are kept. Logs hold no document text. The file itself is not touched:
    if it is still in a source folder, the next run processes it again.
    """
    project = project_of(file)
    document_id = _find(project, document)
    confirmed(
        f"Forget the data of {document} ({document_id[:SHORTEST_PREFIX_SHOWN]})? "
        "This cannot be undone",
        yes=yes,
    )
    asyncio.run(_forget(project, document_id))
    typer.echo(f"forgotten: {document_id}; its id and cost are kept")


def _find(project: Project, wanted: str) -> str:
    with project.ledger() as ledger:
        found = ledger.find_documents(wanted)
        if not found and Path(wanted).exists():  # the ledger has paths as a run was given them
            absolute = str(Path(wanted).resolve())
            found = ledger.find_documents(absolute)
    if not found:
        raise CallError(
            f"no document {wanted!r} in the ledger; nothing was removed. "
            "`docmill documents` lists ids and paths."
        )
    if len(found) > 1:
        ids = ", ".join(one[:SHORTEST_PREFIX_SHOWN] for one in found)
        raise CallError(
            f"{wanted!r} matches {len(found)} documents ({ids}); nothing was removed. "
            "Give more characters of the id."
        )
    return found[0]


async def _forget(project: Project, document_id: str) -> None:
    store = PageStore(store_url(project.flow_file, project.folder))
    async with await project.open_ledger() as ledger:
        await forget_document(ledger, project.folder, document_id, store)
