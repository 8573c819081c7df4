"""Options and result of one run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from schemas.errors import DocmillError, ExitCode
from schemas.flow import RunParameters
from schemas.record import DocumentResult, Status
from schemas.usage import Usage
from tasks.models.http.limiter import Waits

_SHARED = tuple(name for name in RunParameters.model_fields if name not in ("paths", "local"))
"""Run parameters that are options too; files and engine go into the definition and its call."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a caller may say of one run. `working_folder` is what relative `paths` resolve against;
    `out` is absolute."""

    working_folder: Path = field(default_factory=Path.cwd)
    run_id: str | None = None  # of a run that is fanned out over processes; default: a new one
    out: Path | None = None
    again: bool = False  # run the steps again; answers come from the cache
    fresh: bool = False  # pay for new answers
    max_tokens: int | None = None
    max_cost: Decimal | None = None  # USD
    link: str | None = None  # where a person can look at the run; for `notify`

    @classmethod
    def from_parameters(
        cls, parameters: RunParameters, folder: Path, *, run_id: str | None = None
    ) -> Self:
        """The options that `parameters` give to a flow whose flows.yaml lies in `folder`."""
        given: dict[str, Any] = {name: getattr(parameters, name) for name in _SHARED}
        if parameters.out is not None:
            given["out"] = folder / parameters.out
        if parameters.max_cost is not None:
            given["max_cost"] = Decimal(str(parameters.max_cost))
        return cls(working_folder=folder, run_id=run_id, **given)

    def to_parameters(self, paths: Sequence[str] | None, *, local: bool) -> dict[str, Any]:
        """The same as parameters that Prefect can store, with absolute paths, and `run_id`."""
        given = {name: getattr(self, name) for name in _SHARED}
        given["out"] = None if self.out is None else str(self.out)
        given["max_cost"] = None if self.max_cost is None else float(self.max_cost)
        given["paths"] = None if paths is None else [str(self.working_folder / p) for p in paths]
        return given | {"local": local, "run_id": self.run_id}


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
