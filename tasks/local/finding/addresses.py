"""Parts of an address: lines -> street, postcode, city, region, country."""

import re
from typing import NamedTuple

from tasks.printed_values.folding import fold

_COUNTRIES = {
    "DE": "germany deutschland allemagne duitsland " "alemania " "germania", "FR": "france frankreich frankrijk francia", "NL": "netherlands nederland niederlande pays-bas paises bajos paesi bassi",
    "BE": "belgium belgie belgique belgien belgica belgio", "ES": "spain espana spanien espagne spanje spagna", "IT": "italy italia italien italie", "AT": "austria osterreich autriche oostenrijk",
    "CH": "switzerland schweiz suisse zwitserland suiza " "svizzera", "GB": "united kingdom uk england great britain royaume-uni vereinigtes konigreich", "US": "usa united states us etats-unis",
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
_EUROPEAN = re.compile(
    r"^(?:([A-Z]{1,3})[ -])?(\d{4} ?[A-Z]{2}|\d{2}-\d{3}|\d{4,5})\s+([^\d,]{2,})$"
)
_AMERICAN = re.compile(
    r"^([A-Za-z .'-]{2,}),?\s+([A-Z]{2}),?\s+(\d{5}(?:-\d{4})?)(?:,?\s*(\w[\w .]*))?$"
)
_BRITISH = re.compile(r"^(?:(.*?)[, ]+)?([A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})$")
_INLINE = re.compile(r"(?<![\w-])(\d{4} [A-Z]{2}|\d{5,6}|\d{4})\s+([A-Za-zÀ-ÿ][^\d,]*?)(?=$|,| - )")


class AddressParts(NamedTuple):
    lines: tuple[str, ...] = ()
    postcode: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None


def parts_of(lines: tuple[str, ...]) -> AddressParts:
    """Parts of an address given line by line; what cannot be told apart stays in `lines`."""
    rest = list(lines)
    country = None
    for line in reversed(lines[-2:]):
        name = fold(line).strip(" .,")
        if name in _BY_NAME:
            country = _BY_NAME[name]
            rest.remove(line)
            break
    for line in reversed(rest):
        found = _postal(line)
        if found is not None:
            street, postcode, city, region, ending = found
            at = rest.index(line)
            rest[at : at + 1] = [street] if street else []
            return AddressParts(
                tuple(rest),
                postcode,
                city,
                region,
                country or _BY_NAME.get(fold(ending or "").strip(" .")),
            )
    return AddressParts(tuple(rest), country=country)


def country_code(text: str) -> str | None:
    """ISO 3166-1 code of the country that `text` names, or that its last words name."""
    name = fold(text).strip(" .,")
    return _BY_NAME.get(name) or _BY_NAME.get(re.split(r"[ ,]+", name)[-1])


def one_line(lines: tuple[str, ...]) -> str:
    """The whole address on one line, a comma where a line ended without one."""
    return " ".join(
        line if line.endswith((",", ";")) or last else f"{line},"
        for line, last in zip(lines, [*[False] * (len(lines) - 1), True], strict=True)
    )


def _postal(line: str) -> tuple[str, str, str | None, str | None, str | None] | None:
    text = line.strip(" ,")
    if match := _AMERICAN.match(text):
        return "", match[3], match[1].strip(" ,"), match[2], match[4]
    if match := _EUROPEAN.match(text):
        return "", match[2], match[3].strip(), None, _COUNTRY_PREFIX.get(match[1] or "")
    if match := _BRITISH.match(text):
        return "", match[2], (match[1] or "").strip(" ,") or None, None, None
    if match := _INLINE.search(text):
        street = text[: match.start()].strip(" ,-")
        ending = text[match.end() :].strip(" ,-")
        return street, match[1], match[2].strip(" ,"), None, ending
    return None


_COUNTRY_PREFIX = {
    "D": "germany",
    "DE": "germany",
    "F": "france",
    "FR": "france",
    "NL": "nederland",
    "B": "belgium",
    "A": "austria",
    "CH": "switzerland",
    "I": "italia",
    "E": "espana",
}
