"""Page kind: whether a page's own text is enough or it must be read as a picture.

Thresholds were settled on 132 pages of 103 PDFs, each also read by OCR: no page that needs OCR was
called blank, and no page with a good text layer was sent to OCR alone.
"""

from dataclasses import dataclass, field

from schemas.document import PageKind

ENOUGH_LETTERS = 20
LETTER_SHARE = 0.4  # letters and digits among the visible characters
UNMAPPED_SHARE = 0.15  # U+FFFD and private use: nobody knows what they stand for
MAP_ERROR_SHARE = 0.25  # characters for which pdfium reports that their code has no meaning
FULL_PICTURE = 0.6  # of the page's area
STAMP_LETTERS = 150  # fewer letters over a full picture are a stamp on a scan
SMALL_PICTURE = 0.02
SCAN_PICTURE = 0.05
OUTLINE_PATHS = 20


@dataclass(slots=True)
class PageParts:
    """What stands on a page, counted. `pictures` are fractions of the page's area."""

    letters: int = 0
    visible: int = 0
    unmapped: int = 0
    map_error_share: float = 0.0
    pictures: list[float] = field(default_factory=list)
    invisible_text: bool = False  # text drawn in render mode 3, as OCR programs do
    paths: int = 0


def kind_of(parts: PageParts) -> PageKind:
    """BLANK here means only that nothing is drawn; whether a scan is blank is decided by its
    pixels."""
    pictured = min(1.0, sum(parts.pictures))  # added up, because scans are often cut into strips
    if parts.visible and _is_garbled(parts):
        return PageKind.BROKEN_TEXT
    if parts.letters >= ENOUGH_LETTERS and parts.letters >= LETTER_SHARE * parts.visible:
        return _kind_of_text(parts, pictured)
    if pictured >= SCAN_PICTURE:
        return PageKind.SCAN
    if parts.paths >= OUTLINE_PATHS:
        return PageKind.OUTLINES
    return _kind_of_little(parts)


def _kind_of_text(parts: PageParts, pictured: float) -> PageKind:
    if pictured >= FULL_PICTURE and parts.invisible_text:
        return PageKind.OCR_LAYER
    if pictured >= FULL_PICTURE and parts.letters < STAMP_LETTERS:
        return PageKind.SCAN
    return (
        PageKind.TEXT_WITH_PICTURES
        if any(share >= SMALL_PICTURE for share in parts.pictures)
        else PageKind.TEXT
    )


def _kind_of_little(parts: PageParts) -> PageKind:
    if parts.letters:  # a few words on an otherwise empty page are all there is
        return PageKind.TEXT
    if parts.pictures:
        return PageKind.SCAN
    return PageKind.OUTLINES if parts.paths else PageKind.BLANK


def _is_garbled(parts: PageParts) -> bool:
    return (
        parts.unmapped > UNMAPPED_SHARE * parts.visible or parts.map_error_share > MAP_ERROR_SHARE
    )
