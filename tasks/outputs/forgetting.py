"""Erasure of a document: its record, answers, page words and its place in every output."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tasks.outputs.json_files import json_file
from tasks.outputs.targets import target_of_key
from tasks.outputs.views import write_target

if TYPE_CHECKING:
    from tasks.ledger.ledger import Ledger


class KeepsPages(Protocol):
    """The part of the page store that is needed here."""

    async def forget(self, document_id: str) -> None:
        """Removes everything kept of the document's pages; nothing kept is no error."""


async def forget_document(
    ledger: "Ledger", folder: Path, document_id: str, pages: KeepsPages
) -> None:
    """Removes what docmill keeps of a document beside its id, statuses and cost. `folder` is that
    of flows.yaml.

    The file itself and outputs that were copied or moved elsewhere are not touched. Raises
    StateError while it is worked on.
    """
    listed = await ledger.forget(document_id)
    await pages.forget(document_id)
    for entry in listed:
        target = target_of_key(entry.target, folder)
        if target.kind == "json":
            json_file(target.place, entry.entry).unlink(missing_ok=True)
        elif target.place.exists():
            await write_target(ledger, target)
    await ledger.database.truncate_log()
