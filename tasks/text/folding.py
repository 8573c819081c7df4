"""Comparison of texts without case, accents and the confusions of OCR.

Only for comparing; values are never folded.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(r"\w*[^\W_]\w*|[#%№]")
_LOOKALIKES = str.maketrans(
    {
        "0": "o",
        "1": "l",
        "i": "l",
        "|": "l",
        "!": "l",
        "5": "s",
        "8": "b",
        "6": "b",
        "2": "z",
        "9": "g",
    }
)


@lru_cache(maxsize=8192)
def _fold_character(character: str) -> str:
    bare = "".join(
        c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c)
    ).casefold()
    return bare if len(bare) == 1 else character.lower()[:1]


def fold(text: str) -> str:
    """Lower case without accents, one character for each of `text`, so that offsets stay good."""
    return "".join(map(_fold_character, text))


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[str, ...]:
    """Folded words and numbers; `#`, `%` and `№` stand alone, other punctuation falls away. "N°"
    gives "n"."""
    return tuple(_TOKEN.findall(fold(text)))


def word_set(text: str) -> frozenset[str]:
    """The blank-separated words of a table in this package."""
    return frozenset(text.split())


def bare(text: str) -> str:
    """Folded letters and digits only."""
    return "".join(c for c in fold(text) if c.isalnum())


def lookalike(text: str) -> str:
    """`bare`, with characters that OCR takes for each other made one. Equal for "SBH 1O5" and "58H
    105"."""
    return bare(text).translate(_LOOKALIKES).replace("rn", "m")


class Span(NamedTuple):
    """A token of `tokens` and the characters of the text that it came from."""

    token: str
    start: int
    end: int


@lru_cache(maxsize=4096)
def spans(text: str) -> tuple[Span, ...]:
    return tuple(Span(m[0], m.start(), m.end()) for m in _TOKEN.finditer(fold(text)))
