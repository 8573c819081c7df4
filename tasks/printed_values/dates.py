"""Dates in a text, including which number is the day.

Own tables: months in eight languages, five patterns. (python-dateutil lacks the languages and reads "9.00" as a date; dateparser costs 2 ms a call.)
"""

import re
from datetime import date
from functools import lru_cache
from typing import Literal, NamedTuple

from tasks.text.folding import fold
from tasks.text.plain_text import plain

Order = Literal["dmy", "mdy", "ymd"]

_MONTHS = """\
1 january jan janvier janv januar jaenner januari enero ene gennaio gen janeiro styczen
1 stycznia sty ledna leden ianuarie januar tammikuuta ocak января январь янв
2 february feb fevrier fevr februar februari febrero febbraio fevereiro fev luty lutego lut
2 unora unor februarie februar helmikuuta subat şubat февраля февраль фев
3 march mar mars marz maerz mrz maart mrt marzo marco marzec marca brezna brezen martie marts
3 marcius maaliskuuta mart марта март мар
4 april apr avril avr abril abr aprile kwiecien kwietnia kwi dubna duben aprilie aprilis
4 huhtikuuta nisan апреля апрель апр
5 may mai mei mayo maggio mag maio maj maja kvetna kveten majus toukokuuta mayis mayıs мая май
6 june jun juin juni junio giugno giu junho czerwiec czerwca cze cervna cerven iunie junius
6 kesakuuta haziran июня июнь июн
7 july jul juillet juil juli julio luglio lug julho lipiec lipca lip cervence cervenec iulie
7 julius heinakuuta temmuz июля июль июл
8 august aug aout augustus agosto ago sierpien sierpnia sie augusti srpna srpen augusztus
8 elokuuta agustos августа август авг
9 september sep sept septembre septiembre settembre set setembro wrzesien wrzesnia wrz zari
9 septembrie szeptember syyskuuta eylul сентября сентябрь сен
10 october oct octobre oktober okt octubre ottobre ott outubro out pazdziernik pazdziernika paz
10 rijna rijen octombrie lokakuuta ekim октября октябрь окт
11 november nov novembre noviembre novembro listopad listopada lis noiembrie marraskuuta kasim
11 kasım ноября ноябрь ноя
12 december dec decembre dezember dez diciembre dic dicembre dezembro grudzien grudnia gru
12 prosince prosinec decembrie joulukuuta aralik aralık декабря декабрь дек
"""  # the number of a month and its names; folded when this module is loaded
_MONTH = {
    fold(name): int(line.split()[0]) for line in _MONTHS.splitlines() for name in line.split()[1:]
}
_NAME = "|".join(sorted(_MONTH, key=len, reverse=True))
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925}  # year 1 of each is the next one
_YEAR = r"(?:19|20)\d\d"
_AFTER = r"(?!\d(?!\d?:\d\d))"  # no further digit, unless a time is glued on: 9/3/201820:54
_PATTERNS = (
    ("ymd", re.compile(rf"(?<![\d./-])({_YEAR})\s?([-/.])\s?(\d\d?)\s?\2\s?(\d\d?)(?!\d)")),
    ("numeric", re.compile(rf"(?<![\d./-])(\d\d?)\s?([-/.])\s?(\d\d?)\s?\2\s?(({_YEAR}){_AFTER}|'?\d\d(?=\d\d:\d\d)|'?\d\d(?![\d/-]|\.\d))")),
    ("name_day", re.compile(rf"(?<![^\W\d_])({_NAME})(?![^\W\d_])[\s.-]*(\d\d?)(?:st|nd|rd|th)?\s?[,./-]?\s?({_YEAR}){_AFTER}")),
    ("day_name", re.compile(rf"(?<!\d)(\d\d?)(?:st|nd|rd|th|er|\.|o|a)?[\s./,-]*(?:de |of )?({_NAME})(?![^\W\d_])[\s.,/-]*(?:de |del )?({_YEAR}{_AFTER}|'?\d\d(?![\d:]))")),
    ("cjk", re.compile(rf"({_YEAR}|(?:{'|'.join(_ERAS)})\s?(?:\d\d?|元))\s?[年년]\s?(\d\d?)\s?[月월]\s?(\d\d?)\s?[日일]?")),
    ("year_name_day", re.compile(rf"(?<!\d)({_YEAR})[\s.]+({_NAME})(?![^\W\d_])[\s.]*(\d\d?)(?!\d)")),
    ("compact", re.compile(rf"(?<![\w./-])(\d\d)(\d\d)({_YEAR})(?![\w/-])|(?<![\w./-])({_YEAR})(\d\d)(\d\d)(?![\w/-])")),
)  # fmt: skip

_MISREAD = re.compile(
    r"(?<![a-z0-9])[0-9oil]{1,2}([-/.])[0-9oil]{1,2}\1(?:[0-9oil]{4}|[0-9oil]{2})(?![a-z0-9])"
)  # OCR: "2O/O3/2018", "l5-03-18"
_DIGITS = str.maketrans("oil", "011")
_OLDEST_YEAR_FIRST = 2010  # two digits in front are a year only where they may be a recent one


class FoundDate(NamedTuple):
    """A date at `start`..`end` of a text.

    `month_first` and `year_first` are its other readings: where day and month could change
    places, and where a year of two digits could stand in front.
    """

    start: int
    end: int
    value: date
    month_first: date | None = None
    sure_order: Order | None = (
        None  # evidence for other dates: this one can be read in only one way
    )
    year_first: date | None = None
    compact: bool = False  # eight bare digits: a date only beside a label

    def read_as(self, order: Order) -> date:
        if order == "ymd" and self.year_first:
            return self.year_first
        return self.month_first if order == "mdy" and self.month_first else self.value

    def other_readings(self, order: Order) -> tuple[date, ...]:
        """What it could be as well, without what it is read as under `order`."""
        readings = (self.value, self.month_first, self.year_first)
        chosen = self.read_as(order)
        return tuple(dict.fromkeys(one for one in readings if one and one != chosen))


@lru_cache(maxsize=2048)  # the same segments are looked at for dates, amounts, names and tables
def find_dates(text: str) -> tuple[FoundDate, ...]:
    """All dates in `text`, in order, never overlapping. Years 1900-2099; two digits below 70 are 20xx."""
    if sum(c.isdigit() for c in text) < 3:  # noqa: PLR2004  the shortest: 1 May 19
        return ()
    folded = _MISREAD.sub(lambda match: match[0].translate(_DIGITS), fold(plain(text)))
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
    """Which comes first on this document: dates with one reading decide, else the country."""
    orders: tuple[Order, ...] = ("dmy", "mdy", "ymd")
    counts = {order: found.count(order) for order in orders}
    best = max(counts.values())
    leaders: list[Order] = [order for order, count in counts.items() if best and count == best]
    if len(leaders) == 1:
        return leaders[0]
    return "mdy" if american else "dmy"


def _read(name: str, match: re.Match[str]) -> FoundDate | None:
    start, end = match.span()
    groups = match.groups()
    if name == "numeric":
        return _numeric(start, end, groups[0], groups[2], groups[3])
    if name == "ymd":
        year, month, day = int(groups[0]), int(groups[2]), int(groups[3])
    elif name == "day_name":
        year, month, day = _year(groups[2]), _MONTH[groups[1]], int(groups[0])
    elif name == "name_day":
        year, month, day = int(groups[2]), _MONTH[groups[0]], int(groups[1])
    elif name == "year_name_day":
        year, month, day = int(groups[0]), _MONTH[groups[1]], int(groups[2])
    elif name == "cjk":
        year, month, day = _cjk_year(groups[0]), int(groups[1]), int(groups[2])
    elif groups[2]:
        year, month, day = int(groups[2]), int(groups[1]), int(groups[0])
    else:
        year, month, day = int(groups[3]), int(groups[4]), int(groups[5])
    value = _date(year, month, day)
    return FoundDate(start, end, value, compact=name == "compact") if value else None


def _numeric(start: int, end: int, first: str, second: str, last: str) -> FoundDate | None:
    """Day, month and year in an order that the text alone may not tell."""
    year, short = _year(last), len(last.strip("'")) == 2  # noqa: PLR2004  24-03-05
    day_first = _date(year, int(second), int(first))
    month_first = _date(year, int(first), int(second))
    year_first = (
        _date(_year(first), int(second), int(last.strip("'")))
        if short and len(first) == 2 and _year(first) >= _OLDEST_YEAR_FIRST  # noqa: PLR2004
        else None
    )
    readings = [one for one in (day_first, month_first, year_first) if one]
    if not readings:
        return None
    value = readings[0]
    sure = len(set(readings)) == 1
    order: Order = "dmy" if day_first else "mdy" if month_first else "ymd"
    return FoundDate(
        start,
        end,
        value,
        month_first=month_first if day_first and month_first != day_first else None,
        sure_order=order if sure and day_first != month_first else None,
        year_first=year_first if year_first != value else None,
    )


def _cjk_year(text: str) -> int:
    for era, before in _ERAS.items():
        if text.startswith(era):
            number = text.removeprefix(era).strip()
            return before + (1 if number == "元" else int(number))
    return int(text)


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
