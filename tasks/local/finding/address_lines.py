"""Address lines below a name: street words, postcodes, places; labels end it."""

import re

from tasks.layout.rows import Segment, Sheet
from tasks.local.finding.addresses import parts_of
from tasks.local.finding.candidates import Candidate, candidate
from tasks.printed_values.dates import find_dates
from tasks.printed_values.money import find_amounts
from tasks.standards.countries import country_code
from tasks.text.folding import bare, fold, tokens, word_set
from tasks.vocabulary.labels import Concept, LabelBook

TITLES = word_set(  # letters only: "Tax Invoice" is taxinvoice
    "invoice taxinvoice receipt officialreceipt cashbill cashreceipt cashsales bill "
    "statement facture rechnung factuur factura fattura quittung beleg ticket recu bon "
    "copy original duplicate welcome thankyou customercopy simplifiedtaxinvoice "
    "retailinvoicesbill retailinvoice proforma creditnote gutschrift avoir page "
    "officialbillinginvoice deliverynote tax invoicetax receipttax kassenbon ricevuta "
    "recibo scontrino proformainvoice salesinvoice salesreceipt originalreceipt frau herr "
    "herrn mr mrs ms madame monsieur mevrouw dhr senor senora signor signora"
)
_STREET = re.compile(
    r"\b(?:street|str|st|road|rd|avenue|ave|lane|ln|drive|dr|blvd|boulevard|highway|hwy|suite|floor|unit|block|blk|level|lot|plot|po "
    r"box|p\.o\. box|plaza|mall|complex|centre|center|park|"
    r"jalan|jln|jl|taman|tmn|lorong|lrg|persiaran|bandar|kampung|kg|seksyen|section|batu|lebuh|lebuhraya|wisma|menara|pusat|kawasan|desa|"
    r"rue|chemin|place|allee|impasse|quai|cedex|bp|zac|zi|strasse|platz|weg|gasse|ring|damm|ufer|postfach|straat|laan|plein|gracht|kade|postbus|calle|avda|avenida|plaza|paseo|carrer|apartado|"
    r"via|viale|piazza|corso|vicolo|largo|no)\b|strasse\b|straße\b|str\.|straat\b|weg \d|laan \d"
)
_POSTCODE = re.compile(
    r"(?<![\w-])(?:[A-Z]{1,2}[- ])?(\d{5}(?:-\d{4})?|\d{4} "
    r"?[A-Z]{2}|\d{4}|\d{6}|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] "
    r"?\d[A-Z]\d)(?![\w-])"
)
_PLACES = re.compile(
    r"\b(?:selangor|kuala "
    r"lumpur|k\.l|kl|johor|penang|perak|melaka|malacca|sabah|sarawak|pahang|kedah|kelantan|negeri "
    r"sembilan|darul ehsan|terengganu|malaysia|singapore|india|usa|"
    r"united states|united "
    r"kingdom|england|germany|deutschland|france|nederland|netherlands|belgium|belgie|belgique|espana|spain|italia|italy|austria|osterreich|schweiz|switzerland|suisse)\b"
)
_STOP_KEYS = frozenset(
    {Concept.PHONE, Concept.FAX, Concept.EMAIL, Concept.URL, Concept.TAX_NUMBER, Concept.VAT_ID, Concept.REGISTRATION_NUMBER, Concept.NUMBER, Concept.ISSUE_DATE, Concept.DUE_DATE,
     Concept.IBAN, Concept.BIC, Concept.ORDER_NUMBER, Concept.CUSTOMER_NUMBER, Concept.PAYMENT_TERMS, Concept.CONTACT, Concept.TIME, Concept.QUANTITY, Concept.BUYER_NAME,
     Concept.DELIVERY_NAME, Concept.ORDER_DATE, Concept.DELIVERY_DATE, Concept.PAYMENT_METHOD, Concept.CURRENCY}
)  # fmt: skip
_DIGIT_RUN = re.compile(r"\+?\d[\d ()/.+-]{6,}")
_POSTCODE_PLACE = re.compile(r"\b\d{5,6},? +[A-Za-z]{3,}")
_ADDRESS_LABEL = re.compile(
    r"^\s*(?:address|addr|adresse|anschrift|adres|direcci[oó]n|indirizzo)\s*[.:]+\s*", re.IGNORECASE
)
_MOST_LINES = 7

_LONGEST_PLACE = 25  # letters of a place or region that follows a postcode
_TELEPHONE_DIGITS = 8
_LEAST_WORD = 4  # letters: "to", "an", "no" begin addresses as well


def looks_like_address(text: str) -> bool:
    """It holds a street word with a number, a postcode with a place, or a region's name."""
    folded = fold(text)
    digits = any(c.isdigit() for c in text)
    return (
        (digits and _STREET.search(folded) is not None)
        or (_POSTCODE.search(text) is not None and sum(c.isalpha() for c in text) > 3)
        or _PLACES.search(folded) is not None
        or re.match(r"^\W*(?:no\.? ?)?\d{1,5}[a-z]?(?:-\d{1,3}[a-z]?)?\s?,", folded) is not None
        or re.match(r"^\W*\d{1,5}[A-Za-z]?\s?[,/ -]\s?\S*[A-Za-z]{3}", text) is not None
        or re.search(r"[A-Za-z]{4,}\s\d{1,4}\s?[a-z]?$", text) is not None
    )


def has_postcode(text: str) -> bool:
    return _POSTCODE.search(text) is not None


def lines_under(sheet: Sheet, start: Segment, most: int = _MOST_LINES) -> list[Segment]:
    """The lines of the block that `start` begins, without it: aligned with it, without a blank line
    between."""
    found: list[Segment] = []
    last = start
    for row in sheet.rows[start.row + 1 : start.row + 2 * most]:
        fitting = [s for s in row if aligned(start, s)]
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


def aligned(a: Segment, b: Segment) -> bool:
    slack = 2.5 * max(a.height, b.height)
    return abs(a.x0 - b.x0) < slack or abs((a.x0 + a.x1) - (b.x0 + b.x1)) / 2 < slack


def ends_block(segment: Segment, book: LabelBook) -> bool:
    """The line begins with a label: the address above it has ended."""
    words = tokens(segment.text)
    if _is_telephone(segment.text):
        return True
    if (
        bare(segment.text) in TITLES
        or "@" in segment.text
        or "www." in segment.text.lower()
        or find_dates(segment.text)
    ):
        return True
    start = [
        m for m in book.matches(words) if m.start == 0 and m.letters > 2 and m.key in _STOP_KEYS
    ]
    digits = any(c.isdigit() for c in segment.text)
    return any(
        m.end == len(words)
        or ":" in segment.text
        or "#" in segment.text
        or digits
        or m.end - m.start > 1
        for m in start
    )


def _is_telephone(text: str) -> bool:
    digits = max((sum(c.isdigit() for c in run) for run in _DIGIT_RUN.findall(text)), default=0)
    return digits >= _TELEPHONE_DIGITS and not _POSTCODE_PLACE.search(text)


def _other_party(segment: Segment, book: LabelBook) -> bool:
    keys = (Concept.BUYER_NAME, Concept.DELIVERY_NAME)
    return any(
        m.start == 0 and m.letters >= _LEAST_WORD and m.key in keys
        for m in book.matches(tokens(segment.text))
    )


def is_register_number(text: str) -> bool:
    return (
        re.fullmatch(r"\W*(?:[A-Za-z]{0,4}\W{0,2}){0,2}\d{5,}\W?\d*\W?[A-Za-z]?\W*", text.strip())
        is not None
    )


def address_lines(sheet: Sheet, lines: list[Segment], book: LabelBook) -> tuple[Candidate, ...]:
    """Of the lines under a name, those of the address, as candidates."""
    chosen: list[Segment] = []
    for segment in lines:
        addressed = looks_like_address(segment.text)
        if ends_block(segment, book):
            if chosen or _other_party(segment, book):
                break
        elif chosen:
            if parts_of((segment.text,)).postcode and any(
                parts_of((line.text,)).postcode for line in chosen
            ):
                break  # the next address
            if not addressed and not _continues(chosen[-1].text, segment.text):
                break
            chosen.append(segment)
        elif (
            addressed
            and not is_register_number(segment.text)
            and not re.fullmatch(r"\(.*\)", segment.text.strip())
        ):
            chosen.append(segment)
    found = []
    for segment in chosen:
        text = _ADDRESS_LABEL.sub("", segment.text).strip(" ,;")
        found.append(
            candidate(
                sheet,
                segment,
                0,
                len(segment.text),
                key=Concept.SELLER_ADDRESS,
                value=text,
                score=0.6,
            )
        )
    return tuple(found)


def _continues(last: str, text: str) -> bool:
    """A line without an address word still belongs to it: a place or region, not a branch in
    brackets, not what follows the country."""
    closed = country_code(last) is not None or (
        _POSTCODE.search(last) is not None and len(text) > _LONGEST_PLACE
    )
    return (
        not closed
        and not re.match(r"\W*\(", text)
        and not any(a.is_money for a in find_amounts(text))
    )
