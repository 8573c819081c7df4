"""Parts of an address: lines -> street, postcode, city, region, country."""

import re
from typing import NamedTuple

from tasks.standards.countries import country_before_postcode, country_named

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
        country = country_named(line)
        if country:
            rest.remove(line)
            break
    for line in reversed(rest):
        found = _postal(line)
        if found is not None:
            street, postcode, city, region, ending = found
            at = rest.index(line)
            rest[at : at + 1] = [street] if street else []
            return AddressParts(tuple(rest), postcode, city, region, country or ending)
    return AddressParts(tuple(rest), country=country)


def one_line(lines: tuple[str, ...]) -> str:
    """The whole address on one line, a comma where a line ended without one."""
    return " ".join(
        line if line.endswith((",", ";")) or last else f"{line},"
        for line, last in zip(lines, [*[False] * (len(lines) - 1), True], strict=True)
    )


def _postal(line: str) -> tuple[str, str, str | None, str | None, str | None] | None:
    text = line.strip(" ,")
    if match := _AMERICAN.match(text):
        return "", match[3], match[1].strip(" ,"), match[2], country_named(match[4] or "")
    if match := _EUROPEAN.match(text):
        return "", match[2], match[3].strip(), None, country_before_postcode(match[1] or "")
    if match := _BRITISH.match(text):
        return "", match[2], (match[1] or "").strip(" ,") or None, None, None
    if match := _INLINE.search(text):
        street = text[: match.start()].strip(" ,-")
        ending = text[match.end() :].strip(" ,-")
        return street, match[1], match[2].strip(" ,"), None, country_named(ending)
    return None
