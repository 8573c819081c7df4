"""Store of pages that were visited before.

Words and kinds by document, so that a page is read once however often it is requested.
"""

import asyncio
import contextlib
import logging
from itertools import islice

from pydantic import ValidationError

from schemas.document import Page
from tasks.documents.blobs import blobs_at

READER_VERSION = 2
"""Raise it when words or kinds of the same bytes come out otherwise; pages of older readers are
read again."""

MOST_WAITING = 64  # pages in memory that are not yet written
# pages that are written together: a thread or a request for each would cost more than the writing
AT_ONE_TIME = 16
GATHER_SECONDS = 0.1  # a page waits so long for others to be written with

logger = logging.getLogger(__name__)


class PageStore:
    """A cache: what is lost or damaged is read again from the document, and a store that cannot be
    written is only slower.

    Pages are written behind the caller's back, since nobody has to wait for a disk or a bucket;
    `flush` waits for them.
    """

    def __init__(self, url: str) -> None:
        self._blobs = blobs_at(url)
        self._pending: dict[str, bytes] = {}
        self._writer: asyncio.Task[None] | None = None
        self._enough = asyncio.Event()  # waits to be written, or somebody waits for it
        self._has_warned = False

    async def get(self, document_id: str, page_number: int) -> Page | None:
        name = _name(document_id, page_number)
        try:
            data = self._pending.get(name) or await self._blobs.read(name)
        except Exception as error:  # noqa: BLE001
            # each kind of store has its own errors, and a cache may fail
            self._warn(error)
            return None
        if data is None:
            return None
        try:
            return Page.model_validate_json(data)
        except ValidationError:
            return None

    async def put(self, document_id: str, page_number: int, page: bytes) -> None:
        """`page` is JSON of a `Page`, checked when it is read. Returns at once, unless very many
        pages wait to be written."""
        self._pending[_name(document_id, page_number)] = page
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_pending())
        if len(self._pending) >= AT_ONE_TIME:
            self._enough.set()
        if len(self._pending) > MOST_WAITING:
            await asyncio.wait([self._writer])

    async def flush(self) -> None:
        if self._writer is not None:
            self._enough.set()
            await self._writer

    async def forget(self, document_id: str) -> None:
        """Remove all that is stored of a document. Raises OSError when it cannot be removed."""
        await self.flush()
        await self._blobs.remove(_folder(document_id))

    async def _write_pending(self) -> None:
        """The only one who writes, so that an older version of a page is never written over a newer
        one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GATHER_SECONDS):
                await self._enough.wait()
        self._enough.clear()
        while self._pending:
            batch = dict(islice(self._pending.items(), AT_ONE_TIME))
            try:
                await self._blobs.write(batch)
            except Exception as error:  # noqa: BLE001  as in `get`
                self._warn(error)
            for name, page in batch.items():
                if self._pending[name] is page:
                    del self._pending[name]

    def _warn(self, error: Exception) -> None:
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "the page store cannot be used (%s); pages are read again when they are "
                "needed again",
                type(error).__name__,
            )


def _folder(document_id: str) -> str:
    return f"pages/v{READER_VERSION}/{document_id[:2]}/{document_id}"


def _name(document_id: str, page_number: int) -> str:
    return f"{_folder(document_id)}/{page_number}.json"
