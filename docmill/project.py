"""A project: one flows.yaml, loaded and checked, whose flows can be run from Python."""

import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import TypedDict, Unpack

from docmill.opening import opened, run_to_end
from pipelines.loading import Project as LoadedProject
from pipelines.loading import define, find_flow_file, load_project
from pipelines.running.result import RunOptions, RunResult
from pipelines.running.run import run_flow
from tasks.services import Services

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


class RunArguments(TypedDict, total=False):
    """What `docmill run` takes as options, under the same names.

    `local`: the offline engine, free. `out`: a folder for outputs, instead of the paths in
    flows.yaml. `again`: run the steps again for documents that are done; `fresh`, with it: pay for
    new answers. `max_tokens`, `max_cost` (USD): the most that this run may spend.
    """

    local: bool
    out: str | os.PathLike[str] | None
    again: bool
    fresh: bool
    max_tokens: int | None
    max_cost: Decimal | float | None


class Project:
    """One flows.yaml. Its runs start no Prefect flow run of their own, also inside one."""

    def __init__(self, loaded: LoadedProject) -> None:
        self._loaded = loaded

    @property
    def folder(self) -> Path:
        """The folder of flows.yaml, absolute: relative paths in it resolve against this one."""
        return self._loaded.folder

    @property
    def flows(self) -> tuple[str, ...]:
        return tuple(self._loaded.flow_file.flows)

    def run(
        self, flow: str, paths: Paths | None = None, **arguments: Unpack[RunArguments]
    ) -> RunResult:
        """Run a flow over files, folders and globs, or over its source when `paths` is None.

        A document that fails does not raise: `results` has one entry for each file, and
        `stopped_by` is what ended the run early. Raises CallError for a wrong call, StateError when
        the ledger cannot be used. Where an event loop is running (a notebook), use `arun`.
        """
        return run_to_end(self.arun(flow, paths, **arguments), f"project.arun({flow!r}, ...)")

    async def arun(
        self, flow: str, paths: Paths | None = None, **arguments: Unpack[RunArguments]
    ) -> RunResult:
        """`run` for asynchronous code. When cancelled it still returns what is done."""
        definition = define(self._loaded, flow, local=arguments.get("local", False))
        return await run_flow(definition, _texts(paths), _options(arguments))

    @asynccontextmanager
    async def open(
        self,
        flow: str,
        *,
        local: bool = False,
        max_tokens: int | None = None,
        max_cost: Decimal | float | None = None,
    ) -> AsyncIterator[Services]:
        """What the functions of `docmill.steps` work with, for a flow of your own.

        Budgets and the answer cache hold as in a run. Documents are not claimed and not marked as
        done, and no outputs are written: that is your flow's part.
        """
        definition = define(self._loaded, flow, local=local)
        options = _options({"max_tokens": max_tokens, "max_cost": max_cost})
        async with opened(definition, options) as services:
            yield services


def load(path: str | os.PathLike[str] | None = None) -> Project:
    """Load a flows.yaml and check everything in it.

    `path` may be its folder; without one it is looked for as the command does.
    Raises FlowFileError with all problems at once, CallError when there is no such file.
    """
    return Project(load_project(find_flow_file(None if path is None else Path(path))))


def _texts(paths: Paths | None) -> list[str] | None:
    if paths is None:
        return None
    return [
        os.fspath(path) for path in ([paths] if isinstance(paths, str | os.PathLike) else paths)
    ]


def _options(arguments: RunArguments) -> RunOptions:
    out, max_cost = arguments.get("out"), arguments.get("max_cost")
    return RunOptions(
        out=None if out is None else Path(out).absolute(),
        again=arguments.get("again", False),
        fresh=arguments.get("fresh", False),
        max_tokens=arguments.get("max_tokens"),
        max_cost=None if max_cost is None else Decimal(str(max_cost)),
    )
