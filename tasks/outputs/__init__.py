"""Outputs: one file for each kind.

To add one: one class, one line in `SINKS`, one key in `WriteSettings`.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from tasks.ledger.documents.outputs import Entry
from tasks.outputs.csv_table import CsvTable
from tasks.outputs.json_files import JsonFiles
from tasks.outputs.jsonl import JsonLines


class Sink(Protocol):
    """Writes documents of one output to `place`, atomically. Blocking; raises OSError when the disk
    refuses, and then changes nothing.

    `whole`: the output is one file, rewritten from all its documents; otherwise it is a folder and
    only new ones are given.
    """

    whole: bool

    def documents(self, place: Path) -> Iterator[str]:
        """Ids of the documents in the file at `place`, to see whether it may be overwritten."""

    def write(self, place: Path, entries: Iterable[Entry]) -> None: ...


SINKS: dict[str, Sink] = {"jsonl": JsonLines(), "csv": CsvTable(), "json": JsonFiles()}
"""By the key in `WriteSettings`."""
