"""The label beside a printed value, and whether it is that of the value's own field."""

from typing import NamedTuple

from tasks.layout.rows import Segment, Sheet
from tasks.local.finding.candidates import labelled_text
from tasks.text.folding import tokens
from tasks.vocabulary.amount_labels import amount_label
from tasks.vocabulary.concepts import Meaning
from tasks.vocabulary.labels import LabelBook, lexicon

_BOOK = LabelBook(lexicon())


class PrintedLabel(NamedTuple):
    """The label beside a printed value: the field's own, or the concept of another one."""

    own: bool
    other: str | None = None


NO_LABEL = PrintedLabel(own=False)


def label_beside(
    sheet: Sheet, segment: Segment, start: int, last: int, meaning: Meaning, *, forgiving: bool
) -> PrintedLabel:
    """The label of the value at `start`, in its own line after `last` or near it. `forgiving`: also
    with letters that OCR confuses."""
    other: str | None = None
    for text, where in labelled_text(sheet, segment, start, after=last):
        if meaning.kind == "money":
            label = amount_label(text, forgiving=forgiving)
            if label is not None:
                own = label.concept == meaning.key
                return PrintedLabel(own, None if own else label.concept)
            continue
        words = tokens(text)[-12:]
        if any(phrase and phrase in " ".join(words) for phrase in meaning.phrases):
            return PrintedLabel(own=True)
        matches = _BOOK.matches(words)
        if not matches:
            continue
        # "due date" says more than the "date" in it
        best = max(matches, key=lambda match: (match.end - match.start, match.end))
        if best.key == meaning.key or any(
            match.key == meaning.key and match.start >= best.end for match in matches
        ):
            return PrintedLabel(own=True)
        other = other or best.key
        if where in ("same", "left"):
            break  # the label in its own line is nearer than one above
    return PrintedLabel(own=False, other=other)
