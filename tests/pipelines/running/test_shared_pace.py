"""Several processes on one ledger keep to one provider's limits together."""

import asyncio
from pathlib import Path

import pytest

from pipelines.running import shared_rate_limit as pace
from schemas.document import Document
from schemas.flow import ProviderLimits, ProviderSpec
from tasks.ledger.ledger import Ledger
from tasks.models.http.limiter import Limiter, shared_limiter


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def take(limiter: Limiter, clock: Clock, tokens: int = 1) -> float:
    """Seconds that a request has to wait."""
    wait = limiter._seconds_to_wait(tokens)
    clock.now += wait
    async with limiter.slot(tokens):
        return wait


@pytest.mark.parametrize(("processes", "seconds"), [(1, 0.1), (4, 0.4)])
async def test_requests_a_second_are_shared(processes: int, seconds: float) -> None:
    clock = Clock()
    limiter = Limiter(ProviderLimits(requests_per_second=10), clock)
    limiter.share(processes)
    await take(limiter, clock)
    assert await take(limiter, clock) == pytest.approx(seconds)


async def test_tokens_a_minute_are_shared() -> None:
    clock = Clock()
    limiter = Limiter(ProviderLimits(tokens_per_minute=6_000), clock)
    limiter.share(2)
    await take(limiter, clock, 3_000)
    assert await take(limiter, clock, 3_000) == pytest.approx(60.0)


async def test_processes_are_counted_by_the_documents_that_they_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "COUNT_SECONDS", 0.01)
    provider = ProviderSpec(limits=ProviderLimits(requests_per_second=10))
    async with await Ledger.open(None, tmp_path) as one, await Ledger.open(None, tmp_path) as other:
        for number, ledger in enumerate((one, other)):
            document = Document(
                document_id=f"{number:064}",
                path=tmp_path / f"{number}.pdf",
                media_type="application/pdf",
                size_bytes=1,
            )
            await ledger.claim(
                "invoices",
                document,
                "hash",
                await ledger.start_run("invoices"),
                again=False,
                document_attempts=3,
            )
        async with pace.shared_pace(provider, one):
            limiter = shared_limiter(provider.base_url, provider.limits)
            for _ in range(200):
                if limiter._processes == 2:
                    break
                await asyncio.sleep(0.01)
            assert limiter._processes == 2
