"""What of a file's name or a document's value may go to a terminal or a log? All but what could move the cursor, turn the text round or fake a line."""

from unicodedata import category

_LINE_ENDS = ("Zl", "Zp")


def printable(text: str) -> str:
    r"""`text` with each control or format character, line break and broken character written out, such as `\x1b`."""
    return text if text.isprintable() else "".join(_printable(character) for character in text)


def _printable(character: str) -> str:
    kind = category(character)
    return (
        character.encode("unicode_escape").decode()
        if kind.startswith("C") or kind in _LINE_ENDS
        else character
    )
