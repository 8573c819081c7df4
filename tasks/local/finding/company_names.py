"""Names of companies: their legal forms, what is cut off a name, and what is no name."""

import re

from tasks.layout.rows import Segment
from tasks.local.finding.address_lines import TITLES
from tasks.printed_values.dates import find_dates
from tasks.text.folding import bare, fold

LEGAL_FORM = re.compile(
    r"(?<![A-Za-z])(?:gmbh(?: ?& ?co\.? ?kgaa?)?|ag|kg|ohg|ug|e\.? "
    r"?k\.?|ltd|limited|llc|l\.l\.c|inc|incorporated|corp|corporation|company|plc|llp|s\.?a\.?s|s\.?a\.?r\.?l|sarl|eurl|sasu|s\.a|"
    r"b\.? ?v|n\.?v|s\.?r\.?l\.?s?|s\.?p\.?a|s\.?l\.?u?|s\.? ?r\.? ?l|sdn\.? "
    r"?bhd|sdn|bhd|berhad|pte|pvt|pty|oy|oyj|ab|a/s|aps|sp\. ?z ?o\.? "
    r"?o|vof|trading|enterprise|ent)\b\.?(?: ?(?:bhd|ltd|limited)\b\.?)?",
)
SURE_LEGAL_FORM = re.compile(
    r"(?<![a-z])(?:gmbh|ltd|limited|llc|inc|corp|corporation|plc|sas|sarl|eurl|b\.? "
    r"?v|s\.?r\.?l|s\.?p\.?a|sdn\.? ?bhd|berhad|pte|pvt|pty|ag|kg|s\.l|n\.v)\b\.?"
)
_REGISTER = re.compile(
    r"\s*[(\[]?\s*(?:co(?:mpany)?\.? ?(?:reg)?\.? ?no\.?:?|reg\.? "
    r"?no\.?:?|roc:?)?\s*[(\[]?[A-Z]{0,3}\d{4,}[\dA-Z-]*\s*[)\]]?.*$",
    re.IGNORECASE,
)
_LEAST_NAME = 3  # letters


def clean_name(text: str) -> str:
    """A company's name without register number, label marks and trailing punctuation."""
    name = re.sub(r"^[\s:;,.*#-]+", "", text)
    stripped = _REGISTER.sub("", name)
    name = stripped if len(bare(stripped)) > 2 else name
    return name.strip(" ,;:*-(")


def is_junk(segment: Segment) -> bool:
    """No name: a title, a number, a date, a rule of stars."""
    text = bare(segment.text)
    letters = sum(c.isalpha() for c in text)
    return (
        segment.text.endswith(":")
        or LEGAL_FORM.fullmatch(fold(segment.text.strip(" .,"))) is not None
        or letters < _LEAST_NAME
        or letters < 0.5 * len(text)
        or text in TITLES
        or bool(find_dates(segment.text))
        or text.rstrip("s") in TITLES
    )
