"""Confirmation before something is removed.

Asks on a terminal unless `--yes` is given; without a terminal `--yes` is required.
"""

import sys

import typer

from schemas.errors import CallError


def confirmed(question: str, *, yes: bool) -> None:
    """Return when confirmed.

    Raises CallError without a terminal and `--yes`, typer.Abort when the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CallError(
            "this needs confirmation and there is no terminal; nothing was removed. Add --yes."
        )
    typer.confirm(question, abort=True)
