"""Files in the watched folder that may be processed."""

import os
import stat
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from pipelines.watching.places import Places
from tasks.source_files import is_ignored_name

_SYSTEM_NAMES = frozenset({"thumbs.db", "desktop.ini"})


class Fingerprint(NamedTuple):
    """What changes when a file is written or replaced, without reading it."""

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> "Fingerprint":
        """Raises OSError when the file is gone."""
        status = path.lstat()
        return cls(status.st_size, status.st_mtime_ns)


def find_candidates(places: Places, warn: Callable[[str], None]) -> dict[Path, Fingerprint]:
    """Regular files with a wanted name. One look at the whole folder; raises OSError when the
    folder itself cannot be read.

    Links are never taken: one that leads outside would let whoever may write here choose what else
    is read, and the target of one that stays inside is found by itself.
    """
    wanted = tuple(pattern.lower() for pattern in places.match)
    found: dict[Path, Fingerprint] = {}
    for entry in _entries(places.folder, places, warn):
        if not any(fnmatchcase(entry.name.lower(), pattern) for pattern in wanted):
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            continue  # gone between listing and asking
        if entry.is_symlink():
            _warn_of_link(Path(entry.path), places, warn)
        elif stat.S_ISREG(status.st_mode):
            found[Path(entry.path)] = Fingerprint(status.st_size, status.st_mtime_ns)
    return found


def _entries(
    folder: Path, places: Places, warn: Callable[[str], None]
) -> Iterator[os.DirEntry[str]]:
    pending = [folder]
    while pending:
        current = pending.pop()
        try:
            entries = list(os.scandir(current))
        except OSError as error:
            if current == folder:
                raise
            warn(f"sub-folder {current.relative_to(folder)} cannot be read: {error.strerror}")
            continue
        for entry in entries:
            if is_ignored_name(entry.name) or entry.name.lower() in _SYSTEM_NAMES:
                continue
            if entry.is_dir(follow_symlinks=False):
                if places.recursive and not places.is_filed(Path(entry.path)):
                    pending.append(Path(entry.path))
            else:
                yield entry


def _warn_of_link(path: Path, places: Places, warn: Callable[[str], None]) -> None:
    try:
        inside = path.resolve().is_relative_to(places.folder)
    except (OSError, RuntimeError):  # RuntimeError: a loop of links, before Python 3.13
        inside = False
    if not inside:
        warn(
            f"{path.name} is a link that leads out of the watched folder; it is not "
            "followed. Put the file itself here."
        )
