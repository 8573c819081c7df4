"""Countries (ISO 3166-1) by their names in several languages and the letters before postcodes."""

import re

from tasks.text.folding import fold

_COUNTRIES = {
    "DE": "germany deutschland allemagne duitsland alemania germania", "FR": "france frankreich frankrijk francia", "NL": "netherlands nederland niederlande pays-bas paises bajos paesi bassi",
    "BE": "belgium belgie belgique belgien belgica belgio", "ES": "spain espana spanien espagne spanje spagna", "IT": "italy italia italien italie", "AT": "austria osterreich autriche oostenrijk",
    "CH": "switzerland schweiz suisse zwitserland suiza svizzera", "GB": "united kingdom uk england great britain royaume-uni vereinigtes konigreich", "US": "usa united states us etats-unis",
    "IN": "india", "MY": "malaysia", "SG": "singapore", "PL": "poland polska polen pologne", "PT": "portugal", "IE": "ireland", "LU": "luxembourg luxemburg", "DK": "denmark danmark",
    "SE": "sweden sverige", "NO": "norway norge", "CA": "canada", "AU": "australia", "HK": "hong kong hk",
}  # fmt: skip
_TWO_WORDS = (
    "united kingdom",
    "great britain",
    "vereinigtes konigreich",
    "united states",
    "hong kong",
    "pays-bas",
    "paises bajos",
    "paesi bassi",
)
_BY_NAME = {
    name: code
    for code, names in _COUNTRIES.items()
    for name in (*names.split(), *(t for t in _TWO_WORDS if t in names))
}
_BEFORE_POSTCODES = {"A": "AT", "B": "BE", "D": "DE", "E": "ES", "F": "FR", "I": "IT"}  # of cars
_SHORT = frozenset({*_BEFORE_POSTCODES.values(), "NL", "CH"})


def country_named(text: str) -> str | None:
    """The code of the country that the whole of `text` names."""
    return _BY_NAME.get(fold(text).strip(" .,"))


def country_code(text: str) -> str | None:
    """The code of the country that `text` names, or that its last words name."""
    return country_named(text) or country_named(re.split(r"[ ,]+", fold(text).strip(" .,"))[-1])


def country_before_postcode(letters: str) -> str | None:
    """The country of `D-80331` or `FR 75001`."""
    code = _BEFORE_POSTCODES.get(letters, letters)
    return code if code in _SHORT else None
