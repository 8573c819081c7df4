"""Files of a run: those of the flow's folder, or those named on the command line."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from schemas.errors import CallError, SourceError
from schemas.flow import DOCUMENT_PATTERNS, FolderSource

_TEMPORARY_SUFFIXES = (
    ".tmp",
    ".temp",
    ".part",
    ".partial",
    ".filepart",
    ".crdownload",
    ".download",
    ".swp",
    "~",
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to process, or the reason why a named path gives none. `name` is the path as the
    user knows it."""

    path: Path
    name: str
    error: SourceError | None = None


def printable(path: Path) -> str:
    """A path as text that can be stored and shown: bytes that are not UTF-8, which Linux allows in
    names, are escaped."""
    return os.fsencode(path).decode(errors="backslashreplace")


def is_ignored_name(name: str) -> bool:
    """Hidden names and those that programs use while they still write."""
    return name.startswith((".", "~$")) or name.lower().endswith(_TEMPORARY_SUFFIXES)


def files_of_source(source: FolderSource, base: Path) -> list[SourceFile]:
    """The files of a flow's source in name order; CallError when the folder is missing.

    Links that lead out of the folder are left alone: who may write into an inbox must not choose
    what else is read.
    """
    folder = (base / source.folder).resolve()
    if not folder.is_dir():
        raise CallError(
            f"source folder {source.folder!r} does not exist (looked for {folder}); create "
            "it or name files on the command line"
        )
    return [
        SourceFile(path, printable(path))
        for path in _matching(folder, source.match, recursive=source.recursive)
        if path.resolve().is_relative_to(folder)
    ]


def files_of_paths(paths: Sequence[str], base: Path) -> list[SourceFile]:
    """Files, folders and globs named by hand, in the order given; relative ones resolve against
    `base`.

    A named file is taken whatever its suffix; of a named folder every document by its suffix. A
    path that gives nothing is an entry with an error, so that it shows in the results and the rest
    still runs.
    """
    return [file for path in paths for file in _files_of_path(path, base)]


def _files_of_path(given: str, base: Path) -> Iterator[SourceFile]:
    path = base / Path(given).expanduser()
    if path.is_dir():
        found: Iterable[Path] = _matching(path, DOCUMENT_PATTERNS, recursive=False)
        empty = (
            f"folder {given!r} contains no documents (looked for "
            f"{', '.join(DOCUMENT_PATTERNS[:4])}, ...)"
        )
    elif path.exists() or path.is_symlink():
        found, empty = [path], ""
    elif glob.has_magic(given):
        found = sorted(
            Path(match)
            # also absolute patterns
            for match in glob.glob(str(path), recursive=True)  # noqa: PTH207
            if Path(match).is_file()
        )
        empty = f"pattern {given!r} matches no file"
    else:
        found, empty = [], f"{given!r} does not exist (looked for {path})"
    nothing = True
    for file in found:
        nothing = False
        yield SourceFile(file.absolute(), printable(file))
    if nothing:
        yield SourceFile(
            path.absolute(),
            given,
            SourceError(f"{empty}; it was left out, the others were processed"),
        )


def _matching(folder: Path, patterns: Sequence[str], *, recursive: bool) -> list[Path]:
    lowered = [pattern.lower() for pattern in patterns]
    candidates = folder.rglob("*") if recursive else folder.iterdir()
    return sorted(
        path
        for path in candidates
        if not any(is_ignored_name(part) for part in path.relative_to(folder).parts)
        and any(fnmatch(path.name.lower(), pattern) for pattern in lowered)
        and path.is_file()
    )
