"""Names that nobody has: created exclusively, so that no file ever takes the place of another."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

_NAME_BYTES_MAX = 255
_ERROR_SUFFIX = ".error.txt"


def reserve(goal: Path, *, with_note: bool) -> Path:
    """Creates the first free name of `x.pdf`, `x (2).pdf`, ... as an empty file for one caller.

    With a note, the name of the note beside it is free too.
    """
    for path in _names(goal, room=len(_ERROR_SUFFIX) if with_note else 0):
        if with_note and os.path.lexists(note_path(path)):
            continue
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            continue
        return path
    raise AssertionError("names are endless")


def give_up(reserved: Path, *, with_note: bool) -> None:
    """Frees a reserved name that no file was moved to, and its note."""
    if with_note:
        note_path(reserved).unlink(missing_ok=True)
    if os.path.lexists(reserved) and reserved.lstat().st_size == 0:
        reserved.unlink(missing_ok=True)


def put_back(source: Path, path: Path) -> Path:
    """Returns a file to its place; when another has come meanwhile, beside it under a free name."""
    try:
        os.link(source, path, follow_symlinks=False)  # exclusive, and needs no room on a full disk
    except (OSError, NotImplementedError):
        reserved = reserve(path, with_note=False)
        try:
            os.replace(source, reserved)  # noqa: PTH105 - atomic
        except OSError:
            give_up(reserved, with_note=False)
            raise
        return reserved
    source.unlink()
    return path


def note_path(path: Path) -> Path:
    """Where the reason of a failed file is written."""
    return path.with_name(path.name + _ERROR_SUFFIX)


def _names(goal: Path, room: int) -> Iterator[Path]:
    for number in count(1):
        mark = "" if number == 1 else f" ({number})"
        limit = _NAME_BYTES_MAX - room - len(os.fsencode(mark)) - len(os.fsencode(goal.suffix))
        stem = os.fsencode(goal.stem)
        kept = goal.stem if len(stem) <= limit else stem[:limit].decode(errors="ignore")
        yield goal.with_name(f"{kept}{mark}{goal.suffix}")
