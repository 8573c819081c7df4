"""Which pages were visited before? Words and kinds by document, so that a page is read once however often it is asked for."""

import logging

from pydantic import ValidationError

from schemas.document import Page
from tasks.documents.blobs import blobs_at

READER_VERSION = 1
"""Raise it when words or kinds of the same bytes come out otherwise; pages of older readers are read anew."""

logger = logging.getLogger(__name__)


class PageStore:
    """A cache: what is lost or damaged is read again from the document, and a store that cannot be written is only slower."""

    def __init__(self, url: str) -> None:
        self._blobs = blobs_at(url)
        self._has_warned = False

    async def get(self, document_id: str, page_number: int) -> Page | None:
        try:
            data = await self._blobs.read(_name(document_id, page_number))
        except OSError as error:
            self._warn(error)
            return None
        if data is None:
            return None
        try:
            return Page.model_validate_json(data)
        except ValidationError:
            return None

    async def put(self, document_id: str, page: Page) -> None:
        data = page.model_dump_json().encode()
        try:
            await self._blobs.write(_name(document_id, page.page_number), data)
        except OSError as error:
            self._warn(error)

    async def forget(self, document_id: str) -> None:
        """Remove all that is stored of a document. Raises OSError when it cannot be removed."""
        await self._blobs.remove(_folder(document_id))

    def _warn(self, error: OSError) -> None:
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "the page store cannot be used (%s); pages are read again when they are needed again",
                error.strerror or type(error).__name__,
            )


def _folder(document_id: str) -> str:
    return f"pages/v{READER_VERSION}/{document_id[:2]}/{document_id}"


def _name(document_id: str, page_number: int) -> str:
    return f"{_folder(document_id)}/{page_number}.json"
