"""Files on their way to another file system, each in a folder of its own with its owner beside it.

    inbox/.docmill-moving/3f9a.../owner.json    locked for as long as the owner lives
    inbox/.docmill-moving/3f9a.../file

The lock is the system's, so it also ends with a container whose processes nobody else can see.
Names of files say nothing: what was not written by docmill is reported and left alone.
"""

import errno
import json
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.watching.free_names import put_back

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

MOVING_FOLDER = ".docmill-moving"
_OWNER, _FILE = "owner.json", "file"
_OWNER_BYTES_MAX = 4_096
_ATTEMPTS = 20
_LOCK_OFFSET = 1 << 20  # Windows hides locked bytes from readers


class _Owner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    made_by: Literal["docmill"] = "docmill"
    name: str  # of the file, in the folder that holds `.docmill-moving`; ASCII, see _quoted
    original: bool  # to be put back; otherwise a copy, to be removed


@contextmanager
def own_place(folder: Path, name: str, *, original: bool) -> Iterator[Path]:
    """A path in `folder`, on its file system, that only this block uses. Raises OSError.

    What lies there at the end is removed when it is a copy. An original stays with its owner
    beside it, and `recover` puts it back.
    """
    entry, descriptor = _new_entry(folder)
    try:
        owner = _Owner(name=_quoted(name), original=original)
        os.write(descriptor, owner.model_dump_json().encode())
        os.fsync(descriptor)
        yield entry / _FILE
    finally:
        try:
            if not original:
                (entry / _FILE).unlink(missing_ok=True)
            if not os.path.lexists(entry / _FILE):
                _remove(entry)
        finally:
            os.close(descriptor)


def recover(folders: Sequence[Path], say: Callable[[str], None]) -> list[Path]:
    """Puts back originals whose owner is dead, removes its copies; returns where originals lie."""
    back = []
    for entry in _entries(folders):
        try:
            path = _recover(entry, say)
        except OSError as error:
            say(f"{entry}: an interrupted move cannot be undone yet ({error.strerror})")
            continue
        if path is not None:
            back.append(path)
    return back


def _new_entry(folder: Path) -> tuple[Path, int]:
    """Another process may remove an empty folder at any moment; then it is made again."""
    moving = folder / MOVING_FOLDER
    for _ in range(_ATTEMPTS):
        with suppress(FileExistsError):
            moving.mkdir(mode=0o700)
        if not stat.S_ISDIR(_mode(moving)):
            raise NotADirectoryError(errno.ENOTDIR, "is not a folder", str(moving))
        entry = moving / uuid4().hex
        try:
            entry.mkdir(mode=0o700)
            descriptor = os.open(entry / _OWNER, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        except FileNotFoundError:
            continue
        try:
            held_elsewhere = not _lock(descriptor)
        except OSError:
            held_elsewhere = False  # no locks here: nobody else can take it over either
        if not held_elsewhere:
            return entry, descriptor
        os.close(descriptor)
    raise OSError(errno.EBUSY, "no folder for moving could be made", str(moving))


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return stat.S_IFDIR  # removed just now, which the next step notices


def _entries(folders: Sequence[Path]) -> Iterator[Path]:
    outer = [
        folder
        for folder in dict.fromkeys(folders)
        if not any(folder != other and folder.is_relative_to(other) for other in folders)
    ]
    for folder in outer:
        for place, names, _ in os.walk(folder):
            if MOVING_FOLDER in names:
                names.remove(MOVING_FOLDER)
                moving = Path(place, MOVING_FOLDER)
                if not moving.is_symlink():
                    yield from sorted(moving.iterdir())


def _recover(entry: Path, say: Callable[[str], None]) -> Path | None:
    with suppress(OSError):
        entry.rmdir()  # an empty one is nobody's
        return None
    unknown = f"{entry}: was not put there by docmill; it is left alone"
    try:
        descriptor = os.open(entry / _OWNER, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        if os.path.lexists(entry):
            say(unknown)
        return None
    except NotADirectoryError:
        say(unknown)
        return None
    try:
        if not _lock(descriptor):
            return None  # its owner lives
        owner = _owner_in(descriptor)
        file = entry / _FILE
        if owner is None or (os.path.lexists(file) and not stat.S_ISREG(_mode(file))):
            say(unknown)
            return None
        back = None
        if owner.original and os.path.lexists(file):
            back = put_back(file, entry.parent.parent / _unquoted(owner.name))
        file.unlink(missing_ok=True)
        _remove(entry)
        return back
    finally:
        os.close(descriptor)


def _owner_in(descriptor: int) -> _Owner | None:
    try:
        owner = _Owner.model_validate_json(os.read(descriptor, _OWNER_BYTES_MAX))
        name = _unquoted(owner.name)
    except (ValidationError, ValueError):
        return None
    return owner if name == os.path.basename(name) and name not in ("", ".", "..") else None  # noqa: PTH119 - Path("a/") would pass


def _quoted(name: str) -> str:
    """As JSON in ASCII: a name of bytes that are no text is a string that UTF-8 cannot hold."""
    return json.dumps(name)


def _unquoted(name: str) -> str:
    value = json.loads(name)
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("no name of a file")
    return value


def _remove(entry: Path) -> None:
    (entry / _OWNER).unlink(missing_ok=True)
    with suppress(OSError):
        entry.rmdir()
        entry.parent.rmdir()  # fails while others are in it


def _lock(descriptor: int) -> bool:
    """False when another has it. Raises OSError where the file system has no locks."""
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, _LOCK_OFFSET, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
            return False
        raise
    return True
