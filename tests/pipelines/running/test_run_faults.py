"""Faults that are not a document's own: they leave it to the next run, with no attempt used up."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.loading import load_flow
from pipelines.running.result import RunOptions, RunResult
from pipelines.running.run import run_flow
from pipelines.running.step import call_directly
from schemas.errors import ExitCode, MachineError
from schemas.record import Draft, Status
from tasks.flow_definition import Step
from tasks.services import Services
from tests.support.documents import make_pdf
from tests.support.projects import PAGE_STEPS, Project

Before = Callable[[Draft], object]


async def run(project: Project, before: Before = lambda _: None) -> RunResult:
    """One local run; `before` is called before each step."""

    async def call_step(step: Step, draft: Draft, services: Services) -> Draft:
        before(draft)
        return await call_directly(step, draft, services)

    definition = load_flow(project.folder / "flows.yaml", "pages", local=True)
    return await run_flow(definition, None, RunOptions(), call_step=call_step)


@pytest.fixture
def pages(project: Project) -> Project:
    project.write_flows(PAGE_STEPS, flow="pages")
    for number in (1, 2):
        make_pdf(number, project.inbox / f"{number}.pdf")
    return project


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.ESTALE, errno.ENOTCONN])
async def test_fault_of_the_machine_stops_the_run_and_fails_no_document(
    pages: Project, number: int
) -> None:
    def fault(_: Draft) -> None:
        raise OSError(number, os.strerror(number))

    result = await run(pages, fault)
    assert {document.status for document in result.results} == {Status.DEFERRED}
    assert isinstance(result.stopped_by, MachineError)
    assert os.strerror(number) in str(result.stopped_by)
    assert result.exit_code is ExitCode.SOME_FAILED
    assert {document.status for document in (await run(pages)).results} == {Status.DONE}


async def test_workers_that_do_not_start_stop_the_run_and_fail_no_document(
    pages: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    result = await run(pages)
    assert {document.status for document in result.results} == {Status.DEFERRED}
    assert "do not start" in str(result.stopped_by)


async def test_error_of_a_file_is_that_of_its_document(pages: Project) -> None:
    def missing(draft: Draft) -> None:
        if draft.document.path.name == "1.pdf":
            raise FileNotFoundError(errno.ENOENT, "No such file")

    result = await run(pages, missing)
    assert [document.status for document in result.results] == [Status.FAILED, Status.DONE]


async def test_file_exchanged_while_it_is_read_gets_no_record_of_the_other(
    pages: Project, tmp_path: Path
) -> None:
    path = pages.inbox / "1.pdf"
    other = path.read_bytes()[:-1] + b" "

    def exchange(draft: Draft) -> None:
        if draft.document.path.name == "1.pdf" and path.read_bytes() != other:
            status = path.stat()
            path.write_bytes(other)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    first, second = (await run(pages, exchange)).results
    assert (first.status, second.status) == (Status.DEFERRED, Status.DONE)
    assert first.error is not None
    assert "its content changed while it was read" in first.error.message
    again = (await run(pages)).results[0]
    assert again.status is Status.DONE
    assert again.document_id != first.document_id
