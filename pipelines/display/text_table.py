"""Aligned text tables, the same on a terminal and in a pipe, never truncated."""

from collections.abc import Sequence

import typer

from pipelines.display.printable import printable


def table_lines(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1
) -> list[str]:
    """Headings and rows in columns; the first `left` columns are names and stand left, the others
    are figures and stand right."""
    lines = [list(headings), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    return [
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def print_rows(headings: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    for line in table_lines(headings, rows, left=left):
        typer.echo(line)


def money(dollars: float | None) -> str:
    """US dollars with as many digits as a single page's price needs; "?" where a price is not
    known."""
    if dollars is None:
        return "?"
    # from there on cents are enough
    return f"{dollars:,.2f}" if dollars >= 100 or dollars == 0 else f"{dollars:.4f}"  # noqa: PLR2004
