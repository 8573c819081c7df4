"""Which values were found, but not surely enough?"""

from collections.abc import Iterator

from schemas.record import Draft, Finding


def doubts(draft: Draft, review_below: float) -> Iterator[Finding]:
    """Values below the confidence that the flow asks for are for review; values that no page shows are told, together."""
    low = [evidence for evidence in draft.evidence if evidence.confidence < review_below]
    if low:
        least = min(evidence.confidence for evidence in low)
        message = f"{len(low)} of {len(draft.evidence)} values are less sure than {review_below:g}; the least is at {least:.2f}"
        yield Finding(code="low_confidence", message=message, fields=tuple(evidence.field for evidence in low))
    ungrounded = tuple(evidence.field for evidence in draft.evidence if evidence.found_by == "ungrounded")
    if ungrounded:
        message = f"{len(ungrounded)} values do not stand on any page as they are in the record"
        yield Finding(code="ungrounded", message=message, fields=ungrounded, weight="note")
