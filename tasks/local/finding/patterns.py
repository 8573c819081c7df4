"""Values known by their form alone: IBAN, VAT id, BIC, e-mail, web address, telephone."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tasks.layout.rows import Sheet
from tasks.local.finding.candidates import Candidate, candidate
from tasks.printed_values.ids import FoundId, find_bics, find_ibans, find_vat_ids
from tasks.vocabulary.labels import Concept

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"(?:https?://|www\.)[\w./?=&%#-]+[\w/]", re.IGNORECASE)
_NUMBER = r"[^\d+(\n]{0,8}(?P<value>\+?\(?\d[\d ()./-]{6,18}\d)"
_PHONE = re.compile(
    r"\b(?:tel|te1|phone|fon|ph|telefon\w*|telephone|mobile|hp)\b" + _NUMBER, re.IGNORECASE
)
_FAX = re.compile(r"\b(?:tele)?fax\b" + _NUMBER, re.IGNORECASE)


class _Formed(NamedTuple):
    start: int
    end: int
    value: str
    score: float
    why: str


def patterns_on(sheet: Sheet) -> list[Candidate]:
    """Candidates by form, in reading order of their kind; the key is the concept."""
    return [
        candidate(
            sheet,
            segment,
            one.start,
            one.end,
            key=key,
            value=one.value,
            score=one.score,
            why=(one.why,),
        )
        for segment in sheet.segments
        for key, find in _FINDERS.items()
        for one in find(segment.text)
    ]


def _checked(find: Callable[[str], list[FoundId]], form: str) -> Callable[[str], Iterator[_Formed]]:
    def found(text: str) -> Iterator[_Formed]:
        for one in find(text):
            yield _Formed(
                one.start,
                one.end,
                one.value,
                1.0 if one.checked else 0.8,
                "check digits agree" if one.checked else form,
            )

    return found


def _matched(pattern: re.Pattern[str], form: str) -> Callable[[str], Iterator[_Formed]]:
    group = "value" if "value" in pattern.groupindex else 0

    def found(text: str) -> Iterator[_Formed]:
        for match in pattern.finditer(text):
            yield _Formed(match.start(group), match.end(group), match[group].strip(), 0.9, form)

    return found


def _bics(text: str) -> Iterator[_Formed]:
    lowered = text.lower()
    if "bic" in lowered or "swift" in lowered:  # any capital word of eight letters has the form
        for one in find_bics(text):
            yield _Formed(one.start, one.end, one.value, 0.9, "beside its label")


_FINDERS: dict[Concept, Callable[[str], Iterator[_Formed]]] = {
    Concept.IBAN: _checked(find_ibans, "form of an IBAN"),
    Concept.VAT_ID: _checked(find_vat_ids, "form of a VAT id"),
    Concept.BIC: _bics,
    Concept.EMAIL: _matched(_EMAIL, "form of an e-mail address"),
    Concept.URL: _matched(_URL, "form of a web address"),
    Concept.PHONE: _matched(_PHONE, "label and form of a telephone number"),
    Concept.FAX: _matched(_FAX, "label and form of a telephone number"),
}
