"""`docmill forget DOCUMENT`: erase a document's data; only its id and its cost remain."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.confirm import confirmed
from schemas.errors import CallError

if TYPE_CHECKING:
    from pipelines.loading import Project

SHORTEST_PREFIX_SHOWN = 12


def forget(
    document: Annotated[
        str,
        typer.Argument(
            help="Its id (six first characters are enough), path or file name.", metavar="DOCUMENT"
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="The flows.yaml to use.")
    ] = None,
) -> None:
    """Remove a document's record, page texts and stored answers, and its place in every output. Its
    id and cost stay.

    The file itself is not touched: while it lies in a source folder, the next run takes it up
    again. Logs hold no document text.
    """
    # `docmill --help` must not import it
    from pipelines.loading import find_flow_file, load_project  # noqa: PLC0415

    project = load_project(find_flow_file(file))
    document_id = _find(project, document)
    confirmed(
        f"Forget what {document} ({document_id[:SHORTEST_PREFIX_SHOWN]}) says? It cannot "
        "be brought back",
        yes=yes,
    )
    asyncio.run(_forget(project, document_id))
    typer.echo(f"forgotten: {document_id}; its id and cost are kept")


def _find(project: "Project", wanted: str) -> str:
    from pipelines.loading.places import state_url  # noqa: PLC0415
    from tasks.ledger.documents import listing as documents  # noqa: PLC0415
    from tasks.ledger.read_only import LedgerView  # noqa: PLC0415

    with LedgerView(state_url(project.flow_file), project.folder) as view:
        found = view.read(lambda connection: documents.find(connection, wanted)) or ()
        if (
            not found and Path(wanted).exists()
        ):  # the ledger knows paths as they were given to a run
            absolute = str(Path(wanted).resolve())
            found = view.read(lambda connection: documents.find(connection, absolute)) or ()
    if not found:
        raise CallError(
            f"the ledger knows no document {wanted!r}; nothing was removed. `docmill "
            "documents` lists ids and paths."
        )
    if len(found) > 1:
        ids = ", ".join(one[:SHORTEST_PREFIX_SHOWN] for one in found)
        raise CallError(
            f"{wanted!r} may be any of {len(found)} documents ({ids}); nothing was "
            "removed. Give more of the id."
        )
    return found[0]


async def _forget(project: "Project", document_id: str) -> None:
    from pipelines.loading.places import state_url, store_url  # noqa: PLC0415
    from tasks.documents.page_store import PageStore  # noqa: PLC0415
    from tasks.ledger.ledger import Ledger  # noqa: PLC0415
    from tasks.outputs.forgetting import forget_document  # noqa: PLC0415

    store = PageStore(store_url(project.flow_file, project.folder))
    async with await Ledger.open(state_url(project.flow_file), project.folder) as ledger:
        await forget_document(ledger, project.folder, document_id, store)
