"""Folders of a watch, resolved from flows.yaml.

Refused where files would be lost or processed twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import CallError
from schemas.flow import DOCUMENT_PATTERNS, FlowSpec, WriteSettings
from schemas.flow.deployment import WatchSpec


@dataclass(frozen=True, slots=True)
class Places:
    """Absolute paths with links resolved. `done` and `failed` are never looked into, wherever they
    lie."""

    folder: Path
    done: Path
    failed: Path
    match: tuple[str, ...] = DOCUMENT_PATTERNS
    recursive: bool = False

    def is_filed(self, path: Path) -> bool:
        return path in (self.done, self.failed)


def places_of(
    flow: FlowSpec,
    watch: WatchSpec,
    base: Path,
    *,
    folder: Path | None = None,
    out: Path | None = None,
) -> Places:
    """Where the watch of a flow looks and files; `base` is the folder of flows.yaml, `folder` and
    `out` come from the command line.

    Raises CallError when there is no folder to watch, or when an output would land among the
    watched files.
    """
    named = (
        folder
        or (base / watch.folder if watch.folder else None)
        or (base / flow.source.folder if flow.source else None)
    )
    if named is None:
        raise CallError(
            "no folder to watch: name one on the command line, or set `watch.folder` or "
            "`source.folder` in flows.yaml"
        )
    if not named.is_dir():
        raise CallError(
            f"the folder to watch does not exist: {named}; create it (or mount it) and start again"
        )
    watched = named.resolve()
    places = Places(
        folder=watched,
        done=(base / watch.done).resolve() if watch.done else watched / "processed",
        failed=(base / watch.failed).resolve() if watch.failed else watched / "failed",
        match=flow.source.match if flow.source else DOCUMENT_PATTERNS,
        recursive=watch.recursive,
    )
    _refuse_filing_into_the_watched_folder(places)
    _refuse_outputs_among_watched_files(places, _outputs(flow, base, out))
    return places


def _outputs(flow: FlowSpec, base: Path, out: Path | None) -> list[Path]:
    if out is not None:
        return [out]
    written = flow.outputs or WriteSettings()
    return [base / name for name in (written.jsonl, written.csv, written.json_) if name]


def _refuse_filing_into_the_watched_folder(places: Places) -> None:
    for key, place in (("done", places.done), ("failed", places.failed)):
        if place == places.folder:
            raise CallError(
                f"watch.{key} is the watched folder itself ({place}); files would be taken "
                "again and again. Name another folder."
            )
        if places.folder.is_relative_to(place):
            raise CallError(
                f"watch.{key} ({place}) holds the watched folder ({places.folder}); name a "
                "folder beside it or inside it."
            )
    if places.done == places.failed:
        raise CallError(
            f"watch.done and watch.failed are the same folder ({places.done}); name two."
        )


def _refuse_outputs_among_watched_files(places: Places, outputs: Sequence[Path]) -> None:
    for output in outputs:
        place = output.resolve()
        filed = place.is_relative_to(places.done) or place.is_relative_to(places.failed)
        if place.is_relative_to(places.folder) and not filed:
            raise CallError(
                f"an output would be written into the watched folder: {place} lies in "
                f"{places.folder}. Nothing was started. Write it elsewhere (`write:` in "
                "flows.yaml, or --out), or watch another folder."
            )
