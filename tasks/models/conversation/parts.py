"""Splitting of a long document so that each part fits the model's context."""

from collections.abc import Sequence

from schemas.record import PageExtraction
from tasks.models.price.catalogue import Model
from tasks.models.price.tokens import estimated_text_tokens, fixed_text_tokens

UNKNOWN_CONTEXT_TOKENS = 32_768  # what every current model has at least
SAFETY = 1.25  # estimates may be low; the server's "too long" answer is the last resort
MOST_TOKENS = 100_000  # of a part: models overlook things in longer texts


def in_parts(
    pages: Sequence[PageExtraction], fixed_texts: Sequence[str], max_tokens: int, model: Model
) -> list[list[PageExtraction]]:
    """Consecutive pages, as many in each part as fit. A page that is too long by itself is a part
    of its own."""
    fixed = sum(fixed_text_tokens(text) for text in fixed_texts)
    room = (
        min((model.context_tokens or UNKNOWN_CONTEXT_TOKENS) - max_tokens, MOST_TOKENS) / SAFETY
        - fixed
    )
    parts: list[list[PageExtraction]] = [[]]
    used = 0
    for page in pages:
        tokens = estimated_text_tokens(page.text) + 10
        if parts[-1] and used + tokens > room:
            parts.append([])
            used = 0
        parts[-1].append(page)
        used += tokens
    return parts
