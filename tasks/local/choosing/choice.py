"""A value chosen for one field, with what its confidence is counted by."""

from dataclasses import dataclass

from tasks.local.finding.candidates import Candidate


@dataclass(frozen=True, slots=True)
class Choice:
    """A value for a leaf. `kind` and `reason` are what the confidence is counted by."""

    value: object
    candidate: Candidate
    kind: str
    reason: str
    why: tuple[str, ...] = ()
