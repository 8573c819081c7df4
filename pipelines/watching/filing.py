"""Filing of finished files into `done` or `failed`, without losing or overwriting any.

A rename takes along whatever lies at the path at that moment. So the file is compared before with
what was processed, again after, and goes back when somebody replaced it in between. A name is
reserved by creating it exclusively; two files never share one.
"""

import errno
import hashlib
import os
import shutil
import socket
from collections.abc import Iterator
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import NamedTuple

from pipelines.watching.candidates import Fingerprint
from pipelines.watching.failure_notes import failure_note
from pipelines.watching.places import Places
from schemas.record import DocumentResult, Status

_NAME_BYTES_MAX = 255
_ERROR_SUFFIX = ".error.txt"
_IN_TRANSIT = ".docmill-moving"


class Filed(StrEnum):
    MOVED = "moved"
    CHANGED = "changed"  # other content lies at the path now; it waits its turn
    GONE = "gone"


class Filing(NamedTuple):
    outcome: Filed
    place: Path | None = None  # where the file lies now


def file_away(path: Path, taken: Fingerprint, result: DocumentResult, places: Places) -> Filing:
    """Move a file whose result is safe. `taken` is its fingerprint when it was handed over.
    Blocking.

    Raises OSError (read-only folder, full disk, other machine gone); the file is then still where
    it was.
    """
    try:
        unchanged = Fingerprint.of(path) == taken or _has_content(path, result.document_id)
        taken = Fingerprint.of(path)
    except FileNotFoundError:
        return Filing(Filed.GONE)
    if not unchanged:
        return Filing(Filed.CHANGED)
    failed = result.status is Status.FAILED
    goal = (places.failed if failed else places.done) / path.relative_to(places.folder)
    goal.parent.mkdir(parents=True, exist_ok=True)
    reserved = _reserve(goal, with_note=failed)
    try:
        if failed:
            _note_path(reserved).write_text(
                failure_note(path.name, result, str(places.folder)),
                encoding="utf-8",
                errors="replace",
            )
        return _move(path, taken, result.document_id, reserved)
    except OSError:
        _give_up(reserved)
        raise


def _move(path: Path, taken: Fingerprint, document_id: str | None, reserved: Path) -> Filing:
    try:
        # the OS call itself is the point: atomic, or EXDEV
        os.replace(path, reserved)  # noqa: PTH105
    except FileNotFoundError:
        _give_up(reserved)
        return Filing(Filed.GONE)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return _move_across(path, document_id, reserved)
    if Fingerprint.of(reserved) == taken or _has_content(reserved, document_id):
        return Filing(Filed.MOVED, reserved)
    _put_back(reserved, path)
    _note_path(reserved).unlink(missing_ok=True)
    return Filing(Filed.CHANGED)


def _move_across(path: Path, document_id: str | None, reserved: Path) -> Filing:
    """To another file system: step aside under a hidden name, copy, compare, and only then
    remove."""
    aside = path.with_name(_transit_name(path))
    try:
        os.replace(path, aside)  # noqa: PTH105 - atomic
    except FileNotFoundError:
        _give_up(reserved)
        return Filing(Filed.GONE)
    if document_id is not None and not _has_content(aside, document_id):
        _put_back(aside, path)
        _give_up(reserved)
        return Filing(Filed.CHANGED)
    part = reserved.with_name(f"{_IN_TRANSIT}-{os.getpid()}.part")
    try:
        shutil.copy2(aside, part)
        with part.open("rb") as copy:
            os.fsync(copy.fileno())
        os.replace(part, reserved)  # noqa: PTH105 - atomic
    except OSError:
        part.unlink(missing_ok=True)
        _put_back(aside, path)
        raise
    aside.unlink()
    return Filing(Filed.MOVED, reserved)


def put_back_interrupted(folder: Path) -> list[Path]:
    """Give back files that a watcher of this machine, dead since, had set aside for a copy to
    another file system."""
    back = []
    for aside in folder.rglob(f"{_IN_TRANSIT}~*"):
        _, host, pid, name = aside.name.split("~", 3)
        if host == socket.gethostname() and not _is_alive(int(pid)):
            _put_back(aside, aside.with_name(name))
            back.append(aside.with_name(name))
    return back


def _transit_name(path: Path) -> str:
    return f"{_IN_TRANSIT}~{socket.gethostname()}~{os.getpid()}~{path.name}"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _put_back(source: Path, path: Path) -> None:
    """Return a file to its place; when another has come meanwhile, beside it under a free name."""
    os.replace(source, _reserve(path, with_note=False))  # noqa: PTH105 - atomic


def _reserve(goal: Path, *, with_note: bool) -> Path:
    """Create the first free name of `x.pdf`, `x (2).pdf`, ... as an empty file that nobody else
    will use."""
    for path in _names(goal, room=len(_ERROR_SUFFIX) if with_note else 0):
        if with_note and os.path.lexists(_note_path(path)):
            continue
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            continue
        return path
    raise AssertionError("names are endless")


def _names(goal: Path, room: int) -> Iterator[Path]:
    for number in count(1):
        mark = "" if number == 1 else f" ({number})"
        limit = _NAME_BYTES_MAX - room - len(os.fsencode(mark)) - len(os.fsencode(goal.suffix))
        stem = os.fsencode(goal.stem)
        kept = goal.stem if len(stem) <= limit else stem[:limit].decode(errors="ignore")
        yield goal.with_name(f"{kept}{mark}{goal.suffix}")


def _note_path(path: Path) -> Path:
    return path.with_name(path.name + _ERROR_SUFFIX)


def _give_up(reserved: Path) -> None:
    _note_path(reserved).unlink(missing_ok=True)
    if os.path.lexists(reserved) and reserved.lstat().st_size == 0:
        reserved.unlink(missing_ok=True)


def _has_content(path: Path, document_id: str | None) -> bool:
    if document_id is None:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == document_id
