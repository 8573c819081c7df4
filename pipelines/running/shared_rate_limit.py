"""One provider's rate limit shared by several processes.

Each takes its share, recounted in the ledger every few seconds.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from schemas.errors import StateError
from schemas.flow import ProviderSpec
from tasks.ledger.ledger import Ledger
from tasks.models.http.limiter import shared_limiter

COUNT_SECONDS = 5.0


@asynccontextmanager
async def shared_pace(provider: ProviderSpec, ledger: Ledger) -> AsyncIterator[None]:
    """While the body runs, `requests_per_second` and `tokens_per_minute` are shared with the other
    processes on this ledger.

    A process that has just begun is counted by the others up to 5 s later; a request that
    comes too fast meanwhile is answered with 429 and waits.
    """
    if provider.limits.requests_per_second is None and provider.limits.tokens_per_minute is None:
        yield
        return
    counting = asyncio.create_task(_count(provider, ledger))
    try:
        yield
    finally:
        counting.cancel()
        await asyncio.gather(counting, return_exceptions=True)


async def _count(provider: ProviderSpec, ledger: Ledger) -> None:
    limiter = shared_limiter(provider.base_url, provider.limits)
    while True:
        with suppress(StateError):  # the run itself meets it and tells it better
            limiter.share(await ledger.processes_at_work())
        await asyncio.sleep(COUNT_SECONDS)
