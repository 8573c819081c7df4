"""The rule about the title: a page that says "credit note" and a record that says otherwise."""

from schemas.errors import DocumentError
from schemas.record import Draft, Finding
from tasks.layout.rows import sheet_of
from tasks.local.finding.titles import credit_note_titles_on
from tasks.rules.direction import CREDIT_NOTES
from tasks.rules.facts import Facts
from tasks.services import Services

_SELF_BILLED = "389"  # in German a "Gutschrift" as well


async def title_difference(draft: Draft, facts: Facts, services: Services) -> list[Finding]:
    """Silent where the schema has no type code, or the first page was not read."""
    code = facts.text("type_code")
    if not facts.has("type_code") or code in (*CREDIT_NOTES, _SELF_BILLED):
        return []
    if not draft.pages or draft.pages[0].page_number != 1:
        return []
    try:
        page = await services.reader.page(draft.document, 1, ocr=False)
    except DocumentError:  # said by the step that needed the page
        return []
    titles = credit_note_titles_on(sheet_of(page))
    if not titles:
        return []
    message = (
        f"the page has the {titles[0].why[0]}, but the type code is {code or 'missing'}: a credit "
        "note (381), or an invoice"
    )
    return [Finding(code="title_disagrees", message=message, fields=facts.paths("type_code"))]
