"""`docmill documents`: what the ledger knows of each document."""

import json
import shutil

import pytest

from tests.support.documents import make_pdf
from tests.support.in_process import call
from tests.support.projects import EXAMPLES, PAGE_STEPS, Project


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("worked"))
    project.write_flows(PAGE_STEPS, flow="pages")
    make_pdf(2, project.inbox / "good.pdf")
    (project.inbox / "broken.pdf").write_bytes(b"%PDF-1.7\nnot a pdf at all")
    project.run_json("pages", "--local", exit_code=1)
    return project


def listed(project: Project, *words: str) -> list[dict]:
    done = call(project, "documents", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["documents"]


def test_every_document_is_listed_with_its_status_and_reason(worked: Project) -> None:
    found = {document["path"].rpartition("/")[2]: document for document in listed(worked)}
    assert found["good.pdf"]["status"] == "done"
    assert (
        found["good.pdf"]["pages"],
        found["good.pdf"]["error"],
        found["good.pdf"]["in_work"],
    ) == (2, None, False)
    assert found["broken.pdf"]["status"] == "failed"
    assert found["broken.pdf"]["error"]["code"] == "unreadable"
    assert found["broken.pdf"]["attempts"] == 1
    assert len(found["good.pdf"]["document_id"]) == 64


def test_status_chooses(worked: Project) -> None:
    assert [
        document["path"].rpartition("/")[2]
        for document in listed(worked, "pages", "--status", "failed")
    ] == ["broken.pdf"]
    assert listed(worked, "--status", "deferred") == []


def test_table_counts_by_status(worked: Project) -> None:
    shown = call(worked, "documents").stdout
    assert "unreadable" in shown
    assert "2 documents: " in shown
    assert "1 done" in shown
    assert "1 failed" in shown


def test_unknown_status_and_flow_are_refused(worked: Project) -> None:
    assert call(worked, "documents", "--status", "lost").returncode == 2
    done = call(worked, "documents", "page")
    assert done.returncode == 2
    assert "pages" in done.stderr


def test_project_in_which_nothing_ran_has_none_and_gets_no_ledger(project: Project) -> None:
    project.write_flows()
    shutil.copy(EXAMPLES / "coolblue.pdf", project.inbox)
    assert listed(project) == []
    assert not (project.folder / ".docmill").exists()
