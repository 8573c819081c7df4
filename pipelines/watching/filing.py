"""Filing of finished files into `done` or `failed`, without losing or overwriting any.

A rename takes along whatever lies at the path at that moment. So the file is compared before with
what was processed, again after, and goes back when somebody replaced it in between. To another
file system it is copied, the copy is read again and compared with the document's digest, and only
when it is on the disk is the original removed. A name is reserved by creating it exclusively.
"""

import errno
import hashlib
import os
import shutil
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from pipelines.watching.candidates import Fingerprint
from pipelines.watching.failure_notes import failure_note
from pipelines.watching.free_names import give_up, note_path, put_back, reserve
from pipelines.watching.places import Places
from pipelines.watching.set_aside import own_place
from schemas.record import DocumentResult, Status
from tasks.outputs.atomic import flush_folder

_CHUNK_BYTES = 1 << 20


class Filed(StrEnum):
    MOVED = "moved"
    CHANGED = "changed"  # other content lies at the path now; it waits its turn
    GONE = "gone"


class Filing(NamedTuple):
    outcome: Filed
    place: Path | None = None  # where the file lies now


class _Move(NamedTuple):
    path: Path
    taken: Fingerprint
    document_id: str | None  # None: the document could not even be read
    goal: Path
    note: str | None  # why it failed


def file_away(path: Path, taken: Fingerprint, result: DocumentResult, places: Places) -> Filing:
    """Move a file whose result is safe. `taken` is its fingerprint when it was handed over.
    Blocking.

    Raises OSError (read-only folder, full disk, other machine gone); the file is then where it was,
    or set aside in its folder, from where `recover` puts it back.
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
    note = failure_note(path.name, result, str(places.folder)) if failed else None
    move = _Move(path, taken, result.document_id, goal, note)
    try:
        place = _place(path, move)
    except FileNotFoundError:
        return Filing(Filed.GONE)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return _move_across(move)
    if Fingerprint.of(place) == taken or _has_content(place, result.document_id):
        return Filing(Filed.MOVED, place)
    put_back(place, path)
    if note is not None:
        note_path(place).unlink(missing_ok=True)
    return Filing(Filed.CHANGED)


def _place(source: Path, move: _Move) -> Path:
    """Renames `source` to the first free name at the goal, its note beside it."""
    reserved = reserve(move.goal, with_note=move.note is not None)
    try:
        if move.note is not None:
            note_path(reserved).write_text(move.note, encoding="utf-8", errors="replace")
        os.replace(source, reserved)  # noqa: PTH105 - the OS call itself: atomic, or EXDEV
    except OSError:
        give_up(reserved, with_note=move.note is not None)
        raise
    return reserved


def _move_across(move: _Move) -> Filing:
    """To another file system: set aside, copy, read the copy again, and only then remove."""
    with own_place(move.path.parent, move.path.name, original=True) as aside:
        try:
            os.replace(move.path, aside)  # noqa: PTH105 - atomic
        except FileNotFoundError:
            return Filing(Filed.GONE)
        try:
            place = _copy_of_unchanged(aside, move)
        except BaseException:
            put_back(aside, move.path)
            raise
        if place is None:
            put_back(aside, move.path)
            return Filing(Filed.CHANGED)
        aside.unlink()
    flush_folder(move.path.parent)
    return Filing(Filed.MOVED, place)


def _copy_of_unchanged(aside: Path, move: _Move) -> Path | None:
    """Where the copy lies, once it is on the disk; None when the file is not what was processed."""
    before = Fingerprint.of(aside)
    with own_place(move.goal.parent, move.goal.name, original=False) as copy:
        digest = _copy(aside, copy)
        wanted = move.document_id or (digest if before == move.taken else None)
        if digest != wanted or Fingerprint.of(aside) != before:
            return None
        if not _has_content(copy, digest):
            raise OSError(errno.EIO, "the copy differs from the file", str(move.goal.parent))
        place = _place(copy, move)
    flush_folder(place.parent)
    return place


def _copy(source: Path, target: Path) -> str:
    """Copies and flushes to the disk; returns the SHA-256 of what was read."""
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        while chunk := reader.read(_CHUNK_BYTES):
            digest.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    with suppress(OSError):  # a file system without modes or times still keeps the content
        shutil.copystat(source, target)
    return digest.hexdigest()


def _has_content(path: Path, document_id: str | None) -> bool:
    if document_id is None:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == document_id
