"""Confirmation before something is removed.

Asks on a terminal unless `--yes` is given; without a terminal `--yes` is required.
"""

import sys

import typer

from schemas.errors import CallError


def confirmed(question: str, *, yes: bool) -> None:
    """Returns when it may go on. Raises CallError without a terminal and without `--yes`,
    typer.Abort when the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise CallError(
            "this removes something and there is no terminal to ask at; nothing was "
            "removed. Add --yes."
        )
    typer.confirm(question, abort=True)
