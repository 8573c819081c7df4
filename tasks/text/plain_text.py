"""Printed characters as plain ones: digits of every script, blanks, apostrophes, dashes.

The result has exactly as many characters as the text, so a place in one is a place in the other.
"""

import unicodedata
from functools import lru_cache

_PLAIN = {
    **dict.fromkeys("'\u2018\u2019\u201a\u201b\u02b9\u02bb\u02bc\u02bd\u02c8\u0060\u00b4", "'"),
    **dict.fromkeys("\u2032\u2035\uff07\u055a\ua78c\u05f3", "'"),  # primes and look-alikes
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe58\ufe63\uff0d", "-"),
    **dict.fromkeys("\uff0c\u066c\u201a\u060c\ufe50", ","),
    **dict.fromkeys("\uff0e\u066b\ufe52\u2024", "."),
    **dict.fromkeys("\u00b7\u02d9\u22c5\u2219\u2022", "\u00b7"),
    "\u066b": ".",
    "\uffe5": "\u00a5",
    "\uff04": "$",
    "\uff08": "(",
    "\uff09": ")",
    "\uff0f": "/",
    "\uff1a": ":",
    "\uff05": "%",
    "\u066a": "%",
}
_BLANKS = "\u200b\u2060\ufeff\u2007\u2008\u2009\u200a\u202f\u205f\u3000\u00a0\t"


def plain(text: str) -> str:
    """`text` with digits, group marks and signs of any script as their ASCII counterparts."""
    return text if text.isascii() and "`" not in text else "".join(map(_plain_character, text))


@lru_cache(maxsize=4096)
def _plain_character(character: str) -> str:
    if character in _PLAIN:
        return _PLAIN[character]
    if character in _BLANKS or unicodedata.category(character) == "Zs":
        return " "
    digit = unicodedata.digit(character, None)
    # superscripts and circled digits are footnotes and list marks, not parts of a number
    return str(digit) if digit is not None and character.isdecimal() else character
