"""The step `einvoice`: the record from an embedded or bare e-invoice, exact and free."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from schemas.document import Attachment, Document
from schemas.errors import (
    LimitError,
    MachineError,
    SourceError,
    UnreadableError,
    UnsupportedTypeError,
    WorkerError,
)
from schemas.flow import EinvoiceSettings
from schemas.invoice import Invoice
from schemas.record import Draft, Evidence, Finding
from tasks.documents.identify import PDF, UNKNOWN, XML
from tasks.einvoices.projection import Projection, project
from tasks.einvoices.read import EInvoice, NotAnInvoice, Profile, read_einvoice
from tasks.einvoices.xml_tree import MAX_BYTES, looks_like_xml
from tasks.record_schema.fields import fields_of
from tasks.record_schema.shape import name_of
from tasks.rules.facts import DUE_EXPLAINED
from tasks.services import ReadingServices
from tasks.vocabulary.terms import terms_of

UNKNOWN_DIALECT = 0.9  # confidence where elements may mean something else than in EN 16931
MOST_FINDINGS = 10  # about attachments of one document
KNOWN_NAMES = (
    "factur-x.xml",
    "zugferd-invoice.xml",
    "xrechnung.xml",
    "invoice.xml",
    "ubl.xml",
    "cii.xml",
    "order-x.xml",
)
"""Names that the formats prescribe or writers use, compared without case; the likeliest is read
first. Others are known by content."""


# steps share one signature
async def einvoice(draft: Draft, settings: EinvoiceSettings, services: ReadingServices) -> Draft:  # noqa: ARG001
    """Fills `record` and `evidence` from the XML of a PDF attachment or of a bare XML file; another
    document comes back unchanged.

    `record_complete` when the record satisfies the flow's schema and the profile leaves nothing out
    that the schema has a field for, so that no later step asks a model. A bare XML file has no
    pages that could tell more: it is always complete, and `check` says what is missing.

    Raises `UnsupportedTypeError` (an XML file that is not an invoice), `UnreadableError`,
    `LimitError` and `PasswordError`. Broken XML inside a PDF is a note: the pages can still be
    read.
    """
    document, schema = draft.document, services.flow.schema or Invoice
    if _is_bare_xml(document):
        found = await _read_file(document)
        known = document.model_copy(
            update={"media_type": XML}
        )  # by now for certain, so that `render` takes it for what it is
        return _filled(draft.model_copy(update={"document": known}), found, schema, bare=True)
    if document.media_type != PDF:
        return draft
    try:
        attachments = await services.reader.attachments(document)
        names = await services.reader.attachment_names(document)
    except (WorkerError, LimitError) as error:  # its pages may still be readable
        message = f"attachments were not looked at: {error.message}"
        return draft.adding(Finding(code="einvoice_unreadable", message=message, weight="note"))
    search = await asyncio.to_thread(_search, attachments)
    draft = draft.adding(*_few(search.findings))
    if search.invoice is not None:
        return _filled(draft, search.invoice, schema, bare=False)
    left_out = [
        name
        for name in names
        if name.casefold().endswith(".xml")
        and name not in {attachment.name for attachment in attachments}
    ]
    return draft.adding(*_few([_unused(name, "it is damaged or too large") for name in left_out]))


def _is_bare_xml(document: Document) -> bool:
    """By content; where the content is text of no known kind, such as UTF-16 without a mark, the
    name decides."""
    return document.media_type == XML or (
        document.media_type in ("text/plain", UNKNOWN) and document.path.suffix.casefold() == ".xml"
    )


async def _read_file(document: Document) -> EInvoice:
    if document.size_bytes > MAX_BYTES:
        raise LimitError(
            f"an XML file of {document.size_bytes:,} bytes; at most {MAX_BYTES:,} are read"
        )
    read = await asyncio.to_thread(_read_path, document.path)
    if isinstance(read, NotAnInvoice):
        raise UnsupportedTypeError(f"{read.name}, not an invoice in CII or UBL")
    return read


def _read_path(path: Path) -> EInvoice | NotAnInvoice:
    try:
        data = path.read_bytes()
    except OSError as error:
        machine = MachineError.of(f"{path}: cannot be read", error)
        if machine is not None:
            raise machine from error
        raise SourceError(
            f"{path}: cannot be read: {error.strerror or type(error).__name__}"
        ) from error
    return read_einvoice(data)


@dataclass(frozen=True, slots=True)
class _Search:
    """The invoice among a PDF's attachments and the others beside it, or why there is none although
    there is XML."""

    invoice: EInvoice | None
    findings: tuple[Finding, ...] = ()


def _search(attachments: list[Attachment]) -> _Search:
    invoice: EInvoice | None = None
    notes: list[Finding] = []
    others: list[Finding] = []
    for attachment in sorted(attachments, key=_rank):
        if not (attachment.name.casefold().endswith(".xml") or looks_like_xml(attachment.data)):
            continue
        try:
            read = read_einvoice(attachment.data)
        except (UnreadableError, LimitError) as error:
            notes.append(_unused(attachment.name, error.message))
            continue
        if isinstance(read, NotAnInvoice):
            message = f"the attached {attachment.name!r} is {read.name}, not an invoice"
            notes.append(Finding(code="einvoice_not_an_invoice", message=message, weight="note"))
        elif invoice is None:
            invoice = read
        elif read.values.get("number") != invoice.values.get("number"):
            message = (
                f"the attached {attachment.name!r} is another invoice "
                f"({read.values.get('number')}), which was not read"
            )
            others.append(Finding(code="einvoice_several", message=message))
    return _Search(invoice, tuple(others if invoice else notes))


def _few(findings: Sequence[Finding]) -> Sequence[Finding]:
    """The first of them, and how many more there are: a PDF may have thousands of attachments."""
    more = len(findings) - MOST_FINDINGS
    if more <= 0:
        return findings
    return *findings[:MOST_FINDINGS], findings[0].model_copy(
        update={"message": f"the same of {more:,} more attached files"}
    )


def _unused(name: str, why: str) -> Finding:
    return Finding(
        code="einvoice_unreadable",
        message=f"the attached {name!r} was not used: {why}",
        weight="note",
    )


def _rank(attachment: Attachment) -> int:
    name = attachment.name.casefold()
    return KNOWN_NAMES.index(name) if name in KNOWN_NAMES else len(KNOWN_NAMES)


def _filled(draft: Draft, found: EInvoice, schema: type[BaseModel], *, bare: bool) -> Draft:
    projection = project(found.values, schema)
    if found.refused:
        message = f"{found.name}: no date or number can be read at {', '.join(found.refused[:5])}"
        draft = draft.adding(
            Finding(code="einvoice_value_unreadable", message=message, weight="note")
        )
    draft = draft.adding(*_cautions(found))
    confidence = 1.0 if found.dialect is None else UNKNOWN_DIALECT
    evidence = tuple(
        Evidence(field=field, found_by="einvoice", path=found.paths[source], confidence=confidence)
        for field, source in projection.sources.items()
    )
    complete = bare or (projection.fits and not _leaves_out(found, projection, schema))
    return draft.model_copy(
        update={"record": projection.record, "evidence": evidence, "record_complete": complete}
    )


def _cautions(found: EInvoice) -> list[Finding]:
    """What a person has to know about the reading of an invoice that is not plain EN 16931."""
    findings = [
        Finding(code="einvoice_unclear", message=f"{found.name}: {why}", fields=("tax_total",))
        for why in found.unclear
    ]
    if found.dialect is not None:
        message = (
            f"{found.name}: the rules of {found.dialect[:120]!r} are not known here; it was read "
            "by those of EN 16931"
        )
        findings.append(Finding(code="einvoice_dialect", message=message, weight="note"))
    if found.due_explained is not None:
        findings.append(Finding(code=DUE_EXPLAINED, message=found.due_explained, weight="note"))
    return findings


def _leaves_out(found: EInvoice, projection: Projection, schema: type[BaseModel]) -> bool:
    """Whether the paper may say more than the XML: MINIMUM has a few totals and parties only, BASIC
    WL no lines ("without lines")."""
    if found.profile is Profile.MINIMUM:
        return any(value in (None, []) for value in projection.record.values())
    return "lines" not in found.values and any(
        "lines" in terms_of("invoice", name_of(field)._replace(name=name, holds="list"))
        for field in fields_of(schema)
        if field.is_list
        for name in field.names
    )
