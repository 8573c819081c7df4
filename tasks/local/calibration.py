"""How sure is a value? Counted on labelled documents, by kind of value and by the reasons for it; never a guess.

Source of the counts: `python bench/local_accuracy.py --counts` over the shared development documents.
"""

COUNTS: dict[tuple[str, str], tuple[int, int]] = {}
"""(kind, reason) -> (right, seen)."""

UNCOUNTED = (1, 2)
MOST = 0.99


def confidence(kind: str, reason: str) -> float:
    """Share of values of this kind and reason that were right, by the rule of succession: (right + 1) / (seen + 2)."""
    right, seen = COUNTS.get((kind, reason), UNCOUNTED)
    return min(MOST, round((right + 1) / (seen + 2), 2))
