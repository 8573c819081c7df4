"""`docmill retry`: failed documents are done again at once, however often they failed."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.documents import make_pdf
from tests.support.in_process import call
from tests.support.projects import Project

FLAKY = """\
from pathlib import Path

HERE = Path(__file__).parent


async def flaky(draft):
    with (HERE / "tries.txt").open("a") as tries:
        tries.write(draft.document.name + "\\n")
    if (HERE / "broken").exists():
        raise RuntimeError("not today")
    return draft
"""
STEPS = """\
      - render: {}
      - extract: {}
      - steps/flaky.py:flaky: {}
      - write: {jsonl: out/pages.jsonl}
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two documents that fail as long as the file steps/broken is there, in a flow that tries a
    failed one once more by itself."""
    project = Project(tmp_path_factory.mktemp("failing"))
    project.write_flows(STEPS, flow="pages", more="engine: local\nretry: {document_attempts: 1}\n")
    (project.folder / "steps").mkdir()
    (project.folder / "steps/flaky.py").write_text(FLAKY)
    (project.folder / "steps/broken").touch()
    for pages in (1, 2):
        make_pdf(pages, project.inbox / f"{pages}.pdf")
    for _ in range(3):
        project.run_json("pages", "inbox", exit_code=1)
    return project


@pytest.fixture
def failing(template: Project) -> Iterator[Project]:
    """The ledger knows absolute paths, so the project is put back and not copied."""
    kept = template.folder.with_name("kept")
    shutil.copytree(template.folder, kept)
    yield template
    shutil.rmtree(template.folder)
    kept.rename(template.folder)


def tries(project: Project) -> int:
    return len((project.folder / "steps/tries.txt").read_text().splitlines())


def test_retry_runs_what_no_run_takes_up_any_more(failing: Project) -> None:
    assert tries(failing) == 4, "the third run tried none"
    (failing.folder / "steps/broken").unlink()
    done = failing.run("retry", "pages", "--json")
    assert done.returncode == 0, done.stderr
    assert {document["status"] for document in json.loads(done.stdout)["runs"][0]["documents"]} == {
        "done"
    }
    assert len((failing.folder / "out/pages.jsonl").read_text().splitlines()) == 2
    assert "no document has failed" in failing.run("retry").stdout


def test_retry_of_one_document_leaves_the_others(failing: Project) -> None:
    (failing.folder / "steps/broken").unlink()
    failing.run("retry", "pages", "2.pdf")
    documents = json.loads(call(failing, "documents", "--json").stdout)["documents"]
    assert {Path(document["path"]).name: document["status"] for document in documents} == {
        "1.pdf": "failed",
        "2.pdf": "done",
    }


def test_document_that_fails_again_ends_with_1_and_is_tried_by_the_next_runs(
    failing: Project,
) -> None:
    assert failing.run("retry").returncode == 1
    assert tries(failing) == 6
    failing.run_json("pages", exit_code=1)
    assert tries(failing) == 8


def test_document_that_is_not_known_or_not_failed_is_refused(failing: Project) -> None:
    (failing.folder / "steps/broken").unlink()
    failing.run("retry")
    for name, said in (
        ("nowhere.pdf", "no document 'nowhere.pdf' in the ledger"),
        ("1.pdf", "has failed"),
    ):
        done = failing.run("retry", "pages", name)
        assert done.returncode == 2
        assert said in done.stderr
