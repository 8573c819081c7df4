"""JSON Lines output, one line per document: a DocumentResult as in `docmill run --json`."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tasks.ledger.documents.outputs import Entry
from tasks.outputs.atomic import replacing
from tasks.outputs.ownership import NotMadeByDocmillError


class JsonLines:
    whole = True

    def documents(self, place: Path) -> Iterator[str]:
        """The ids of the documents in it. Raises NotMadeByDocmillError and OSError."""
        with place.open(encoding="utf-8", newline="") as file:
            for line in file:
                yield document_id_of(line)

    def write(self, place: Path, entries: Iterable[Entry]) -> None:
        with replacing(place) as file:
            for entry in entries:
                file.write(entry.result + "\n")


def document_id_of(text: str) -> str:
    """The id in a DocumentResult as JSON. Raises NotMadeByDocmillError."""
    try:
        result = json.loads(text)
    except ValueError:
        raise NotMadeByDocmillError from None
    known = isinstance(result, dict) and "status" in result
    if not known or not isinstance(result.get("document_id"), str):
        raise NotMadeByDocmillError
    return str(result["document_id"])
