"""Table printed at the end of a run.

Lists the documents with their main values and the lowest confidence of each.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Literal

from pipelines.display.printable import printable
from schemas.record import DocumentResult
from schemas.record_path import RecordPath

COLUMNS: dict[str, tuple[str, ...]] = {
    "issuer": ("seller.name", "company", "issuer", "vendor", "supplier", "merchant", "seller"),
    "number": ("number", "invoice_number", "receipt_number", "reference"),
    "date": ("issue_date", "date", "invoice_date"),
    "total": ("total", "grand_total", "total_amount", "amount_due", "amount"),
}
"""What a person looks for first, and the field names that usually hold it. Other schemas show their
first fields instead."""

_MOST_OTHER_FIELDS = 4
_NEVER_WRAPPED = (
    "status",
    "number",
    "date",
    "total",
    "confidence",
)  # of no use in halves; names give way on a narrow terminal


def _columns(records: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    known = {
        title: paths
        for title, paths in COLUMNS.items()
        if any(_first(record, paths) for record in records)
    }
    if known or not records:
        return known
    simple = [name for name, value in records[0].items() if not isinstance(value, Mapping | list)]
    return {name: (name,) for name in simple[:_MOST_OTHER_FIELDS]}


def _first(record: Mapping[str, Any], paths: Iterable[str]) -> str:
    values = (RecordPath.parse(path).get(record) for path in paths)
    return next(
        (
            str(value)
            for value in values
            if value is not None and not isinstance(value, Mapping | list)
        ),
        "",
    )


def result_rows(results: Sequence[DocumentResult]) -> tuple[list[str], list[list[str]]]:
    """Headings and one row a document, in the order of the results."""
    columns = _columns([result.record for result in results if result.record])
    currency = ("currency",)
    rows = []
    for result in results:
        record = result.record or {}
        cells = []
        for title, paths in columns.items():
            cell = _first(record, paths)
            cells.append(
                f"{cell} {_first(record, currency)}".strip() if title == "total" and cell else cell
            )
        row = [PurePath(result.path).name, str(result.status), *cells, _confidence(result, columns)]
        rows.append([printable(cell) for cell in row])
    return ["document", "status", *columns, "confidence"], rows


def _confidence(result: DocumentResult, columns: Mapping[str, tuple[str, ...]]) -> str:
    """Of the least certain value shown, not of all: a line of an address says little about the
    total."""
    shown = {path for paths in columns.values() for path in paths}
    confidences = [evidence.confidence for evidence in result.evidence if evidence.field in shown]
    return f"{min(confidences):.2f}" if confidences else ""


def print_table(results: Sequence[DocumentResult]) -> None:
    """The table on stdout: coloured on a terminal, aligned text when piped (never cut to a guessed
    width)."""
    from rich.console import Console  # noqa: PLC0415 - only at the end of a run
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from pipelines.display.progress import STATUS_STYLE  # noqa: PLC0415

    headings, rows = result_rows(results)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        justify: Literal["left", "right"] = (
            "right" if heading in ("total", "confidence") else "left"
        )
        table.add_column(
            heading, justify=justify, overflow="fold", no_wrap=heading in _NEVER_WRAPPED
        )
    for result, row in zip(results, rows, strict=True):
        name, _, *cells = row
        table.add_row(
            Text(name),
            Text(result.status, style=STATUS_STYLE[result.status]),
            *(Text(cell) for cell in cells),
        )
    console = Console()
    if not console.is_terminal:
        console = Console(
            width=max(80, *(sum(len(cell) + 2 for cell in row) for row in [headings, *rows]), 200)
        )
    console.print(table)
