"""Frames between parent and worker: a JSON header and raw bytes over a pipe, never a pickle."""

import json
import struct
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from asyncio import (
        StreamReader,  # a worker only reads blocking streams and starts faster without it
    )

_LENGTHS = struct.Struct("<II")  # bytes of the header, bytes of the payload
MAX_PAYLOAD_BYTES = 1 << 30


class Frame(NamedTuple):
    """One message. `header` is a JSON object; `payload` holds what JSON cannot, such as an encoded
    image."""

    header: dict[str, Any]
    payload: bytes = b""


def encode(frame: Frame) -> bytes:
    header = json.dumps(frame.header, separators=(",", ":")).encode()
    return _LENGTHS.pack(len(header), len(frame.payload)) + header + frame.payload


def read(stream: BinaryIO) -> Frame | None:
    """The next frame of a blocking stream; None at its end."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    header_length, payload_length = _LENGTHS.unpack(lengths)
    header, payload = stream.read(header_length), stream.read(payload_length)
    if len(header) < header_length or len(payload) < payload_length:
        return None
    return Frame(json.loads(header), payload)


async def receive(stream: "StreamReader") -> Frame:
    """The next frame of an asyncio stream. Raises asyncio.IncompleteReadError at its end,
    ValueError when it is not a frame."""
    header_length, payload_length = _LENGTHS.unpack(await stream.readexactly(_LENGTHS.size))
    if payload_length > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a frame of {payload_length} bytes is not one of ours")
    header = json.loads(await stream.readexactly(header_length))
    return Frame(header, await stream.readexactly(payload_length) if payload_length else b"")
