"""Atomic file writes: written beside the target, flushed to disk, then renamed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO
from uuid import uuid4


@contextmanager
def replacing(place: Path) -> Iterator[TextIO]:
    """A UTF-8 text file that takes `place` at the end of the block; after an error the old file is
    still there, untouched.

    Line ends are written as given. Raises OSError.
    """
    place = place.resolve()  # a link stays a link
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.parent / f".docmill-{uuid4().hex}.tmp"  # never longer than names may be
    try:
        with beside.open("x", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(place)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    flush_folder(place.parent)


def flush_folder(folder: Path) -> None:
    """Makes the new name last through a power cut, where the system can (Windows cannot open a
    folder)."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
