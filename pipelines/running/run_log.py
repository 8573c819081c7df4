"""Log of a run: a file of its own under .docmill/logs, and stderr with -v.

Never document text, never a secret.
"""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from pipelines.display.printable import printable

FORMAT = "%(asctime)s %(levelname)s %(message)s"
log = logging.getLogger("docmill")


class _WithoutWords(logging.Formatter):
    """Tells an exception by its types and places only: its words may quote the document."""

    # the name that logging calls
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        return printable(super().formatMessage(record))

    def formatException(  # noqa: N802 - the name that logging calls
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        parts = []
        error = ei[1]
        while error is not None:
            parts.append(
                "".join(traceback.format_tb(error.__traceback__)) + type(error).__qualname__
            )
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\ncaused by\n".join(parts)


@contextmanager
def run_log(folder: Path, run_id: str) -> Iterator[Path]:
    """Write everything logged on `docmill` to .docmill/logs/RUN_ID.log while the run goes on."""
    logs = folder / ".docmill" / "logs"
    logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = logs / f"{run_id}.log"
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace", delay=True)
    handler.setFormatter(_WithoutWords(FORMAT))
    log.addHandler(handler)
    level = log.level
    log.setLevel(min(level or logging.INFO, logging.INFO))
    try:
        yield path
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        handler.close()


def log_to_stderr(verbosity: int) -> None:
    """`-v` shows what the log file holds, `-vv` also what httpx and others say of themselves."""
    if verbosity <= 0:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutWords(FORMAT))
    log.addHandler(handler)
    log.setLevel(logging.DEBUG if verbosity > 1 else logging.INFO)
