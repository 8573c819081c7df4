"""Time since a file last changed.

Decided by comparing observations, never by clocks of other machines.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.watching.candidates import Fingerprint

_LONGEST_WAIT_SECONDS = 600.0


@dataclass(slots=True)
class _Seen:
    fingerprint: Fingerprint
    still_since: float
    not_before: float = 0.0
    postponed: int = 0


class Settling:
    """What was seen of each file. Times are those of one monotonic clock, in seconds."""

    def __init__(self, settle_seconds: float) -> None:
        self._settle_seconds = settle_seconds
        self._seen: dict[Path, _Seen] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def look(self, found: Mapping[Path, Fingerprint], now: float) -> None:
        """Take note of one look at the folder: new and changed files start to settle, vanished ones
        are forgotten."""
        for path in self._seen.keys() - found.keys():
            del self._seen[path]
        for path, fingerprint in found.items():
            seen = self._seen.get(path)
            if seen is None or seen.fingerprint != fingerprint:
                self._seen[path] = _Seen(fingerprint, still_since=now)

    def still(self, now: float, *, but: Collection[Path] = ()) -> dict[Path, Fingerprint]:
        """Files that may be taken, the longest unchanged first."""
        due = [
            (seen.fingerprint.mtime_ns, path)
            for path, seen in self._seen.items()
            if path not in but and self._due(seen) <= now
        ]
        return {path: self._seen[path].fingerprint for _, path in sorted(due)}

    def still_for(self, path: Path, now: float) -> float:
        return now - self._seen[path].still_since

    def next_due(self, *, but: Collection[Path] = ()) -> float | None:
        return min(
            (self._due(seen) for path, seen in self._seen.items() if path not in but), default=None
        )

    def postpone(self, path: Path, now: float, seconds: float) -> None:
        """Leave a file that could not be finished alone: for `seconds`, then doubled each time, ten
        minutes at most."""
        seen = self._seen.get(path)
        if seen is not None:
            seen.not_before = now + min(seconds * 2**seen.postponed, _LONGEST_WAIT_SECONDS)
            seen.postponed = min(seen.postponed + 1, 16)

    def wait_again(self, path: Path, now: float, seconds: float) -> None:
        """Look at a file again after `seconds`, without counting it as a failure to finish it."""
        seen = self._seen.get(path)
        if seen is not None:
            seen.not_before = now + seconds

    def _due(self, seen: _Seen) -> float:
        return max(seen.still_since + self._settle_seconds, seen.not_before)
