"""Storage of blobs: a folder, or anything that an fsspec URL names.

Names are relative, with slashes.
"""

import asyncio
import itertools
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

_PRIVATE = 0o700


class Blobs(Protocol):
    """`write` is atomic for each file: a reader sees all of it or nothing. Errors are OSError."""

    async def read(self, name: str) -> bytes | None: ...
    async def write(self, files: Mapping[str, bytes]) -> None: ...
    async def remove(self, folder: str) -> None: ...


def blobs_at(url: str) -> Blobs:
    """A plain path and `file://` are folders; other URLs need fsspec's package for their
    protocol."""
    if url.startswith("file://"):
        return FolderBlobs(Path(unquote(urlsplit(url).path)))
    return RemoteBlobs(url) if "://" in url else FolderBlobs(Path(url))


class FolderBlobs:
    """A folder that only its owner may read. Without fsspec, whose import costs more than reading a
    document."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counter = itertools.count()

    async def read(self, name: str) -> bytes | None:
        """In the caller's thread: for a small local file, changing threads costs more than reading
        it."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    async def write(self, files: Mapping[str, bytes]) -> None:
        await asyncio.to_thread(self._write, files)

    async def remove(self, folder: str) -> None:
        await asyncio.to_thread(shutil.rmtree, self._folder / folder, ignore_errors=True)

    def _write(self, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            path = self._folder / name
            temporary = path.parent / f".{os.getpid()}-{next(self._counter)}"
            try:
                temporary.write_bytes(data)
            except FileNotFoundError:
                _make(path.parent)
                temporary.write_bytes(data)
            temporary.replace(path)


def _make(folder: Path) -> None:
    """The folder and those above it that are missing, each for its owner only."""
    try:
        folder.mkdir(mode=_PRIVATE, exist_ok=True)
    except FileNotFoundError:
        _make(folder.parent)
        folder.mkdir(mode=_PRIVATE, exist_ok=True)


class RemoteBlobs:
    """Any fsspec file system; object stores write whole objects, which is atomic."""

    def __init__(self, url: str) -> None:
        from fsspec.core import url_to_fs  # noqa: PLC0415  only where a store is remote

        self._system: Any
        self._system, self._root = url_to_fs(url)

    async def read(self, name: str) -> bytes | None:
        try:
            return bytes(await asyncio.to_thread(self._system.cat_file, f"{self._root}/{name}"))
        except FileNotFoundError:
            return None

    async def write(self, files: Mapping[str, bytes]) -> None:
        await asyncio.gather(*(self._write(name, data) for name, data in files.items()))

    async def _write(self, name: str, data: bytes) -> None:
        path = f"{self._root}/{name}"
        await asyncio.to_thread(self._system.makedirs, path.rpartition("/")[0], exist_ok=True)
        await asyncio.to_thread(self._system.pipe_file, path, data)

    async def remove(self, folder: str) -> None:
        try:
            await asyncio.to_thread(self._system.rm, f"{self._root}/{folder}", recursive=True)
        except FileNotFoundError:
            return
