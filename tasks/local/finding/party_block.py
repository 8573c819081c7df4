"""A party as printed on a page."""

from dataclasses import dataclass

from tasks.local.finding.candidates import Candidate


@dataclass(frozen=True, slots=True)
class PartyBlock:
    """A party as printed: its name and the lines of its address, each a candidate of its own.
    Either may be missing."""

    key: str
    name: Candidate | None
    lines: tuple[Candidate, ...]
    score: float
