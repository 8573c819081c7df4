"""Prompts: the shipped instructions of each step, and the rule that every request carries."""

import functools
from pathlib import Path

EMPTY_PAGE = "[empty page]"  # what extract.md tells the model to write
_FOLDER = Path(__file__).resolve().parent


@functools.cache
def _text(name: str) -> str:
    return (_FOLDER / f"{name}.md").read_text(encoding="utf-8").strip()


def shipped(step: str) -> str:
    """The prompt of `extract` or `summarise` that is used unless flows.yaml names a file."""
    return _text(step)


def instructions(prompt: str) -> str:
    """The system message: a prompt, the shipped or the user's own, and the rule that document
    content is data."""
    return f"{prompt.strip()}\n\n{_text('data_rule')}"
