"""Questions of a user's own step, answered from the run's cache or within its budget."""

from typing import TypeVar, overload

from pydantic import BaseModel, ValidationError

from schemas.document import Document
from schemas.errors import AnswerCutError, AnswerInvalidError, StepError
from tasks.flow_definition import FlowDefinition
from tasks.models.conversation import prompts
from tasks.models.conversation.questions import between_markers, corrected
from tasks.models.gateway import ModelGateway, Question
from tasks.models.http.wire import Turn, json_text
from tasks.record_schema.nullable import read_json, schema_json

S = TypeVar("S", bound=BaseModel)
STEP_NAME_MAX = 64  # of the ledger's column
_PLACES_SHOWN = 5


class Models:
    """The models of a run, for one step of one document, which what is spent is counted for."""

    __slots__ = ("_document_id", "_flow", "_gateway", "_step")

    def __init__(
        self, gateway: ModelGateway, flow: FlowDefinition, document: Document, step: str
    ) -> None:
        self._gateway, self._flow = gateway, flow
        self._document_id, self._step = document.document_id, step[-STEP_NAME_MAX:]

    @overload
    async def ask(
        self,
        instructions: str,
        text: str,
        *,
        role: str = "text",
        max_tokens: int = 1_024,
        temperature: float = 0.0,
    ) -> str: ...

    @overload
    async def ask(
        self,
        instructions: str,
        text: str,
        *,
        schema: type[S],
        role: str = "text",
        max_tokens: int = 1_024,
        temperature: float = 0.0,
    ) -> S: ...

    async def ask(
        self,
        instructions: str,
        text: str,
        *,
        schema: type[S] | None = None,
        role: str = "text",
        max_tokens: int = 1_024,
        temperature: float = 0.0,
    ) -> str | S:
        """The model's answer about `text`; with `schema`, as an instance of it.

        `instructions` are yours; `text` is sent as data that the model must not obey. `role` is a
        key of `models:` in flows.yaml. The same question about the same document is paid for once.

        Raises BudgetExceededError before anything is sent that could go over the budget;
        AnswerCutError when the answer does not fit `max_tokens`; AnswerInvalidError when it does
        not fit the schema, also after asking again; the other `ModelError`s. A step lets them
        through: docmill knows what to do.
        """
        if role not in self._flow.models:
            known = ", ".join(self._flow.models)
            raise StepError(f"{self._step} asks the unknown role {role!r}; roles: {known}")
        question = Question(
            document_id=self._document_id,
            step=self._step,
            role=role,
            system=prompts.instructions(instructions),
            turns=(Turn("user", between_markers(self._document_id, text)),),
            max_tokens=max_tokens,
            temperature=temperature,
            schema=None if schema is None else ("answer", schema_json(schema)),
        )
        answer = await self._text(question)
        if schema is None:
            return answer
        try:
            return _read(answer, schema)
        except ValueError as error:
            again = await self._text(corrected(question, answer, _problems(error)))
        try:
            return _read(again, schema)
        except ValueError as error:
            raise AnswerInvalidError(
                f"the model's answer to {self._step} does not fit {schema.__name__}, also after "
                f"asking again: {', '.join(_places(error))}."
            ) from None

    async def _text(self, question: Question) -> str:
        answer = await self._gateway.ask(question)
        if answer.is_cut:
            raise AnswerCutError(
                f"the answer to {self._step} does not fit into {question.max_tokens} tokens; "
                "raise `max_tokens` of the question."
            )
        return answer.text


def _read(answer: str, schema: type[S]) -> S:
    """Raises ValueError, of which pydantic's ValidationError is one."""
    return schema.model_validate(read_json(json_text(answer)))


def _problems(error: ValueError) -> list[str]:
    if not isinstance(error, ValidationError):
        return ["the answer is not valid JSON"]
    return [f"{_dotted(one['loc'])}: {one['msg']}" for one in error.errors(include_url=False)]


def _places(error: ValueError) -> list[str]:
    """Where an answer does not fit, without its values: they may quote the document."""
    if not isinstance(error, ValidationError):
        return ["it is not valid JSON"]
    return [f"{_dotted(one['loc'])} ({one['type']})" for one in error.errors()][:_PLACES_SHOWN]


def _dotted(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in place) or "the whole answer"
