"""Seller and buyer: names and addresses by label, legal form and place on the page."""

import re
from typing import NamedTuple

from tasks.layout.rows import Segment, Sheet
from tasks.local.finding.address_lines import (
    address_lines,
    ends_block,
    has_postcode,
    lines_under,
    looks_like_address,
)
from tasks.local.finding.addresses import parts_of
from tasks.local.finding.candidates import Remainder, after_label, candidate
from tasks.local.finding.company_names import LEGAL_FORM, SURE_LEGAL_FORM, clean_name, is_junk
from tasks.local.finding.letterhead import letterhead
from tasks.local.finding.party_block import PartyBlock
from tasks.printed_values.money import find_amounts
from tasks.text.folding import fold, spans, tokens
from tasks.vocabulary.labels import Concept, LabelBook, Match

NAME_KEYS = (Concept.SELLER_NAME, Concept.BUYER_NAME, Concept.DELIVERY_NAME)
_STAFF_NUMBER = re.compile(r"[A-Z]{1,4}\d{2,}")  # "Sold by: BD1187 ..." is a clerk
_NAME_LABELS = ("name", "firma", "nom", "naam", "nombre", "nome")
_FULL_LABEL = (
    6  # letters: "vendor" is a label by itself, "to" and "from" are words of every sentence
)
_LONGEST_NAME = 6  # words
_MONEY_GOES_TO = (
    "remit to",
    "pay to",
    "payee",
    "payable to",
)  # often a lockbox or a factor, not the seller


class _NamePlace(NamedTuple):
    segment: Segment
    start: int  # character where the name begins
    lines: list[Segment]  # of the block below it
    share: float  # how good the place is, 0..1


def parties_on(sheet: Sheet, book: LabelBook) -> list[PartyBlock]:
    """Every party the page may name, sellers, buyers and receivers, unordered."""
    labelled = _labelled(sheet, book)
    taken = {id(segment) for _, segments in labelled for segment in segments}
    blocks = [block for block, _ in labelled]
    if sheet.page_number == 1:
        blocks += letterhead(sheet, book, taken)
        blocks += _in_window(sheet, book, taken)
    return blocks + _by_legal_form(sheet, book, taken)


def _labelled(sheet: Sheet, book: LabelBook) -> list[tuple[PartyBlock, list[Segment]]]:
    """Blocks beside or below a party's label, with the segments they take."""
    found: list[tuple[PartyBlock, list[Segment]]] = []
    for segment in sheet.segments:
        pieces = spans(segment.text)
        match = next(
            (
                m
                for m in book.matches([p.token for p in pieces])
                if m.key in NAME_KEYS and m.start == 0
            ),
            None,
        )
        if match is None or not _is_label(
            segment.text[pieces[match.end - 1].end :].strip(), match, len(pieces)
        ):
            continue
        phrase = " ".join(p.token for p in pieces[match.start : match.end])
        strength = (
            0.6 if phrase in _MONEY_GOES_TO else 0.95 if match.letters >= _FULL_LABEL else 0.8
        )
        named = _named_in_section(sheet, segment) if match.end == len(pieces) else None
        place = named or next(
            filter(
                None,
                (
                    _name_at(sheet, rest, book)
                    for rest in after_label(sheet, segment, pieces, match)
                ),
            ),
            None,
        )
        if place is not None:
            block = _block(
                sheet, match.key, place, book, strength * place.share, (f"label `{phrase}`",)
            )
            found.append((block, [place.segment, *place.lines]))
    return found


def _is_label(rest: str, match: Match, words: int) -> bool:
    """Whether the words at the begin of a segment label what follows (`rest`), or only look like a
    label."""
    if LEGAL_FORM.fullmatch(fold(rest)) or rest.startswith(("-", "/")):
        return False  # "Lieferant GmbH" is a name, "Seller-IBAN" a number
    if not rest or rest.startswith(":"):
        return True
    return (
        match.letters >= _FULL_LABEL and match.end >= words - _LONGEST_NAME
    )  # "to", "name" need a colon; running text is no label


def _name_at(sheet: Sheet, rest: Remainder, book: LabelBook) -> _NamePlace | None:
    """The name that stands where the label points to, unless another label or an address stands
    there."""
    name, lines, start = rest.segment, lines_under(sheet, rest.segment), rest.start
    if rest.relation == "below":
        while lines and (name.text.startswith("(") or ends_block(name, book)):
            name, lines, start = lines[0], lines[1:], 0
    if is_junk(name) or not name.text[start:].strip() or _STAFF_NUMBER.match(name.text[start:]):
        return None
    numbered_address = bool(find_amounts(name.text)) and looks_like_address(name.text)
    if rest.relation != "same" and (_begins_with_label(name, book) or numbered_address):
        return None
    return _NamePlace(name, start, lines, {"same": 1.0, "right": 0.8, "below": 0.9}[rest.relation])


def _begins_with_label(segment: Segment, book: LabelBook) -> bool:
    words = tokens(segment.text)
    return any(
        m.start == 0 and m.letters > 3 and (":" in segment.text or m.end == len(words))
        for m in book.matches(words)
    )


def _named_in_section(sheet: Sheet, head: Segment) -> _NamePlace | None:
    """A heading such as "Seller" over rows "Name: ...", "Address: ..."."""
    for row in sheet.rows[head.row + 1 : head.row + 5]:
        if len(row) > 1 and " ".join(tokens(row[0].text)) in _NAME_LABELS:
            return _NamePlace(row[1], 0, lines_under(sheet, row[1]), 1.0)
    return None


def _block(
    sheet: Sheet, key: str, place: _NamePlace, book: LabelBook, score: float, why: tuple[str, ...]
) -> PartyBlock:
    segment = place.segment
    text = clean_name(segment.text[place.start :])
    person = candidate(
        sheet, segment, place.start, len(segment.text), key=key, value=text, score=score, why=why
    )
    return PartyBlock(key, person, address_lines(sheet, place.lines, book), score)


def _in_window(sheet: Sheet, book: LabelBook, taken: set[int]) -> list[PartyBlock]:
    """Blocks that look like the receiver of a letter: a name, a street, a line with postcode and
    place, in the upper half."""
    found = []
    seen: set[int] = set()
    for segment in sheet.segments:
        if (
            not 0.05 < segment.y0 / sheet.height < 0.45
            or id(segment) in taken | seen
            or len(segment.tokens) > 8
        ):
            continue
        lines = lines_under(sheet, segment, 6)
        seen.update(id(line) for line in lines)
        name = segment
        while lines and (
            is_junk(name) or has_postcode(name.text) or ends_block(name, book)
        ):  # the sender's own line above the window
            name, lines = lines[0], lines[1:]
        address = address_lines(sheet, lines, book)
        if (
            len(address) > 1
            and not (
                name.text.endswith((".", "!")) and not LEGAL_FORM.search(fold(name.text))
            )  # a slogan
            and not is_junk(name)
            and not looks_like_address(name.text)
            and parts_of(tuple(str(a.value) for a in address)).postcode
        ):
            person = candidate(
                sheet,
                name,
                0,
                len(name.text),
                key=Concept.BUYER_NAME,
                value=clean_name(name.text),
                score=0.4,
                why=("address block",),
            )
            found.append(PartyBlock(Concept.BUYER_NAME, person, address, 0.4))
    return found


def _by_legal_form(sheet: Sheet, book: LabelBook, taken: set[int]) -> list[PartyBlock]:
    found = []
    for segment in sheet.segments:
        if id(segment) in taken or len(segment.tokens) > 25:
            continue
        legal = SURE_LEGAL_FORM.search(fold(segment.text))
        if legal is None or legal.start() < 3:
            continue
        tail = segment.text[legal.end() :]
        full = LEGAL_FORM.match(fold(segment.text), legal.start())
        end = max(legal.end(), full.end() if full else 0)
        text = clean_name(segment.text[:end])
        if _begins_with_label(segment, book) or len(text.split()) > 8 or not text[:1].isalnum():
            continue
        share = segment.y0 / sheet.height
        score = 0.72 if share < 0.3 else 0.55 if share > 0.8 else 0.45
        score -= 0.1 if len(tail.split()) > 4 and not re.match(r"\W*[-\u2013●|·(,]", tail) else 0
        score -= 0.05 * (sheet.page_number > 1)
        name = candidate(
            sheet,
            segment,
            0,
            end,
            key=Concept.SELLER_NAME,
            value=text,
            score=score,
            why=("legal form",),
        )
        found.append(
            PartyBlock(
                Concept.SELLER_NAME,
                name,
                address_lines(sheet, lines_under(sheet, segment, 9), book),
                score,
            )
        )
    return found
