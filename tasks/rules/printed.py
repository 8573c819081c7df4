"""Rule about the page of an e-invoice: it must show the values of the XML.

A person pays by the page, a program books by the XML.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from schemas.document import PageKind, Word
from schemas.record import Draft, Finding
from tasks.rules.facts import Facts
from tasks.services import Services

MAX_PAGES = (
    50  # number and total stand on the first or last pages; a longer appendix is not searched
)


async def printed_differences(draft: Draft, facts: Facts, services: Services) -> list[Finding]:
    """Number and total of an e-invoice that no page shows. Silent where a page has no readable text
    layer, or pages were left out."""
    wanted = dict(_wanted(facts))
    if not wanted or not draft.pages or draft.page_count > min(len(draft.pages), MAX_PAGES):
        return []
    seen = False
    for handle in draft.pages:
        page = await services.reader.page(draft.document, handle.page_number, ocr=False)
        if page.kind is PageKind.BLANK:
            continue
        if page.kind not in (
            PageKind.TEXT,
            PageKind.TEXT_WITH_PICTURES,
        ):  # somebody's OCR text can be wrong where the page is right
            return []
        seen = True
        wanted = {
            term: pattern
            for term, pattern in wanted.items()
            if not pattern.search(joined(page.words))
        }
        if not wanted:
            return []
    return [_differs(term, facts) for term in wanted] if seen else []


def _differs(term: str, facts: Facts) -> Finding:
    return Finding(
        code="page_differs",
        message=f"the e-invoice's {term} is not printed on any page",
        fields=(facts.terms[term].path,),
    )


def _wanted(facts: Facts) -> Iterator[tuple[str, re.Pattern[str]]]:
    number, total = facts.terms.get("number"), facts.terms.get("total")
    if number and number.path in facts.exact:
        yield "number", number_pattern(str(number.value))
    amount = facts.amount("total")
    if total and total.path in facts.exact and amount is not None:
        yield "total", amount_pattern(amount)


def joined(words: tuple[Word, ...]) -> str:
    return " ".join(word.text for word in words)


def number_pattern(number: str) -> re.Pattern[str]:
    """The letters and digits of an invoice number, whatever stands between them."""
    characters = [re.escape(character) for character in number if character.isalnum()] or [
        re.escape(number)
    ]
    spaced = r"[\W_]*".join(characters)
    return re.compile(rf"(?<![^\W_]){spaced}(?![^\W_])", re.IGNORECASE)


def amount_pattern(amount: Decimal) -> re.Pattern[str]:
    """An amount in any country's writing: 1021.91 is also `1.021,91`, `1 021,91`, `1'021.91`.
    Trailing zeros may lack."""
    digits = f"{abs(amount):f}"
    whole, _, cents = digits.partition(".")
    cents = cents.rstrip("0")
    thousands = f"{int(whole):,}".replace(",", r"[.,'\u2019\s]?")
    zeros = r"0*" if cents else r"(?:[.,]0+|[.,][-\u2013])?"  # a dash stands for no cents
    decimals = rf"\s?[.,]\s?{cents}" if cents else ""
    return re.compile(rf"(?<!\d)(?<!\d[.,]){thousands}{decimals}{zeros}(?!\d)(?![.,]\d)")
