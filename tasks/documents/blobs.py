"""Where do small files go? A folder, or anything that an fsspec URL names. Names are relative, with slashes."""

import itertools
import os
import shutil
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

_PRIVATE = 0o700


class Blobs(Protocol):
    """Blocking. `write` is atomic: a reader sees all of it or nothing."""

    def read(self, name: str) -> bytes | None: ...
    def write(self, name: str, data: bytes) -> None: ...
    def remove(self, folder: str) -> None: ...


def blobs_at(url: str) -> Blobs:
    """A plain path and `file://` are folders; other URLs need fsspec's package for their protocol."""
    if url.startswith("file://"):
        return FolderBlobs(Path(unquote(urlsplit(url).path)))
    return RemoteBlobs(url) if "://" in url else FolderBlobs(Path(url))


class FolderBlobs:
    """A folder that only its owner may read. Without fsspec, whose import costs more than reading a document."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counter = itertools.count()

    def read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        path = self._folder / name
        temporary = path.with_name(f".{path.name}.{os.getpid()}-{next(self._counter)}")
        try:
            temporary.write_bytes(data)
        except FileNotFoundError:
            self._make(path.parent)
            temporary.write_bytes(data)
        temporary.replace(path)

    def remove(self, folder: str) -> None:
        shutil.rmtree(self._folder / folder, ignore_errors=True)

    def _make(self, folder: Path) -> None:
        for parent in reversed((folder, *folder.parents)):
            parent.mkdir(mode=_PRIVATE, exist_ok=True)


class RemoteBlobs:
    """Any fsspec file system; object stores write whole objects, which is atomic."""

    def __init__(self, url: str) -> None:
        from fsspec.core import url_to_fs  # noqa: PLC0415  only where a store is remote

        self._system: Any
        self._system, self._root = url_to_fs(url)

    def read(self, name: str) -> bytes | None:
        try:
            return bytes(self._system.cat_file(f"{self._root}/{name}"))
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        path = f"{self._root}/{name}"
        self._system.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._system.pipe_file(path, data)

    def remove(self, folder: str) -> None:
        try:
            self._system.rm(f"{self._root}/{folder}", recursive=True)
        except FileNotFoundError:
            return
