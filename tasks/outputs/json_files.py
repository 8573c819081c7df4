"""JSON output, one file per document, named after it.

`scan.pdf` becomes `scan.invoices.3f9a...json`, so that equal names stay apart.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tasks.ledger.documents.outputs import Entry
from tasks.outputs.atomic import replacing
from tasks.outputs.jsonl import document_id_of
from tasks.outputs.ownership import NotMadeByDocmillError, refuse_other_than_files


class JsonFiles:
    whole = False

    def documents(self, place: Path) -> Iterator[str]:
        """None: each file is compared when it is written."""
        if place.exists() and not place.is_dir():
            raise NotMadeByDocmillError
        yield from ()

    def write(self, place: Path, entries: Iterable[Entry]) -> None:
        place.mkdir(parents=True, exist_ok=True)
        for entry in entries:
            file = json_file(place, entry.name)
            text = json.dumps(json.loads(entry.result), ensure_ascii=False, indent=2) + "\n"
            old = _content(file)
            if old is not None and document_id_of(old) != json.loads(entry.result)["document_id"]:
                raise NotMadeByDocmillError(file)
            if old != text:
                with replacing(file) as out:
                    out.write(text)


def json_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _content(file: Path) -> str | None:
    refuse_other_than_files(file)
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
