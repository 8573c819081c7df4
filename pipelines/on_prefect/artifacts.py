"""Artifacts of a run in Prefect's UI: a table of documents, a summary and progress.

Never document text.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from prefect.artifacts import (
    acreate_markdown_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_progress_artifact,
)

from pipelines.display.progress import Progress
from pipelines.display.wording import counted
from pipelines.running.result import RunResult
from schemas.record import DocumentResult, Status
from schemas.usage import Usage

_ROWS_MAX = 2_000  # an artifact is one row of the server's database
_PROGRESS_SECONDS = 3.0
_NEEDS_A_PERSON_FIRST = [
    Status.FAILED,
    Status.NEEDS_REVIEW,
    Status.DEFERRED,
    Status.DONE,
    Status.SKIPPED,
]


def artifact_key(flow: str, what: str) -> str:
    """Prefect wants small letters, digits and dashes."""
    return f"{flow}-{what}".lower().replace("_", "-").strip("-")


def document_rows(
    results: tuple[DocumentResult, ...], usage: Mapping[str, Usage]
) -> list[dict[str, Any]]:
    """One row a document, those that need a person first."""
    ordered = sorted(results, key=lambda result: _NEEDS_A_PERSON_FIRST.index(result.status))
    return [
        _row(result, usage.get(result.document_id or "", Usage())) for result in ordered[:_ROWS_MAX]
    ]


def _row(result: DocumentResult, usage: Usage) -> dict[str, Any]:
    findings = sorted({finding.code for finding in result.findings if finding.weight == "review"})
    return {
        "document": Path(result.path).name,
        "status": result.status.value,
        "pages": result.pages,
        "tokens": usage.tokens,
        "cost (USD)": usage.cost,
        "error": f"{result.error.code}: {result.error.message}"
        if result.error
        else ", ".join(findings),
        "what to do": (result.error and result.error.advice) or "",
    }


def summary(result: RunResult) -> str:
    """Markdown: counts, spending, where outputs and the log lie."""
    counts = Counter(document.status for document in result.results)
    lines = [
        f"# {result.flow}: {counted(len(result.results), 'document')}",
        "",
        "| status | documents |",
        "|---|---|",
        *(f"| {status.value} | {counts[status]} |" for status in Status if counts[status]),
        "",
        (
            f"- spent: {result.usage.tokens:,} tokens in {result.usage.requests} requests, "
            f"{_money(result.usage)}"
        ),
        f"- took {result.seconds:.1f} s; run `{result.run_id}`",
        *(f"- wrote `{output}`" for output in result.outputs),
        f"- log: `{result.log_file}`",
    ]
    if result.stopped_by is not None:
        lines.append(f"- **stopped:** {result.stopped_by}")
    return "\n".join(lines)


def _money(usage: Usage) -> str:
    return (
        "cost unknown (no price in the catalogue)"
        if usage.cost is None
        else f"{usage.cost:.4f} USD"
    )


async def leave_artifacts(result: RunResult, usage: Mapping[str, Usage]) -> None:
    """The table and the summary of a finished run. A server that refuses them does not undo the
    run."""
    rows = document_rows(result.results, usage)
    left_out = len(result.results) - len(rows)
    described = "Outcome of each document; those needing attention first."
    if left_out:
        described += f" {left_out} more are done; they are in the ledger and the outputs."
    with _no_reason_to_fail():
        if rows:
            await acreate_table_artifact(
                rows, key=artifact_key(result.flow, "documents"), description=described
            )
        await acreate_markdown_artifact(
            summary(result),
            key=artifact_key(result.flow, "summary"),
            description=f"Summary of {result.flow}.",
        )


@contextlib.contextmanager
def _no_reason_to_fail() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001
        # Prefect's client raises many types; the UI is a view, the ledger is the truth
        logging.getLogger("docmill").warning(
            "Prefect did not accept an artifact: %s", type(error).__name__
        )


class ProgressArtifact:
    """A `Progress` that shows in the UI, updated at most every 3 s, in the flow run's log (one line
    a document, no text of it), and in `also`."""

    def __init__(
        self, flow: str, log: "logging.Logger | logging.LoggerAdapter[Any]", also: Progress
    ) -> None:
        self._flow, self._log, self._also = flow, log, also
        self._total = self._finished = 0
        self._counts: Counter[Status] = Counter()
        self._updates: asyncio.Task[None] | None = None
        self.documents = 0

    async def __aenter__(self) -> Self:
        self._updates = asyncio.create_task(self._update())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._updates is not None:
            self._updates.cancel()
            await asyncio.gather(self._updates, return_exceptions=True)

    async def _update(self) -> None:
        with _no_reason_to_fail():
            artifact = None
            while True:
                await asyncio.sleep(_PROGRESS_SECONDS)
                percent = 100.0 * self._finished / max(1, self._total)
                counts = ", ".join(
                    f"{count} {status.value}" for status, count in self._counts.items()
                )
                described = f"{self._finished:,} of {counted(self._total, 'document')}; {counts}"
                if artifact is None:
                    artifact = await acreate_progress_artifact(
                        percent, key=artifact_key(self._flow, "progress"), description=described
                    )
                else:
                    await aupdate_progress_artifact(artifact, percent, description=described)

    def run_started(self, flow: str, documents: int) -> None:
        self._total = self.documents = documents
        self._log.info("%s: %d documents", flow, documents)
        self._also.run_started(flow, documents)

    def document_started(self, name: str) -> None:
        self._also.document_started(name)

    def document_finished(self, name: str, result: DocumentResult) -> None:
        self._finished += 1
        self._counts[result.status] += 1
        reason = f": {result.error.code}: {result.error.message}" if result.error else ""
        self._log.info("%s %s%s", result.status.value, name, reason)
        self._also.document_finished(name, result)

    def say(self, message: str) -> None:
        self._log.warning("%s", message)
        self._also.say(message)
