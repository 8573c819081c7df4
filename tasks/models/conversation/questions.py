"""Questions to a model: one function per kind.

For the steps that ask and for the plan that estimates the cost.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel

from schemas.flow import ExtractSettings, RenderSettingsSpec, SummariseSettings
from schemas.record import PageExtraction
from tasks.flow_definition import FlowDefinition
from tasks.models.conversation import prompts
from tasks.models.conversation.parts import in_parts
from tasks.models.gateway import ImageSource, Question
from tasks.models.http.wire import Turn
from tasks.models.price.catalogue import Model
from tasks.record_schema.nullable import schema_json

_PROBLEMS_TOLD = 20
_PAGES_SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "pages": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "page_number": {
                            "type": "integer",
                            "description": "position of the image, from 1",
                        },
                        "text": {"type": "string"},
                    },
                    "required": ["page_number", "text"],
                    "additionalProperties": False,
                },
            }
        },
        "required": ["pages"],
        "additionalProperties": False,
    },
    separators=(",", ":"),
)


def pages_question(
    flow: FlowDefinition,
    settings: ExtractSettings,
    document_id: str,
    numbers: tuple[int, ...],
    page_count: int,
    image_of: ImageSource | None = None,
) -> Question:
    """What `extract` asks of one page, whose answer is its bare text, or of several, whose answer
    is JSON."""
    listed = ", ".join(str(number) for number in numbers)
    if len(numbers) == 1:
        told = f"The image is page {listed} of {page_count}."
    else:
        told = (
            f"The {len(numbers)} images are pages {listed} of {page_count}, in this order. "
            "Answer with JSON: the text of each."
        )
    render = flow.settings(RenderSettingsSpec)
    return Question(
        document_id=document_id,
        step="extract",
        role=settings.model,
        system=prompts.instructions(flow.prompts.get("extract") or prompts.shipped("extract")),
        turns=(Turn("user", told),),
        max_tokens=settings.max_tokens * len(numbers),
        temperature=settings.temperature,
        page_numbers=numbers,
        image_pages=numbers,
        image_of=image_of,
        max_side_px=render.max_side_px
        if render is not None and isinstance(render.max_side_px, int)
        else None,
        schema=None if len(numbers) == 1 else ("pages", _PAGES_SCHEMA),
    )


def record_question(
    flow: FlowDefinition,
    settings: SummariseSettings,
    schema: type[BaseModel],
    document_id: str,
    pages: Sequence[PageExtraction],
    page_count: int,
) -> Question:
    """What `summarise` asks of consecutive pages. The text stands between markers that no document
    can hold: they name the digest of its own bytes."""
    first, last = pages[0].page_number, pages[-1].page_number
    part = (
        f"pages {first} to {last} of {page_count}"
        if last > first
        else f"page {first} of {page_count}"
    )
    texts = "\n".join(f'<page number="{page.page_number}">\n{page.text}\n</page>' for page in pages)
    mark = _mark(document_id)
    told = (
        f"The text of a document, {part}, stands between the markers {mark}. Answer with one "
        f"JSON object.\n<{mark}>\n{texts}\n</{mark}>"
    )
    return Question(
        document_id=document_id,
        step="summarise",
        role=settings.model,
        system=prompts.instructions(flow.prompts.get("summarise") or prompts.shipped("summarise")),
        turns=(Turn("user", told),),
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        page_numbers=tuple(page.page_number for page in pages),
        schema=(re.sub(r"\W", "_", schema.__name__)[:64], schema_json(schema)),
    )


def between_markers(document_id: str, text: str) -> str:
    """Text of a document, or about it, as the message of a step of the user's own."""
    mark = _mark(document_id)
    return f"The text to read is between the markers {mark}.\n<{mark}>\n{text}\n</{mark}>"


def _mark(document_id: str) -> str:
    return f"document-{document_id[:12]}"


def record_questions(
    flow: FlowDefinition,
    settings: SummariseSettings,
    schema: type[BaseModel],
    document_id: str,
    pages: Sequence[PageExtraction],
    page_count: int,
    model: Model,
) -> list[Question]:
    """The questions of a document, one for each part that fits the model's context; none when no
    page has text."""
    written = [page for page in pages if page.text.strip()]
    if not written:
        return []
    system = prompts.instructions(flow.prompts.get("summarise") or prompts.shipped("summarise"))
    parts = in_parts(written, [system, schema_json(schema)], settings.max_tokens, model)
    return [
        record_question(flow, settings, schema, document_id, part, page_count) for part in parts
    ]


def corrected(question: Question, answer_text: str, problems: Sequence[str]) -> Question:
    """The question with an answer that did not fit, and what is wrong with it; the schema is not
    repeated."""
    listed = "\n".join(f"- {problem}" for problem in problems[:_PROBLEMS_TOLD])
    told = (
        f"Your answer does not fit:\n{listed}\nAnswer again with the whole JSON object, "
        "corrected in these places only; null where the document has no such value."
    )
    return replace(
        question, turns=(question.turns[0], Turn("assistant", answer_text), Turn("user", told))
    )


def larger(question: Question, model: Model) -> Question | None:
    """The question with twice the room for its answer; None when the model's context has no
    more."""
    doubled = question.max_tokens * 2
    return (
        replace(question, max_tokens=doubled)
        if model.context_tokens is None or doubled <= model.context_tokens // 2
        else None
    )
