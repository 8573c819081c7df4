"""Progress of a run: a live display on a terminal, plain lines when piped.

Always on stderr.
"""

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from pipelines.display.printable import printable
from pipelines.display.wording import counted
from schemas.record import DocumentResult, Status

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

STATUS_STYLE = {
    Status.DONE: "green",
    Status.NEEDS_REVIEW: "yellow",
    Status.FAILED: "red",
    Status.DEFERRED: "cyan",
    Status.SKIPPED: "dim",
}

NEEDS_ATTENTION = (Status.FAILED, Status.NEEDS_REVIEW, Status.DEFERRED)


class Progress(Protocol):
    """What a run reports to; it never gets document text."""

    def run_started(self, flow: str, documents: int) -> None: ...
    def document_started(self, name: str) -> None: ...
    def document_finished(self, name: str, result: DocumentResult) -> None: ...
    def say(self, message: str) -> None: ...


class Silent:
    """For callers that only want the result."""

    def run_started(self, flow: str, documents: int) -> None: ...
    def document_started(self, name: str) -> None: ...
    def document_finished(self, name: str, result: DocumentResult) -> None: ...
    def say(self, message: str) -> None: ...


def outcome_line(name: str, result: DocumentResult) -> str:
    """`failed  scan.pdf: encrypted ...`: the reason stands in the line, so that a log is enough to
    act on."""
    return printable(_outcome(f"{result.status:<12} {name}", result))


def _outcome(line: str, result: DocumentResult) -> str:
    if result.error is not None:
        message, advice = result.error.message, result.error.advice
        return f"{line}: {message.rstrip('.')}. {advice}" if advice else f"{line}: {message}"
    reasons = [finding.message for finding in result.findings if finding.weight == "review"]
    if result.status is Status.NEEDS_REVIEW and reasons:
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        return f"{line}: {reasons[0]}{more}"
    return line


class PlainLines:
    """One line per document, for pipes and logs."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def run_started(self, flow: str, documents: int) -> None:
        self.say(f"{flow}: {counted(documents, 'document')}")

    def document_started(self, name: str) -> None: ...

    def document_finished(self, name: str, result: DocumentResult) -> None:
        self.say(outcome_line(name, result))

    def say(self, message: str) -> None:
        print(message, file=sys.stderr, flush=True)  # noqa: T201 - this class is the plain output


class QuietLines(PlainLines):
    """Messages, and one line per document that needs a person."""

    def run_started(self, flow: str, documents: int) -> None: ...

    def document_finished(self, name: str, result: DocumentResult) -> None:
        if result.status in NEEDS_ATTENTION:
            super().document_finished(name, result)


class LiveDisplay:
    """A bar over all documents and the names of those being worked on; what needs a person stays
    above it."""

    def __init__(self) -> None:
        # rich costs start-up time that a piped run does not pay
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        self._rich: RichProgress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[names]}", style="dim", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        self._bar: TaskID | None = None
        self._open: list[str] = []

    def __enter__(self) -> Self:
        self._rich.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._rich.__exit__(kind, value, trace)

    def run_started(self, flow: str, documents: int) -> None:
        self._bar = self._rich.add_task(flow, total=documents, names="")

    def document_started(self, name: str) -> None:
        self._open.append(name)
        self._show()

    def document_finished(self, name: str, result: DocumentResult) -> None:
        if name in self._open:
            self._open.remove(name)
        if result.status in NEEDS_ATTENTION:
            self._print(outcome_line(name, result), STATUS_STYLE[result.status])
        if self._bar is not None:
            self._rich.advance(self._bar)
        self._show()

    def say(self, message: str) -> None:
        self._print(message, "")

    def _print(self, line: str, style: str) -> None:
        self._rich.console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)

    def _show(self) -> None:
        if self._bar is not None:
            shown = printable(", ".join(self._open[:3])) + (
                f" and {len(self._open) - 3} more" if len(self._open) > 3 else ""  # noqa: PLR2004
            )
            self._rich.update(self._bar, names=shown)


def progress_for_terminal(*, quiet: bool = False) -> LiveDisplay | PlainLines:
    if quiet:
        return QuietLines()
    return LiveDisplay() if sys.stderr.isatty() else PlainLines()
