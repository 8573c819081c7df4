"""The step `render`: opens a document, applies limits and page selection, yields page handles.

No image is made here: steps ask `services.reader` for one when they need it, so that memory stays
flat at any length.
"""

from schemas.document import DocumentInfo, PageHandle
from schemas.errors import LimitError, UnreadableError, UnsupportedTypeError
from schemas.flow import RenderSettingsSpec
from schemas.flow.page_selection import parse_page_selection
from schemas.record import Draft, Finding
from tasks.documents.identify import XML
from tasks.services import ReadingServices

LEFT_OUT = "pages_left_out"
_SHOWN = 5  # ranges of page numbers named in a message


async def render(draft: Draft, settings: RenderSettingsSpec, services: ReadingServices) -> Draft:
    """Sets `pages` and `page_count`; pages left out become findings.

    Raises UnsupportedTypeError, UnreadableError, PasswordError, LimitError or WorkerError.
    """
    info = await services.reader.open(draft.document)
    if draft.document.media_type == XML:
        return _without_pages(draft)
    if info.page_count < 1:
        raise UnreadableError("the document has no pages")
    everything = tuple(range(1, info.page_count + 1))
    selected = (
        parse_page_selection(settings.pages).numbers(info.page_count)
        if settings.pages
        else everything
    )
    if not selected:
        raise LimitError(
            f'`render.pages: "{settings.pages}"` selects none of the {_count(info.page_count)}'
        )
    taken = selected[: settings.max_pages]
    findings = []
    if len(selected) < len(everything):
        left_out = _ranges(tuple(sorted(set(everything) - set(selected))))
        findings.append(
            Finding(
                code=LEFT_OUT,
                message=f'not read, as `render.pages: "{settings.pages}"` asks: {left_out}',
                weight="note",
            )
        )
    if len(taken) < len(selected):
        left_out = _ranges(selected[len(taken) :])
        findings.append(
            Finding(
                code=LEFT_OUT,
                message=f"not read, because of `render.max_pages: {settings.max_pages}`: "
                f"{left_out}",
            )
        )
    pages = tuple(
        PageHandle(document_id=draft.document.document_id, page_number=number) for number in taken
    )
    return draft.model_copy(update={"pages": pages, "page_count": info.page_count}).adding(
        *findings, *_not_on_pages(draft, info)
    )


def _not_on_pages(draft: Draft, info: DocumentInfo) -> list[Finding]:
    """What a PDF holds that its pages do not show. Files beside an e-invoice support it, so there
    they are only a note."""
    findings = []
    attached = [name for name in info.attachment_names if name.casefold().endswith(".pdf")]
    if attached:
        more = f" and {len(attached) - _SHOWN} more" if len(attached) > _SHOWN else ""
        names = ", ".join(name[:80] for name in attached[:_SHOWN])
        findings.append(
            Finding(
                code="attached_pdfs",
                message=f"other PDFs are attached and were not read: {names}{more}; they may be "
                "documents of their own",
                weight="review" if draft.record is None else "note",
            )
        )
    if info.xfa_only:
        message = (
            "the PDF is an XFA form: its data were not read, and its pages only show a "
            "placeholder; print it to PDF from Adobe Reader"
        )
        findings.append(Finding(code="xfa_form", message=message))
    return findings


def _without_pages(draft: Draft) -> Draft:
    """An XML file is an e-invoice as a whole or nothing at all; `einvoice` comes before this
    step."""
    if draft.record is None:
        raise UnsupportedTypeError(
            "an XML file that no step could read as an e-invoice; only the step `einvoice` reads "
            "XML"
        )
    return draft.model_copy(update={"pages": (), "page_count": 0})


def _count(pages: int) -> str:
    return "1 page" if pages == 1 else f"{pages:,} pages"


def _ranges(numbers: tuple[int, ...]) -> str:
    """Page numbers for people: "pages 2-4, 7"; long lists end in a count."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    shown = ", ".join(
        str(first) if first == last else f"{first}-{last}" for first, last in ranges[:_SHOWN]
    )
    more = f" and more ({_count(len(numbers))} in all)" if len(ranges) > _SHOWN else ""
    return f"{'page' if len(numbers) == 1 else 'pages'} {shown}{more}"
