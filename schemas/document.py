"""A document, its pages and the words on them."""

from enum import StrEnum
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict


class Box(NamedTuple):
    """A rectangle as fractions of the page as it is seen (rotation applied): 0..1, origin top
    left."""

    x0: float
    y0: float
    x1: float
    y1: float


class Word(NamedTuple):
    """A text run without spaces. `confidence` is the OCR engine's, 1.0 for a text layer."""

    text: str
    box: Box
    confidence: float = 1.0


class PageKind(StrEnum):
    """What a page is made of; decides whether its text layer is enough (`readable`) or OCR is
    needed."""

    TEXT = "text"
    TEXT_WITH_PICTURES = "text_with_pictures"
    OCR_LAYER = "ocr_layer"  # a picture with somebody else's invisible OCR text
    SCAN = "scan"
    BROKEN_TEXT = "broken_text"  # glyphs without usable character codes
    OUTLINES = "outlines"  # text drawn as paths
    BLANK = "blank"

    @property
    def readable(self) -> bool:
        return self in (PageKind.TEXT, PageKind.TEXT_WITH_PICTURES, PageKind.OCR_LAYER)


class Document(BaseModel):
    """One input file, known by its content. `path` is where it was found; the same bytes elsewhere
    are the same document."""

    model_config = ConfigDict(frozen=True)

    document_id: str  # SHA-256 of the bytes, 64 hex digits
    path: Path  # absolute
    media_type: str  # by content, never by name: application/pdf, image/jpeg, application/xml, ...
    size_bytes: int

    @property
    def name(self) -> str:
        return self.path.name


class RenderSettings(BaseModel):
    """What decides the pixels of a page image; part of the answer cache's key."""

    model_config = ConfigDict(frozen=True)

    max_side_px: int


class PageHandle(BaseModel):
    """One page that a step may visit. The image is made when asked for, so a handle costs nothing
    and crosses any border."""

    model_config = ConfigDict(frozen=True)

    document_id: str
    page_number: int  # counts from 1


class Page(BaseModel):
    """What one visit learned of a page, without its image. Stored by document_id when first
    visited."""

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    page_number: int
    kind: PageKind
    width_pt: float  # as seen: rotation applied; pixels for an image
    height_pt: float
    words: tuple[Word, ...] = ()  # reading order as seen
    words_from: Literal["text_layer", "ocr", "none"] = "none"
    form_fields: dict[
        str, str
    ] = {}  # AcroForm fields on this page that hold a value: full name -> value


class PageImage(NamedTuple):
    """An encoded page image. Never stored in a draft and never sent across a task border."""

    data: bytes
    media_type: str  # image/jpeg or image/png
    width_px: int
    height_px: int


class Attachment(NamedTuple):
    """A file embedded in a PDF."""

    name: str
    data: bytes


class DocumentInfo(BaseModel):
    """What opening a document told, before any page is visited."""

    model_config = ConfigDict(frozen=True)

    page_count: int
    attachment_names: tuple[str, ...] = ()
    xfa_only: bool = False  # a PDF whose pages only say "Please wait": the form is XFA
