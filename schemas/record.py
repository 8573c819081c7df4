"""Results: extractions, a record with evidence and findings, and the result that is written."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from schemas.document import Box, Document, PageHandle
from schemas.errors import DeferReason, advice_for
from schemas.usage import Usage


class Status(StrEnum):
    """Where a document ended in a flow. Every document ends in exactly one of these."""

    DONE = "done"
    NEEDS_REVIEW = "needs_review"
    FAILED = "failed"
    DEFERRED = "deferred"
    SKIPPED = "skipped"


class PageExtraction(BaseModel):
    """What was read off one page: text in reading order. `error` is set, and `text` empty, when the
    page could not be read."""

    model_config = ConfigDict(frozen=True)

    page_number: int
    text: str
    engine: Literal["mistral", "local"]
    model: str | None = None  # the id that was sent; None for the local engine
    error: "ErrorInfo | None" = None


class ErrorInfo(BaseModel):
    """A stable code (see `schemas.errors`) and a message a person can act on. Holds no document
    text and no secret."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str

    advice: str | None = Field(default_factory=lambda said: _advice(said["code"]))


def _advice(code: str) -> str | None:
    """What a person can do about it; None for a document that only waits for the next run."""
    return None if code in set(DeferReason) else advice_for(code)


class Evidence(BaseModel):
    """Where one value of the record came from. Boxes come from words on the page, never from a
    model."""

    model_config = ConfigDict(frozen=True)

    field: str  # dotted path into the record, list items by index: lines[0].net_amount
    page: int | None = None  # page number, from 1
    quote: str | None = None  # the text as printed
    box: Box | None = None
    found_by: Literal["einvoice", "text_layer", "ocr", "transcription", "ungrounded", "step"]
    path: str | None = None  # for an e-invoice: the path inside the XML
    confidence: float  # 0..1
    why: tuple[str, ...] = ()  # reasons in words: "label `Total`", "net + tax agrees"


class Finding(BaseModel):
    """One broken rule or doubt. `review` findings make the document `needs_review`; `note` ones
    only tell."""

    model_config = ConfigDict(frozen=True)

    code: str  # stable, snake case
    message: str
    fields: tuple[str, ...] = ()
    weight: Literal["review", "note"] = "review"


class Draft(BaseModel):
    """A document on its way through the steps of a flow: what has been found so far. Steps return a
    changed copy."""

    model_config = ConfigDict(frozen=True)

    version: Literal[1] = 1
    document: Document
    pages: tuple[PageHandle, ...] = ()
    page_count: int = 0  # all pages of the document, also those left out by `pages` or `max_pages`
    extractions: tuple[PageExtraction, ...] = ()
    record: dict[str, JsonValue] | None = (
        None  # null where nothing was found; None before `summarise` or `einvoice`
    )
    record_complete: bool = (
        False  # an e-invoice satisfied the schema: extract and summarise have nothing to do
    )
    evidence: tuple[Evidence, ...] = ()
    findings: tuple[Finding, ...] = ()
    usage: Usage = Usage()

    def adding(self, *new: Finding | Evidence) -> "Draft":
        """The draft with more findings and more evidence."""
        findings = [one for one in new if isinstance(one, Finding)]
        evidence = [one for one in new if isinstance(one, Evidence)]
        return self.model_copy(
            update={
                "findings": (*self.findings, *findings),
                "evidence": (*self.evidence, *evidence),
            }
        )


class DocumentResult(BaseModel):
    """One document's outcome in one run: a `documents` entry of `--json` and a line of the JSONL
    output."""

    model_config = ConfigDict(frozen=True)

    path: str
    document_id: str | None  # None only when the file could not be read at all
    status: Status
    pages: int
    record: dict[str, JsonValue] | None = None
    evidence: tuple[Evidence, ...] = ()
    findings: tuple[Finding, ...] = ()
    error: ErrorInfo | None = None

    @property
    def confidence(self) -> float | None:
        """Of the least certain value found; None when there is no value."""
        return min((e.confidence for e in self.evidence), default=None)


PageExtraction.model_rebuild()
