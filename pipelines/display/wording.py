"""Wording of counts: one document, 1,200 documents."""


def counted(number: int, what: str) -> str:
    """`what` is the word for one, with a plain plural."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
