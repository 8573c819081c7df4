"""Outputs of a flow and their paths."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.flow import WriteSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_STEM = 80


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
    """The outputs of the `write` step. `folder` is that of flows.yaml; `out` takes every output
    under its base name.

    `write: {}` writes out/FLOW.jsonl, out/FLOW.csv and out/FLOW/.
    """
    named: Mapping[str, str | None] = {
        "jsonl": settings.jsonl,
        "csv": settings.csv,
        "json": settings.json_,
    }
    if not any(named.values()):
        named = {"jsonl": f"out/{flow}.jsonl", "csv": f"out/{flow}.csv", "json": f"out/{flow}"}
    return tuple(_target(kind, path, folder, out) for kind, path in named.items() if path)


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


def entry_name(path: Path, document_id: str) -> str:
    """File name without suffix: the document's own, made safe for every file system, and the
    beginning of its id."""
    stem = re.sub(r"[^\w.()+@ -]", "_", path.stem).strip(" .") or "document"
    return f"{stem[:LONGEST_STEM]}-{document_id[:8]}"
