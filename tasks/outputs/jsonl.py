"""JSON Lines output, one line per document: a DocumentResult as in `docmill run --json`."""

from collections.abc import Iterable
from pathlib import Path

from tasks.ledger.documents.outputs import Entry
from tasks.outputs.atomic import replacing


class JsonLines:
    whole = True

    def write(self, place: Path, entries: Iterable[Entry]) -> None:
        with replacing(place) as file:
            for entry in entries:
                file.write(entry.result + "\n")
