"""How many tokens does the fake server bill? Images by the published rule, text by an approximation
of the tekken tokenizer."""

import base64
import re
import struct

_PIECES = re.compile(r" ?[^\W\d_]+|\d|[^\w\s]+|_+|\s+")
LETTERS_PER_TOKEN = 5.5
TEMPLATE_TOKENS = 4  # a message's own control tokens


def text_tokens(text: str) -> int:
    """Digits are single tokens, words split about every five letters, runs of signs and of white
    space are one each."""
    count = 0
    for piece in _PIECES.findall(text):
        letters = len(piece)
        count += (
            1
            if letters <= LETTERS_PER_TOKEN or piece.isspace()
            else -int(-letters // LETTERS_PER_TOKEN)
        )
    return count


def image_rule(model: str) -> tuple[int, int]:
    """(cell, longest side) in pixels."""
    return (16, 1024) if "pixtral" in model.lower() else (28, 1540)


def image_tokens(width: int, height: int, cell: int, side: int) -> int:
    ratio = max(width / side, height / side)
    if ratio > 1:
        width, height = max(round(width / ratio), 1), max(round(height / ratio), 1)
    return ((width - 1) // cell + 2) * ((height - 1) // cell + 1)


def image_size(encoded: str) -> tuple[int, int]:
    """Width and height in pixels from the header bytes of a base64 image; ValueError when it is
    none of PNG, JPEG, WEBP, GIF."""
    head = base64.b64decode(encoded[:44_000])
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return struct.unpack(">II", head[16:24])
    if head[:4] == b"GIF8":
        return struct.unpack("<HH", head[6:10])
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp_size(head)
    if head[:2] == b"\xff\xd8":
        return _jpeg_size(head if len(encoded) <= 44_000 else base64.b64decode(encoded))
    raise ValueError("the image is not PNG, JPEG, WEBP or GIF")


def _webp_size(head: bytes) -> tuple[int, int]:
    kind = head[12:16]
    if kind == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(
        head[28:30], "little"
    ) & 0x3FFF


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            at += 1
            continue
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        if marker in (0xFF, 0x01) or 0xD0 <= marker <= 0xD8:
            at += 1 if marker == 0xFF else 2
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise ValueError("the JPEG has no frame header")
