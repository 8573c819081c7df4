"""CSV output, one row per document: UTF-8, comma, a header, dotted columns.

For spreadsheets and data frames.

Lists are written as JSON. Text that a spreadsheet would take for a formula gets an apostrophe
before it, because documents come from strangers; JSONL has the exact text.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile

from pydantic import JsonValue

from schemas.record_path import walk
from tasks.ledger.documents.outputs import Entry
from tasks.outputs.atomic import replacing
from tasks.outputs.ownership import NotMadeByDocmillError

DOCUMENT_COLUMNS = ("path", "document_id", "status", "pages", "confidence")


_LONGEST_CELL = 2**31 - 1
_ID_COLUMN = DOCUMENT_COLUMNS.index("document_id")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?\d[\d.,]*([eE][+-]?\d+)?%?")


class CsvTable:
    whole = True

    def documents(self, place: Path) -> Iterator[str]:
        """The ids of the documents in it. Raises NotMadeByDocmillError and OSError."""
        csv.field_size_limit(_LONGEST_CELL)  # the default is less than a long record
        with place.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            header = next(rows, None)
            if header is None:
                return
            if tuple(header[: len(DOCUMENT_COLUMNS)]) != DOCUMENT_COLUMNS:
                raise NotMadeByDocmillError
            try:
                for row in rows:
                    if len(row) != len(header):
                        raise NotMadeByDocmillError
                    yield row[_ID_COLUMN]
            except csv.Error:
                raise NotMadeByDocmillError from None

    def write(self, place: Path, entries: Iterable[Entry]) -> None:
        """Rows pass through a temporary file, because the columns are known only when every record
        has been seen."""
        columns = dict.fromkeys(DOCUMENT_COLUMNS)
        with TemporaryFile("w+", encoding="utf-8") as rows, replacing(place) as out:
            for entry in entries:
                row = row_of(json.loads(entry.result))
                columns |= dict.fromkeys(row)
                rows.write(json.dumps(row) + "\n")
            rows.seek(0)
            table = csv.DictWriter(out, list(columns), lineterminator="\n")
            table.writeheader()
            table.writerows(json.loads(line) for line in rows)


def row_of(result: dict[str, JsonValue]) -> dict[str, str]:
    """Column -> cell of one DocumentResult. A record's field that is named as one of the document's
    columns gets `record.` before it."""
    evidence = result.get("evidence")
    confidences = (
        [value["confidence"] for value in evidence if isinstance(value, dict)]
        if isinstance(evidence, list)
        else []
    )
    row: dict[str, JsonValue] = {name: result.get(name) for name in DOCUMENT_COLUMNS}
    row["confidence"] = min(
        (value for value in confidences if isinstance(value, int | float)), default=None
    )
    for path, value in walk(result.get("record") or {}, into_lists=False):
        name = str(path)
        row[f"record.{name}" if name in DOCUMENT_COLUMNS else name] = value
    return {name: _cell(value) for name, value in row.items()}


def _cell(value: JsonValue) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text) else text
