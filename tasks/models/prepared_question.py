"""A question as one model would get it, and the tokens that it takes."""

from dataclasses import dataclass

from tasks.models.gateway import Question
from tasks.models.price.catalogue import Model
from tasks.models.price.tokens import (
    PixelSize,
    TokenBound,
    estimated_prompt,
    image_tokens_bound,
    prompt_bound,
)


@dataclass(frozen=True, slots=True)
class PreparedQuestion:
    """`sizes` are those of the images that go with it."""

    question: Question
    model: Model
    sizes: tuple[PixelSize, ...]

    @property
    def bound(self) -> TokenBound:
        """The most that the call can use; what a budget reserves for it."""
        prompt = prompt_bound(self._texts, self._schema_json, self.sizes, self.model)
        return TokenBound(prompt, self.question.max_tokens)

    @property
    def estimated_prompt(self) -> int:
        return estimated_prompt(self._texts, self._schema_json, self.sizes, self.model)

    @property
    def image_tokens(self) -> int:
        return sum(image_tokens_bound(size, self.model) for size in self.sizes)

    @property
    def _texts(self) -> list[str]:
        return [self.question.system, *(turn.text for turn in self.question.turns)]

    @property
    def _schema_json(self) -> str:
        return self.question.schema[1] if self.question.schema is not None else ""
