"""Which dates does a text hold, and which number is the day?

Own tables: months in eight languages, five patterns. (python-dateutil lacks the languages and reads "9.00" as a date; dateparser costs 2 ms a call.)
"""

import re
from datetime import date
from functools import lru_cache
from typing import Literal, NamedTuple

from tasks.printed_values.folding import fold

Order = Literal["dmy", "mdy"]

_MONTHS: tuple[
    str, ...
] = (  # English, French, German, Dutch, Spanish, Italian, Portuguese, Polish; without accents
    "january jan janvier janv januar jaenner januari enero ene gennaio gen janeiro styczen stycznia sty",
    "february feb fevrier fevr februar februari febrero febbraio fevereiro fev luty lutego lut",
    "march mar mars marz maerz mrz maart mrt marzo marco marzec marca",
    "april apr avril avr abril abr aprile kwiecien kwietnia kwi",
    "may mai mei mayo maggio mag maio maj maja",
    "june jun juin juni junio giugno giu junho czerwiec czerwca cze",
    "july jul juillet juil juli julio luglio lug julho lipiec lipca lip",
    "august aug aout augustus agosto ago sierpien sierpnia sie",
    "september sep sept septembre septiembre settembre set setembro wrzesien wrzesnia wrz",
    "october oct octobre oktober okt octubre ottobre ott outubro out pazdziernik pazdziernika paz",
    "november nov novembre noviembre novembro listopad listopada lis",
    "december dec decembre dezember dez diciembre dic dicembre dezembro grudzien grudnia gru",
)
_MONTH = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_NAME = "|".join(sorted(_MONTH, key=len, reverse=True))
_YEAR = r"(?:19|20)\d\d"
_AFTER = r"(?!\d(?!\d?:\d\d))"  # no further digit, unless a time is glued on: 9/3/201820:54
_PATTERNS = (
    ("ymd", re.compile(rf"(?<![\d./-])({_YEAR})\s?([-/.])\s?(\d\d?)\s?\2\s?(\d\d?)(?!\d)")),
    ("numeric", re.compile(rf"(?<![\d./-])(\d\d?)\s?([-/.])\s?(\d\d?)\s?\2\s?(({_YEAR}){_AFTER}|'?\d\d(?=\d\d:\d\d)|'?\d\d(?![\d/-]|\.\d))")),
    ("name_day", re.compile(rf"(?<![a-z])({_NAME})(?![a-z])[\s.-]*(\d\d?)(?:st|nd|rd|th)?\s?[,./-]?\s?({_YEAR}){_AFTER}")),
    ("day_name", re.compile(rf"(?<!\d)(\d\d?)(?:st|nd|rd|th|er|\.|o|a)?[\s./,-]*(?:de |of )?({_NAME})(?![a-z])[\s.,/-]*(?:de |del )?({_YEAR}{_AFTER}|'?\d\d(?![\d:]))")),
    ("compact", re.compile(rf"(?<![\w./-])(\d\d)(\d\d)({_YEAR})(?![\w/-])|(?<![\w./-])({_YEAR})(\d\d)(\d\d)(?![\w/-])")),
)  # fmt: skip

_MISREAD = re.compile(
    r"(?<![a-z0-9])[0-9oil]{1,2}([-/.])[0-9oil]{1,2}\1(?:[0-9oil]{4}|[0-9oil]{2})(?![a-z0-9])"
)  # OCR: "2O/O3/2018", "l5-03-18"
_DIGITS = str.maketrans("oil", "011")


class FoundDate(NamedTuple):
    """A date at `start`..`end` of a text. `month_first` is its other reading where day and month could change places."""

    start: int
    end: int
    value: date
    month_first: date | None = None
    sure_order: Order | None = (
        None  # evidence for other dates: this one can be read in only one way
    )
    compact: bool = False  # eight bare digits: a date only beside a label

    def read_as(self, order: Order) -> date:
        return self.month_first if order == "mdy" and self.month_first else self.value


@lru_cache(maxsize=2048)  # the same segments are looked at for dates, amounts, names and tables
def find_dates(text: str) -> tuple[FoundDate, ...]:
    """All dates in `text`, in order, never overlapping. Years 1900-2099; two digits below 70 are 20xx."""
    if sum(c.isdigit() for c in text) < 3:  # noqa: PLR2004  the shortest: 1 May 19
        return ()
    folded = _MISREAD.sub(lambda match: match[0].translate(_DIGITS), fold(text))
    found: list[FoundDate] = []
    for name, pattern in _PATTERNS:
        for match in pattern.finditer(folded):
            if any(match.start() < f.end and f.start < match.end() for f in found):
                continue
            reading = _read(name, match)
            if reading is not None:
                found.append(reading)
    return tuple(sorted(found, key=lambda f: f.start))


def parse_date(text: str, order: Order = "dmy") -> date | None:
    """The one date that `text` begins with, or None."""
    found = find_dates(text.strip())
    return found[0].read_as(order) if found and found[0].start == 0 else None


def order_of(found: list[Order], *, american: bool) -> Order:
    """Which comes first on this document: dates that can be read in one way decide, else the country."""
    if found and found.count("mdy") != found.count("dmy"):
        return "mdy" if found.count("mdy") > found.count("dmy") else "dmy"
    return "mdy" if american else "dmy"


def _read(name: str, match: re.Match[str]) -> FoundDate | None:
    start, end = match.span()
    groups = match.groups()
    if name == "numeric":
        return _numeric(start, end, int(groups[0]), int(groups[2]), _year(groups[3]))
    if name == "ymd":
        year, month, day = int(groups[0]), int(groups[2]), int(groups[3])
    elif name == "day_name":
        year, month, day = _year(groups[2]), _MONTH[groups[1]], int(groups[0])
    elif name == "name_day":
        year, month, day = int(groups[2]), _MONTH[groups[0]], int(groups[1])
    elif groups[2]:
        year, month, day = int(groups[2]), int(groups[1]), int(groups[0])
    else:
        year, month, day = int(groups[3]), int(groups[4]), int(groups[5])
    value = _date(year, month, day)
    return FoundDate(start, end, value, compact=name == "compact") if value else None


def _numeric(start: int, end: int, first: int, second: int, year: int) -> FoundDate | None:
    day_first, month_first = _date(year, second, first), _date(year, first, second)
    if day_first and month_first:
        return FoundDate(start, end, day_first, month_first if month_first != day_first else None)
    if day_first:
        return FoundDate(start, end, day_first, sure_order="dmy")
    return FoundDate(start, end, month_first, sure_order="mdy") if month_first else None


def _year(text: str) -> int:
    number = int(text.strip("'"))
    if number > 99:  # noqa: PLR2004  two digits end there
        return number
    return number + (2000 if number < 70 else 1900)  # noqa: PLR2004  the usual pivot


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
