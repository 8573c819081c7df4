"""Who issues the paper, who receives it, and where are they? Names and addresses by label, legal form, and place on the page."""

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from tasks.local.addresses import country_code, parts_of
from tasks.local.candidates import Candidate, after_label, candidate
from tasks.local.dates import find_dates
from tasks.local.folding import bare, fold, spans, tokens
from tasks.local.labels import Concept, LabelBook
from tasks.local.money import find_amounts
from tasks.local.reading import Segment, Sheet

NAME_KEYS = (Concept.SELLER_NAME, Concept.BUYER_NAME, Concept.DELIVERY_NAME)
_LEGAL = re.compile(
    r"(?<![A-Za-z])(?:gmbh(?: ?& ?co\.? ?kgaa?)?|ag|kg|ohg|ug|e\.? ?k\.?|ltd|limited|llc|l\.l\.c|inc|incorporated|corp|corporation|company|plc|llp|s\.?a\.?s|s\.?a\.?r\.?l|sarl|eurl|sasu|s\.a|"
    r"b\.? ?v|n\.?v|s\.?r\.?l\.?s?|s\.?p\.?a|s\.?l\.?u?|s\.? ?r\.? ?l|sdn\.? ?bhd|sdn|bhd|berhad|pte|pvt|pty|oy|oyj|ab|a/s|aps|sp\. ?z ?o\.? ?o|vof|trading|enterprise|ent)\b\.?(?: ?(?:bhd|ltd|limited)\b\.?)?",
)
_STRONG_LEGAL = re.compile(
    r"(?<![a-z])(?:gmbh|ltd|limited|llc|inc|corp|corporation|plc|sas|sarl|eurl|b\.? ?v|s\.?r\.?l|s\.?p\.?a|sdn\.? ?bhd|berhad|pte|pvt|pty|ag|kg|s\.l|n\.v)\b\.?"
)
_REGISTER = re.compile(
    r"\s*[(\[]?\s*(?:co(?:mpany)?\.? ?(?:reg)?\.? ?no\.?:?|reg\.? ?no\.?:?|roc:?)?\s*[(\[]?[A-Z]{0,3}\d{4,}[\dA-Z-]*\s*[)\]]?.*$",
    re.IGNORECASE,
)
_TITLES = frozenset(
    [
        "invoice",
        "taxinvoice",
        "receipt",
        "officialreceipt",
        "cashbill",
        "cashreceipt",
        "cashsales",
        "bill",
        "statement",
        "facture",
        "rechnung",
        "factuur",
        "factura",
        "fattura",
        "quittung",
        "beleg",
        "ticket",
        "recu",
        "bon",
        "reçu",
        "copy",
        "original",
        "duplicate",
        "welcome",
        "thankyou",
        "customercopy",
        "simplifiedtaxinvoice",
        "retailinvoicesbill",
        "retailinvoice",
        "proforma",
        "creditnote",
        "gutschrift",
        "avoir",
        "page",
        "officialbillinginvoice",
        "deliverynote",
        "tax",
        "invoicetax",
        "receipttax",
    ]
)
_STREET = re.compile(
    r"\b(?:street|str|st|road|rd|avenue|ave|lane|ln|drive|dr|blvd|boulevard|highway|hwy|suite|floor|unit|block|blk|level|lot|plot|po box|p\.o\. box|plaza|mall|complex|centre|center|park|"
    r"jalan|jln|jl|taman|tmn|lorong|lrg|persiaran|bandar|kampung|kg|seksyen|section|batu|lebuh|lebuhraya|wisma|menara|pusat|kawasan|desa|"
    r"rue|chemin|place|allee|impasse|quai|cedex|bp|zac|zi|strasse|platz|weg|gasse|ring|damm|ufer|postfach|straat|laan|plein|gracht|kade|postbus|calle|avda|avenida|plaza|paseo|carrer|apartado|"
    r"via|viale|piazza|corso|vicolo|largo|no)\b|strasse\b|straße\b|str\.|straat\b|weg \d|laan \d"
)
_POSTCODE = re.compile(
    r"(?<![\w-])(?:[A-Z]{1,2}[- ])?(\d{5}(?:-\d{4})?|\d{4} ?[A-Z]{2}|\d{4}|\d{6}|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d)(?![\w-])"
)
_PLACES = re.compile(
    r"\b(?:selangor|kuala lumpur|k\.l|kl|johor|penang|perak|melaka|malacca|sabah|sarawak|pahang|kedah|kelantan|negeri sembilan|darul ehsan|terengganu|malaysia|singapore|india|usa|"
    r"united states|united kingdom|england|germany|deutschland|france|nederland|netherlands|belgium|belgie|belgique|espana|spain|italia|italy|austria|osterreich|schweiz|switzerland|suisse)\b"
)
_STOP_KEYS = frozenset(
    {Concept.PHONE, Concept.FAX, Concept.EMAIL, Concept.URL, Concept.TAX_NUMBER, Concept.VAT_ID, Concept.REGISTRATION_NUMBER, Concept.NUMBER, Concept.ISSUE_DATE, Concept.DUE_DATE,
     Concept.IBAN, Concept.BIC, Concept.ORDER_NUMBER, Concept.CUSTOMER_NUMBER, Concept.PAYMENT_TERMS, Concept.CONTACT, Concept.TIME, Concept.QUANTITY, Concept.BUYER_NAME,
     Concept.DELIVERY_NAME, Concept.ORDER_DATE, Concept.DELIVERY_DATE, Concept.PAYMENT_METHOD, Concept.CURRENCY}
)  # fmt: skip
_DIGIT_RUN = re.compile(r"\+?\d[\d ()/.+-]{6,}")
_POSTCODE_PLACE = re.compile(r"\b\d{5,6},? +[A-Za-z]{3,}")
_MONEY_GOES_TO = ("remit to", "pay to", "payee", "payable to")  # often a lockbox or a factor, not the seller
_ADDRESS_LABEL = re.compile(r"^\s*(?:address|addr|adresse|anschrift|adres|direcci[oó]n|indirizzo)\s*[.:]+\s*", re.IGNORECASE)
_MOST_LINES = 7


@dataclass(frozen=True, slots=True)
class PartyBlock:
    """A party as printed: its name and the lines of its address, each a candidate of its own. Either may be missing."""

    key: str
    name: Candidate | None
    lines: tuple[Candidate, ...]
    score: float


def parties_on(sheet: Sheet, book: LabelBook) -> list[PartyBlock]:
    """Every party the page may name, sellers, buyers and receivers, unordered."""
    labelled = _labelled(sheet, book)
    taken = {id(segment) for _, segments in labelled for segment in segments}
    blocks = [block for block, _ in labelled]
    if sheet.page_number == 1:
        blocks += _head(sheet, book, taken)
        blocks += _in_window(sheet, book, taken)
    return blocks + _by_legal_form(sheet, book, taken)


def clean_name(text: str) -> str:
    """A company's name without register number, label marks and trailing punctuation."""
    name = re.sub(r"^[\s:;,.*#-]+", "", text)
    stripped = _REGISTER.sub("", name)
    name = stripped if len(bare(stripped)) > 2 else name  # noqa: PLR2004  nothing but a number was left
    return name.strip(" ,;:*-(")


def _is_junk(segment: Segment) -> bool:
    """No name: a title, a number, a date, a rule of stars."""
    text = bare(segment.text)
    letters = sum(c.isalpha() for c in text)
    return (
        segment.text.endswith(":")
        or letters < 3
        or letters < 0.5 * len(text)
        or text in _TITLES
        or bool(find_dates(segment.text))
        or text.rstrip("s") in _TITLES
    )


def _other_party(segment: Segment, book: LabelBook) -> bool:
    return any(
        m.start == 0 and m.letters > 3 and m.key in (Concept.BUYER_NAME, Concept.DELIVERY_NAME) for m in book.matches(tokens(segment.text))
    )


def _stops(segment: Segment, book: LabelBook) -> bool:
    """The line begins with a label: the address above it has ended."""
    words = tokens(segment.text)
    if any(sum(c.isdigit() for c in run) >= 8 for run in _DIGIT_RUN.findall(segment.text)) and not _POSTCODE_PLACE.search(segment.text):  # noqa: PLR2004  telephone numbers
        return True
    if bare(segment.text) in _TITLES or "@" in segment.text or "www." in segment.text.lower() or find_dates(segment.text):
        return True
    start = [m for m in book.matches(words) if m.start == 0 and m.letters > 2 and m.key in _STOP_KEYS]  # noqa: PLR2004  "no", "n" begin addresses too
    digits = any(c.isdigit() for c in segment.text)
    return any(m.end == len(words) or ":" in segment.text or "#" in segment.text or digits or m.end - m.start > 1 for m in start)


def looks_like_address(text: str) -> bool:
    """It holds a street word with a number, a postcode with a place, or a region's name."""
    folded = fold(text)
    digits = any(c.isdigit() for c in text)
    return (
        (digits and _STREET.search(folded) is not None)
        or (_POSTCODE.search(text) is not None and sum(c.isalpha() for c in text) > 3)  # noqa: PLR2004  a place has a name
        or _PLACES.search(folded) is not None
        or re.match(r"^\W*(?:no\.? ?)?\d{1,5}[a-z]?(?:-\d{1,3}[a-z]?)?\s?,", folded) is not None
        or re.match(r"^\W*\d{1,5}[A-Za-z]?\s?[,/ -]\s?\S*[A-Za-z]{3}", text) is not None
        or re.search(r"[A-Za-z]{4,}\s\d{1,4}\s?[a-z]?$", text) is not None
    )


def _is_register_number(text: str) -> bool:
    return re.fullmatch(r"\W*(?:[A-Za-z]{0,4}\W{0,2}){0,2}\d{5,}\W?\d*\W?[A-Za-z]?\W*", text.strip()) is not None


def lines_under(sheet: Sheet, start: Segment, most: int = _MOST_LINES) -> list[Segment]:
    """The lines of the block that `start` begins, without it: aligned with it, without a blank line between."""
    found: list[Segment] = []
    last = start
    for row in sheet.rows[start.row + 1 : start.row + 2 * most]:
        fitting = [s for s in row if _aligned(start, s)]
        if not fitting:
            if row[0].y0 - last.y1 > 1.2 * last.height:
                break
            continue
        segment = min(fitting, key=lambda s: abs(s.x0 - start.x0))
        if segment.y0 - last.y1 > 1.6 * max(last.height, segment.height):
            break
        found.append(segment)
        last = segment
        if len(found) == most:
            break
    return found


def _aligned(a: Segment, b: Segment) -> bool:
    slack = 2.5 * max(a.height, b.height)
    return abs(a.x0 - b.x0) < slack or abs((a.x0 + a.x1) - (b.x0 + b.x1)) / 2 < slack


def _address_lines(sheet: Sheet, lines: list[Segment], book: LabelBook) -> tuple[Candidate, ...]:
    """Of the lines under a name, those of the address."""
    chosen: list[Segment] = []
    for segment in lines:
        text = segment.text
        if not chosen and (_is_register_number(text) or re.fullmatch(r"\(.*\)", text.strip())):
            continue
        if _stops(segment, book):
            if chosen or _other_party(segment, book):
                break
            continue
        if not chosen and not looks_like_address(text):
            continue
        if chosen and not looks_like_address(text):
            closed = _POSTCODE.search(chosen[-1].text) is not None
            if (
                country_code(chosen[-1].text)
                or (closed and len(text) > 25)
                or re.match(r"\W*\(", text)
                or any(a.is_money for a in find_amounts(text))
            ):
                break
        chosen.append(segment)
    found = []
    for segment in chosen:
        text = _ADDRESS_LABEL.sub("", segment.text).strip(" ,;")
        found.append(candidate(sheet, segment, 0, len(segment.text), key=Concept.SELLER_ADDRESS, value=text, score=0.6))
    return tuple(found)


def _labelled(sheet: Sheet, book: LabelBook) -> list[tuple[PartyBlock, list[Segment]]]:
    found: list[tuple[PartyBlock, list[Segment]]] = []
    for segment in sheet.segments:
        pieces = spans(segment.text)
        matches = [m for m in book.matches([p.token for p in pieces]) if m.key in NAME_KEYS and m.start == 0]
        if not matches:
            continue
        match = matches[0]
        rest_of_segment = segment.text[pieces[match.end - 1].end :].strip()
        if _LEGAL.fullmatch(fold(rest_of_segment)) or rest_of_segment.startswith(("-", "/")):
            continue  # "Lieferant GmbH" is a name, "Seller-IBAN" a number
        colon = rest_of_segment.startswith(":")
        if rest_of_segment and not colon and match.letters < 6:  # noqa: PLR2004  "to", "name", "from" need their colon
            continue
        if rest_of_segment and not colon and match.end < len(pieces) - 6:
            continue  # running text that begins with the word
        phrase = " ".join(p.token for p in pieces[match.start : match.end])
        why = (f"label `{phrase}`",)
        strength = 0.6 if phrase in _MONEY_GOES_TO else 0.95 if match.letters > 5 else 0.8  # noqa: PLR2004  as above
        named = _named_in_section(sheet, segment, book) if not rest_of_segment.strip(" :") else None
        if named is not None:
            name, lines = named
            found.append((_block(sheet, match.key, name, 0, lines, book, strength, why), [name, *lines]))
            continue
        for rest in after_label(sheet, segment, pieces, match):
            name, lines, start = rest.segment, lines_under(sheet, rest.segment), rest.start
            if rest.relation == "below":
                while lines and (name.text.startswith("(") or _stops(name, book)):
                    name, lines, start = lines[0], lines[1:], 0
            if _is_junk(name) or (rest.relation != "same" and _begins_with_label(name, book)):
                continue
            if (
                not rest.text.strip()
                or re.match(r"[A-Z]{1,4}\d{2,}", rest.text)
                or (rest.relation != "same" and find_amounts(name.text) and looks_like_address(name.text))
            ):
                continue
            share = {"same": 1.0, "right": 0.8, "below": 0.9}[rest.relation]
            found.append((_block(sheet, match.key, name, start, lines, book, strength * share, why), [name, *lines]))
            break
    return found


def _begins_with_label(segment: Segment, book: LabelBook) -> bool:
    words = tokens(segment.text)
    return any(m.start == 0 and m.letters > 3 and (":" in segment.text or m.end == len(words)) for m in book.matches(words))  # noqa: PLR2004  a real word


def _named_in_section(sheet: Sheet, head: Segment, book: LabelBook) -> tuple[Segment, list[Segment]] | None:
    """A heading such as "Seller" over rows "Name: ...", "Address: ..."."""
    for row in sheet.rows[head.row + 1 : head.row + 5]:
        first = row[0]
        if len(row) > 1 and " ".join(tokens(first.text)) in ("name", "firma", "nom", "naam", "nombre", "nome"):
            value = row[1]
            return value, lines_under(sheet, value)
    return None


def _block(
    sheet: Sheet, key: str, name: Segment, start: int, lines: list[Segment], book: LabelBook, score: float, why: tuple[str, ...]
) -> PartyBlock:
    text = clean_name(name.text[start:])
    person = candidate(sheet, name, start, len(name.text), key=key, value=text, score=score, why=why)
    return PartyBlock(key, person, _address_lines(sheet, lines, book), score)


def _head(sheet: Sheet, book: LabelBook, taken: set[int]) -> list[PartyBlock]:
    """The first lines of the first page: on till receipts and letterheads, the name of who issues it."""
    top = [row[0] for row in sheet.rows if row[0].y0 < 0.45 * sheet.height and id(row[0]) not in taken]
    places = _name_places(top[:8], book)
    if not places:
        return []
    best = next((p for p in places if _STRONG_LEGAL.search(fold(_whole_name(top, p)[0]))), places[0])
    name, used = _whole_name(top, best)
    score = 0.78 if _STRONG_LEGAL.search(fold(name)) else 0.4 if len(name.split()) > 5 else 0.6 if best == 0 else 0.52  # noqa: PLR2004  a long line is a slogan
    under = [s for s in top[best + used : best + used + 10] if len(sheet.rows[s.row]) == 1 or _aligned(top[best], s)]
    under = under[
        : next((n for n, (a, b) in enumerate(pairwise([top[best + used - 1], *under])) if b.y0 - a.y1 > 2.5 * a.height), len(under))
    ]
    words = tuple(token.word for segment in top[best : best + used] for token in segment.tokens)
    whole = candidate(
        sheet, top[best], 0, len(top[best].text), key=Concept.SELLER_NAME, value=name, score=score, why=("first lines of the page",)
    )
    return [PartyBlock(Concept.SELLER_NAME, replace(whole, words=words), _address_lines(sheet, under, book), score)]


def _name_places(top: list[Segment], book: LabelBook) -> list[int]:
    """Which of the first lines may be a name: those before the address and the first label."""
    places: list[int] = []
    for place, segment in enumerate(top):
        legal = _LEGAL.search(fold(segment.text)) is not None
        if _stops(segment, book) and not legal:
            if places or place > 3:  # noqa: PLR2004  the head of the paper is over
                break
        elif places and looks_like_address(segment.text) and not legal and not _STRONG_LEGAL.search(fold(_whole_name(top, place)[0])):
            break
        elif not _is_junk(segment) and not _is_register_number(segment.text):
            places.append(place)
    return places


def _whole_name(top: list[Segment], place: int) -> tuple[str, int]:
    """The name that begins on a line, and how many lines it takes: the second may be only the legal form."""
    name = clean_name(top[place].text)
    if place + 1 < len(top) and not _STRONG_LEGAL.search(fold(name)):
        second = clean_name(top[place + 1].text)
        if re.fullmatch(r"(?:&? ?co\b\.?|\W|m\b|malaysia\b|trading\b|enterprise\b)*" + _STRONG_LEGAL.pattern + r".{0,6}", fold(second)):
            return f"{name} {second}", 2
    return name, 1


def _in_window(sheet: Sheet, book: LabelBook, taken: set[int]) -> list[PartyBlock]:
    """Blocks that look like the receiver of a letter: a name, a street, a line with postcode and place, in the upper half."""
    found = []
    seen: set[int] = set()
    for segment in sheet.segments:
        if not 0.05 < segment.y0 / sheet.height < 0.45 or id(segment) in taken | seen or len(segment.tokens) > 8:  # noqa: PLR2004  a name is short
            continue
        lines = lines_under(sheet, segment, 6)
        seen.update(id(line) for line in lines)
        name = segment
        while lines and (_is_junk(name) or _POSTCODE.search(name.text) or _stops(name, book)):  # the sender's own line above the window
            name, lines = lines[0], lines[1:]
        address = _address_lines(sheet, lines, book)
        if (
            len(address) > 1
            and not (name.text.endswith((".", "!")) and not _LEGAL.search(fold(name.text)))  # a slogan
            and not _is_junk(name)
            and not looks_like_address(name.text)
            and parts_of(tuple(str(a.value) for a in address)).postcode
        ):
            person = candidate(
                sheet, name, 0, len(name.text), key=Concept.BUYER_NAME, value=clean_name(name.text), score=0.4, why=("address block",)
            )
            found.append(PartyBlock(Concept.BUYER_NAME, person, address, 0.4))
    return found


def _by_legal_form(sheet: Sheet, book: LabelBook, taken: set[int]) -> list[PartyBlock]:
    found = []
    for segment in sheet.segments:
        if id(segment) in taken or len(segment.tokens) > 25:  # noqa: PLR2004  running text
            continue
        legal = _STRONG_LEGAL.search(fold(segment.text))
        if legal is None or legal.start() < 3:  # noqa: PLR2004  nothing before the legal form
            continue
        tail = segment.text[legal.end() :]
        full = _LEGAL.match(fold(segment.text), legal.start())
        end = max(legal.end(), full.end() if full else 0)
        text = clean_name(segment.text[:end])
        if _begins_with_label(segment, book) or len(text.split()) > 8 or not text[:1].isalnum():  # noqa: PLR2004  a sentence
            continue
        share = segment.y0 / sheet.height
        score = 0.72 if share < 0.3 else 0.55 if share > 0.8 else 0.45  # noqa: PLR2004  letterhead, footer, body
        score -= 0.1 if len(tail.split()) > 4 and not re.match(r"\W*[-\u2013●|·(,]", tail) else 0  # noqa: PLR2004  in the midst of a sentence
        score -= 0.05 * (sheet.page_number > 1)
        name = candidate(sheet, segment, 0, end, key=Concept.SELLER_NAME, value=text, score=score, why=("legal form",))
        found.append(PartyBlock(Concept.SELLER_NAME, name, _address_lines(sheet, lines_under(sheet, segment, 9), book), score))
    return found
