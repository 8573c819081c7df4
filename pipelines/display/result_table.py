"""Table printed at the end of a run.

Lists the documents with their main values and the lowest confidence of each.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Literal

from pipelines.display.printable import printable
from schemas.record import DocumentResult
from schemas.record_path import RecordPath
from tasks.vocabulary.records import Found, invoice_terms

COLUMNS: dict[str, tuple[str, ...]] = {
    "issuer": ("seller.name",),
    "number": ("number",),
    "date": ("issue_date",),
    "total": ("total", "amount_due"),
}
"""What a person looks for first, in the terms of an invoice.

Other schemas show their first fields.
"""

_MOST_OTHER_FIELDS = 4
_NEVER_WRAPPED = (
    "status",
    "number",
    "date",
    "total",
    "confidence",
)  # of no use in halves; names give way on a narrow terminal


def _columns(terms: Sequence[Mapping[str, Found]]) -> dict[str, tuple[str, ...]]:
    return {
        title: names
        for title, names in COLUMNS.items()
        if any(_first(each, names) for each in terms)
    }


def _first(terms: Mapping[str, Found], names: Iterable[str]) -> Found | None:
    """The first of these that is a plain value."""
    found = (terms[name] for name in names if name in terms)
    return next((each for each in found if not isinstance(each.value, Mapping | list)), None)


def result_rows(results: Sequence[DocumentResult]) -> tuple[list[str], list[list[str]]]:
    """Headings and one row a document, in the order of the results."""
    seen = [invoice_terms(result.record or {}) for result in results]
    columns = _columns(seen)
    if not columns:
        first = next((result.record for result in results if result.record), {})
        simple = [name for name, value in first.items() if not isinstance(value, Mapping | list)]
        columns = {name: (name,) for name in simple[:_MOST_OTHER_FIELDS]}
        seen = [
            {
                name: Found(RecordPath((name,)), value)
                for name, value in (result.record or {}).items()
            }
            for result in results
        ]
    rows = []
    for result, terms in zip(results, seen, strict=True):
        shown = {title: _first(terms, names) for title, names in columns.items()}
        cells = [_cell(title, found, terms) for title, found in shown.items()]
        paths = {found.path for found in shown.values() if found}
        row = [PurePath(result.path).name, str(result.status), *cells, _confidence(result, paths)]
        rows.append([printable(cell) for cell in row])
    return ["document", "status", *columns, "confidence"], rows


def _cell(title: str, found: Found | None, terms: Mapping[str, Found]) -> str:
    if found is None or found.value is None:
        return ""
    currency = _first(terms, ("currency",)) if title == "total" else None
    return f"{found.value} {currency.value}" if currency else str(found.value)


def _confidence(result: DocumentResult, shown: Collection[str]) -> str:
    """Of the least certain value shown: a line of an address says little about the total."""
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
