"""Safe printing of file names and document values on a terminal or in a log.

Removes characters that could move the cursor, reverse the text or fake a line.
"""

from unicodedata import category

_LINE_ENDS = ("Zl", "Zp")


def printable(text: str) -> str:
    r"""`text` with each control or format character, line break and broken character written out,
    such as `\x1b`."""
    return text if text.isprintable() else "".join(_printable(character) for character in text)


def _printable(character: str) -> str:
    kind = category(character)
    return (
        character.encode("unicode_escape").decode()
        if kind.startswith("C") or kind in _LINE_ENDS
        else character
    )
