"""Parsing of untrusted XML: encoding, size, entities."""

import codecs
import re
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from schemas.errors import LimitError, UnreadableError

MAX_BYTES = (
    32 * 1024 * 1024
)  # XRechnung allows 15 MB of embedded attachments, a third more as base64
MAX_ELEMENTS = 500_000  # 60 a line: 8,000 lines; about 100 MB while it is read
MAX_ATTRIBUTES = 1_000_000  # those of one element are all read before the parser tells of it
# in all different names, each with its namespace in full, which a file writes only once; invoices
# have 50,000
MAX_NAME_LETTERS = 1_000_000
MAX_DEPTH = 64  # CII nests 9 deep, UBL 10; an SBDH envelope adds 2

_BYTE_ORDER_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ASCII = b"<a-b c='d'/>"
_DECLARATION = re.compile(r"^\s*<\?xml\b[^>]{0,200}\?>")
_DECLARED_ENCODING = re.compile(
    rb"""^\s*<\?xml\b[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']"""
)


class _BoundedBuilder(TreeBuilder):
    """Builds the tree, and stops at a number of elements, a depth or a mass of names that no
    invoice has."""

    def __init__(self) -> None:
        super().__init__()
        self._elements = 0
        self._depth = 0
        self._names: set[str] = set()
        self._name_letters = 0

    def start(self, tag: Any, attrs: dict[Any, Any], /) -> Element:
        self._elements += 1
        self._depth += 1
        if self._elements > MAX_ELEMENTS or self._depth > MAX_DEPTH:
            raise LimitError(
                f"the XML has more than {MAX_ELEMENTS:,} elements or nests deeper than "
                f"{MAX_DEPTH}; no invoice does"
            )
        for name in (tag, *attrs):
            if name not in self._names:
                self._names.add(name)
                self._name_letters += len(name)
        if self._name_letters > MAX_NAME_LETTERS:
            raise LimitError(
                "the names in the XML, with their namespaces, have more than "
                f"{MAX_NAME_LETTERS:,} letters; no invoice has"
            )
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def looks_like_xml(data: bytes) -> bool:
    """Whether the first bytes can be the start of XML, in any encoding that `parse_xml` reads."""
    head = data[:256]
    if any(head.startswith(mark) for mark, _ in _BYTE_ORDER_MARKS):
        head = _decoded(head[: len(head) // 4 * 4]).encode("utf-8", "replace")
    return head.replace(b"\0", b"").lstrip().startswith(b"<")


def parse_xml(data: bytes) -> Element:
    """The root element. `UnreadableError`: not well-formed, or has a DOCTYPE. `LimitError`: too
    large."""
    if len(data) > MAX_BYTES:
        raise LimitError(f"the XML has {len(data):,} bytes; at most {MAX_BYTES:,} are read")
    text = _DECLARATION.sub("", _decoded(data), count=1).strip("\0 \t\r\n\ufeff")
    if text.count("=") > MAX_ATTRIBUTES:
        raise LimitError(f"the XML has more than {MAX_ATTRIBUTES:,} attributes; no invoice has")
    parser = DefusedXMLParser(
        target=_BoundedBuilder(), forbid_dtd=True, forbid_entities=True, forbid_external=True
    )
    try:
        parser.feed(text)
        root: Element = parser.close()
    except DefusedXmlException as error:
        raise UnreadableError(
            "the XML has a DOCTYPE or entities, which invoices do not have and attacks do; "
            "it was not read"
        ) from error
    except (ParseError, UnicodeError) as error:  # a lone surrogate cannot be encoded for the parser
        raise UnreadableError("the XML is not well-formed; it is damaged or cut off") from error
    return root


def _decoded(data: bytes) -> str:
    """Text by byte-order mark, else by where the zero bytes are, else UTF-8, else what is declared,
    else Windows-1252.

    UTF-8 goes before the declaration: text of another encoding with letters beyond ASCII is
    practically never valid UTF-8, while writers often declare ISO-8859-1 and write UTF-8.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    # "<?" or " <" in two bytes a character
    if data[:4].count(0) in (1, 2) and len(data) >= 4:  # noqa: PLR2004
        return data.decode("utf-16-be" if data[0] == 0 else "utf-16-le", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        try:
            return data.decode(_single_byte_encoding(data), "replace")
        except UnicodeError:  # `idna` replaces nothing
            return data.decode("cp1252", "replace")


def _single_byte_encoding(data: bytes) -> str:
    declared = _DECLARED_ENCODING.match(data)
    if declared:
        try:
            found = codecs.lookup(declared[1].decode("ascii"))
        except LookupError:
            return "cp1252"
        # the only way to refuse `zlib`, `hex` and the like before decoding
        is_text = found._is_text_encoding  # noqa: SLF001
        if is_text and not found.name.startswith("utf") and _reads_ascii(found.name):
            return found.name
    return "cp1252"


def _reads_ascii(encoding: str) -> bool:
    """As every encoding does that text is written in; `punycode` and `undefined` do not."""
    try:
        return _ASCII.decode(encoding) == _ASCII.decode("ascii")
    except UnicodeError:
        return False
