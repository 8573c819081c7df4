"""Outputs of a flow and their paths."""

import re
from dataclasses import dataclass
from pathlib import Path

from schemas.flow import WriteSettings

LONGEST_NAME_BYTES = 200  # file systems take 255, with suffix
ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Target:
    """One output. `key` is how the ledger knows it: kind and path, relative to the project's folder
    where it lies inside."""

    kind: str  # of `tasks.outputs.SINKS`
    place: Path  # absolute
    key: str


def targets_of(
    settings: WriteSettings, flow: str, folder: Path, out: Path | None
) -> tuple[Target, ...]:
    """The outputs that `write:` names. `folder` is that of flows.yaml.

    `out` takes every output under its base name.
    """
    paths = settings.paths(flow)
    return tuple(_target(kind, path, folder, out) for kind, path in paths.items())


def _target(kind: str, path: str, folder: Path, out: Path | None) -> Target:
    place = (folder / path).absolute() if out is None else (out / Path(path).name).absolute()
    inside = place.is_relative_to(folder.absolute())
    return Target(
        kind,
        place,
        f"{kind}:{(place.relative_to(folder.absolute()) if inside else place).as_posix()}",
    )


def target_of_key(key: str, folder: Path) -> Target:
    kind, _, path = key.partition(":")
    return Target(kind, (folder / path).absolute(), key)


def entry_name(path: Path, flow: str, document_id: str) -> str:
    """File name without suffix: the document's own, made safe for every file system, its flow and
    half of its id.

    Flows may share a folder, and half an id cannot be met on purpose, so that no two documents
    share a file. Neither a flow's name nor an id has a dot.
    """
    stem = re.sub(r"[^\w.()+@ -]", "_", path.stem).strip(" .") or "document"
    rest = f".{flow}.{document_id[:ID_DIGITS]}"
    room = LONGEST_NAME_BYTES - len(rest.encode())
    stem = stem.encode()[:room].decode(errors="ignore").rstrip(" .")
    return f"{stem}{rest}"
