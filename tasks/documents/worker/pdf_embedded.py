"""Embedded files that a PDF's list of attachments does not name, found by their streams.

Some writers name the XML of an e-invoice only in `/AF` or in a FileAttachment annotation. pdfium
lists neither, but a stream of the type EmbeddedFile always lies open in the file.
"""

import re
import zlib
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from schemas.document import Attachment

MAX_SEARCHED_BYTES = 64 << 20  # of the PDF; a larger one is a scan, and reading it takes a second
MOST_EMBEDDED = 20
_LONGEST_DICTIONARY = 2000
_MOST_MENTIONS = 10_000
_TYPE = re.compile(rb"/EmbeddedFile(?!\w)")
_HEAD = re.compile(rb"(\d{1,9}) (\d{1,5}) obj\b")
_STREAM = re.compile(rb"stream\r?\n")
_FILTER = re.compile(rb"/Filter\s*\[?\s*/(\w+)\s*(/?)")
_LENGTH = re.compile(rb"/Length\s+(\d{1,10})(?!\s+\d+\s+R)\b")
_END = b"endstream"


def embedded_files(path: Path, most_bytes: int) -> list[Attachment]:
    """XML and PDF files embedded in a PDF, each up to `most_bytes`, named by their object number.

    Only the last version of an object counts, and only one that something refers to. Streams that
    are encrypted or coded in an unusual way are left out.
    """
    try:
        if path.stat().st_size > MAX_SEARCHED_BYTES:
            return []
        data = path.read_bytes()
    except OSError:
        return []
    packed = b"/ObjStm" in data  # references may then be compressed
    found: list[Attachment] = []
    for stream in list(_streams(data).values())[:MOST_EMBEDDED]:
        if not packed and not _is_referred_to(data, stream):
            continue
        content = _content(data, stream, most_bytes)
        kind = _kind(content)
        if kind:
            found.append(Attachment(f"attachment-{stream.number}.{kind}", content))
            most_bytes -= len(content)
    return found


class _Stream(NamedTuple):
    number: int
    generation: int
    dictionary: bytes
    start: int


def _streams(data: bytes) -> dict[int, _Stream]:
    """The last version of each stream of the type EmbeddedFile, by object number."""
    found: dict[int, _Stream] = {}
    for named in islice(_TYPE.finditer(data), _MOST_MENTIONS):
        before = max(0, named.start() - _LONGEST_DICTIONARY)
        heads = list(_HEAD.finditer(data, before, named.start()))
        begins = _STREAM.search(data, named.end(), named.end() + _LONGEST_DICTIONARY)
        if not heads or begins is None:
            continue
        dictionary = data[heads[-1].end() : begins.start()]
        if b"endobj" not in dictionary:
            number, generation = int(heads[-1][1]), int(heads[-1][2])
            found[number] = _Stream(number, generation, dictionary, begins.end())
    return found


def _is_referred_to(data: bytes, stream: _Stream) -> bool:
    reference = b"%d %d R" % (stream.number, stream.generation)
    at = data.find(reference)
    while at > 0 and data[at - 1 : at].isdigit():
        at = data.find(reference, at + 1)
    return at >= 0


def _content(data: bytes, stream: _Stream, most_bytes: int) -> bytes:
    """The decoded stream; empty where it cannot be decoded or is too large."""
    length = _LENGTH.search(stream.dictionary)
    end = stream.start + int(length[1]) if length else -1
    if not length or not data[end : end + 20].lstrip().startswith(_END):
        end = data.find(_END, stream.start)
    raw = data[stream.start : end if end >= 0 else len(data)]
    coding = _FILTER.search(stream.dictionary)
    if coding is None:
        return raw if len(raw) <= most_bytes else b""
    if coding[1] != b"FlateDecode" or coding[2] or most_bytes < 1:
        return b""
    decoder = zlib.decompressobj()
    try:
        content = decoder.decompress(raw, most_bytes)
    except zlib.error:
        return b""
    return content if not decoder.unconsumed_tail else b""


def _kind(content: bytes) -> str | None:
    if content.startswith(b"%PDF-"):
        return "pdf"
    head = content[:64].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return "xml" if head.startswith(b"<") else None
