"""The seller in the first lines of the first page, without a label."""

import re
from dataclasses import replace
from itertools import pairwise

from tasks.layout.rows import Segment, Sheet
from tasks.local.finding.address_lines import (
    address_lines,
    aligned,
    ends_block,
    is_register_number,
    looks_like_address,
)
from tasks.local.finding.candidates import candidate
from tasks.local.finding.company_names import LEGAL_FORM, SURE_LEGAL_FORM, clean_name, is_junk
from tasks.local.finding.party_block import PartyBlock
from tasks.text.folding import fold
from tasks.vocabulary.labels import Concept, LabelBook


def letterhead(sheet: Sheet, book: LabelBook, taken: set[int]) -> list[PartyBlock]:
    """The first lines of the first page: on till receipts and letterheads, the name of who issues
    it."""
    top = [
        row[0] for row in sheet.rows if row[0].y0 < 0.45 * sheet.height and id(row[0]) not in taken
    ]
    places = _name_places(top[:8], book)
    if not places:
        return []
    best = next(
        (p for p in places if SURE_LEGAL_FORM.search(fold(_whole_name(top, p)[0]))), places[0]
    )
    name, used = _whole_name(top, best)
    score = (
        0.78
        if SURE_LEGAL_FORM.search(fold(name))
        else 0.4
        if len(name.split()) > 5
        else 0.6
        if best == 0
        else 0.52
    )
    under = [
        s
        for s in top[best + used : best + used + 10]
        if len(sheet.rows[s.row]) == 1 or aligned(top[best], s)
    ]
    under = under[
        : next(
            (
                n
                for n, (a, b) in enumerate(pairwise([top[best + used - 1], *under]))
                if b.y0 - a.y1 > 1.6 * a.height
            ),
            len(under),
        )
    ]
    words = tuple(token.word for segment in top[best : best + used] for token in segment.tokens)
    whole = candidate(
        sheet,
        top[best],
        0,
        len(top[best].text),
        key=Concept.SELLER_NAME,
        value=name,
        score=score,
        why=("first lines of the page",),
    )
    return [
        PartyBlock(
            Concept.SELLER_NAME,
            replace(whole, words=words),
            address_lines(sheet, under, book),
            score,
        )
    ]


def _name_places(top: list[Segment], book: LabelBook) -> list[int]:
    """Which of the first lines may be a name: those before the address and the first label."""
    places: list[int] = []
    for place, segment in enumerate(top):
        legal = LEGAL_FORM.search(fold(segment.text)) is not None
        if ends_block(segment, book) and not legal:
            if places or place > 3:
                break
        elif (
            places
            and looks_like_address(segment.text)
            and not legal
            and not SURE_LEGAL_FORM.search(fold(_whole_name(top, place)[0]))
        ):
            break
        elif not is_junk(segment) and not is_register_number(segment.text):
            places.append(place)
    return places


def _whole_name(top: list[Segment], place: int) -> tuple[str, int]:
    """The name that begins on a line, and how many lines it takes: the second may be only the legal
    form."""
    name = clean_name(top[place].text)
    if place + 1 < len(top) and not SURE_LEGAL_FORM.search(fold(name)):
        second = clean_name(top[place + 1].text)
        if re.fullmatch(
            r"(?:&? ?co\b\.?|\W|m\b|malaysia\b|trading\b|enterprise\b)*"
            + SURE_LEGAL_FORM.pattern
            + r".{0,6}",
            fold(second),
        ):
            return f"{name} {second}", 2
    return name, 1
