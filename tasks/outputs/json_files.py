"""JSON output, one file per document, named after it.

`scan.pdf` becomes `scan.invoices.3f9a...json`, so that equal names stay apart.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from tasks.ledger.documents.outputs import Entry
from tasks.outputs.atomic import replacing


class JsonFiles:
    whole = False

    def write(self, place: Path, entries: Iterable[Entry]) -> None:
        place.mkdir(parents=True, exist_ok=True)
        for entry in entries:
            file = json_file(place, entry.name)
            text = json.dumps(json.loads(entry.result), ensure_ascii=False, indent=2) + "\n"
            if _content(file) != text.encode():
                with replacing(file) as out:
                    out.write(text)


def json_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
