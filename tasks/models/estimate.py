"""What will a question cost, before it is asked? Ranges of tokens and money, by the same texts and rules as the real call."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.models.catalogue import Model
from tasks.models.gateway import Question
from tasks.models.tokens import PixelSize, estimated_prompt, estimated_text_tokens, prompt_bound

TYPICAL_PAGE_TOKENS = 450  # text of a page that nobody has read yet: a scan
FEWEST_PAGE_TOKENS = 60
MARK_UP = 1.1  # separators that the model puts between cells
RECORD_TOKENS = 60  # braces and the names of the few fields that every document has
RECORD_SHARE = 0.6  # of the text that comes back as values with their names


@dataclass(frozen=True, slots=True)
class Range:
    """`low <= expected <= high`; `high` is the bound that a budget reserves."""

    low: int = 0
    expected: int = 0
    high: int = 0

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.expected + other.expected, self.high + other.high)


@dataclass(frozen=True, slots=True)
class CallEstimate:
    """Tokens of calls, without repeats. `cost_nano` None: the model's price is unknown."""

    requests: int = 0
    prompt: Range = Range()
    completion: Range = Range()
    cost_nano: Range | None = Range()

    def __add__(self, other: "CallEstimate") -> "CallEstimate":
        cost = self.cost_nano + other.cost_nano if self.cost_nano is not None and other.cost_nano is not None else None
        return CallEstimate(self.requests + other.requests, self.prompt + other.prompt, self.completion + other.completion, cost)


def page_estimate(question: Question, model: Model, sizes: Sequence[PixelSize], page_text: str | None) -> CallEstimate:
    """Of a question by `pages_question`. `sizes`: the images in pixels as they will be sent; `page_text`: what is known of the pages' text."""
    if page_text is None:
        low, expected = FEWEST_PAGE_TOKENS * len(sizes), TYPICAL_PAGE_TOKENS * len(sizes)
    else:
        low = estimated_text_tokens(page_text)
        expected = int(low * MARK_UP) + 1
    return _estimate(question, model, sizes, low, expected, text_is_known=True)


def record_estimate(question: Question, model: Model, *, text_is_known: bool) -> CallEstimate:
    """Of a question by `record_question`. `text_is_known` False: its pages hold a guess of about `TYPICAL_PAGE_TOKENS` each."""
    text = estimated_text_tokens(question.turns[0].text)
    return _estimate(question, model, (), RECORD_TOKENS, RECORD_TOKENS + int(text * RECORD_SHARE), text_is_known=text_is_known)


def _estimate(
    question: Question, model: Model, sizes: Sequence[PixelSize], low: int, expected: int, *, text_is_known: bool
) -> CallEstimate:
    texts = [question.system, *(turn.text for turn in question.turns)]
    schema_json = question.schema[1] if question.schema is not None else ""
    typical = estimated_prompt(texts, schema_json, sizes, model)
    lowest = int(typical * 0.9) if text_is_known else int(estimated_prompt([question.system], schema_json, sizes, model) * 0.9)
    prompt = Range(lowest, typical, prompt_bound(texts, schema_json, sizes, model))
    most = question.max_tokens
    completion = Range(min(low, most), min(expected, most), most)
    cost = None
    if model.price is not None:
        price = model.price.cost_nano
        cost = Range(price(prompt.low, completion.low), price(prompt.expected, completion.expected), price(prompt.high, completion.high))
    return CallEstimate(1, prompt, completion, cost)
