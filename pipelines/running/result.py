"""Options and result of one run."""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from schemas.errors import DocmillError, ExitCode
from schemas.record import DocumentResult, Status
from schemas.usage import Usage
from tasks.models.http.limiter import Waits


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a caller may say of one run. `working_folder` is what relative `paths` resolve against;
    `out` is absolute."""

    working_folder: Path = field(default_factory=Path.cwd)
    run_id: str | None = None  # of a run that is fanned out over processes; default: a new one
    out: Path | None = None
    again: bool = False  # run the steps again; answers come from the cache
    fresh: bool = False  # buy the answers anew
    max_tokens: int | None = None
    max_cost: Decimal | None = None  # USD
    link: str | None = None  # where a person can look at the run; for `notify`


@dataclass(frozen=True, slots=True)
class RunResult:
    """`results` are in the order of the files; `stopped_by` is what ended the run early."""

    flow: str
    run_id: str
    results: tuple[DocumentResult, ...]
    usage: Usage
    seconds: float
    log_file: Path
    outputs: tuple[Path, ...] = ()
    stopped_by: DocmillError | None = None
    interrupted: bool = False
    waits: Waits = field(default_factory=Waits)

    @property
    def exit_code(self) -> ExitCode:
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.stopped_by is not None:
            return self.stopped_by.exit_code
        failed = any(result.status is Status.FAILED for result in self.results)
        return ExitCode.SOME_FAILED if failed else ExitCode.OK
