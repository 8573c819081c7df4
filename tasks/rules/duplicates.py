"""Rule about duplicates: the same invoice number and seller in another file."""

import hashlib
import re
import unicodedata

from schemas.record import Draft, Finding
from tasks.ledger.documents.invoice_numbers import earlier_documents
from tasks.rules.facts import Facts
from tasks.services import Services


async def duplicates(draft: Draft, facts: Facts, services: Services) -> list[Finding]:
    """Only the later file is reported as the duplicate, also when both are checked again. The same
    bytes are one document, never two."""
    number, seller = facts.text("number"), facts.text("seller.vat_id") or facts.text("seller.name")
    if not number or not seller:
        return []
    issued = facts.day("issue_date")
    key = invoice_key(number, seller, issued.year if issued else None)
    paths = await earlier_documents(
        services.ledger,
        flow=services.flow.name,
        document_id=draft.document.document_id,
        invoice_key=key,
    )
    if not paths:
        return []
    message = f"the same seller's invoice with this number was seen before: {', '.join(paths[:3])}"
    return [Finding(code="duplicate", message=message, fields=facts.paths("number"))]


def invoice_key(number: str, seller: str, year: int | None) -> str:
    """A hash, so that the ledger holds no text of the document; letters and digits count, case,
    accents and spaces do not.

    The year belongs to it because many sellers count from 1 each January.
    """
    parts = (
        re.sub(r"[\W_]", "", unicodedata.normalize("NFKD", part)).casefold()
        for part in (seller, number, str(year))
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
