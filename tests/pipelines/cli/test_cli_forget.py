"""`docmill forget DOCUMENT`: what it said goes, its id and cost stay."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.documents import make_pdf
from tests.support.fake_mistral.process import FakeMistralProcess
from tests.support.in_process import call
from tests.support.projects import PAGE_STEPS, Project


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two documents by a model that read an invoice number off each page."""
    project = Project(tmp_path_factory.mktemp("answered"))
    project.write_flows(
        PAGE_STEPS.replace(
            "{jsonl: out/pages.jsonl}",
            "{jsonl: out/pages.jsonl, csv: out/pages.csv, json: out/pages}",
        ),
        flow="pages",
    )
    make_pdf(2, project.inbox / "keep.pdf")
    make_pdf(3, project.inbox / "go.pdf")
    with FakeMistralProcess(project.folder.parent / "server.jsonl") as server:
        project.env |= {"MISTRAL_BASE_URL": server.url, "MISTRAL_API_KEY": "test-key-7f3a"}
        project.run_json("pages")
    return project


@pytest.fixture
def answered(template: Project, tmp_path: Path) -> Project:
    shutil.copytree(template.folder, tmp_path / "project")
    return Project(tmp_path / "project")


def ids(project: Project) -> dict[str, str]:
    documents = json.loads(call(project, "documents", "--json").stdout)["documents"]
    return {Path(document["path"]).name: document["document_id"] for document in documents}


def texts_of(project: Project, name: str) -> list[str]:
    lines = [
        json.loads(line) for line in (project.folder / "out/pages.jsonl").read_text().splitlines()
    ]
    return [
        page["text"]
        for line in lines
        if Path(line["path"]).name == name
        for page in line["record"]["pages"]
    ]


def everything_in(folder: Path) -> bytes:
    return b"".join(
        path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "inbox" not in path.parts
    )


def test_no_file_of_the_project_holds_its_text_any_more(answered: Project) -> None:
    kept = texts_of(
        answered, "keep.pdf"
    )  # whose pages look the same, so that the model reads the same there
    said = [
        line
        for text in texts_of(answered, "go.pdf")
        if text not in kept
        for line in text.splitlines()
        if "INV-" in line
    ]
    assert said
    assert all(line.encode() in everything_in(answered.folder) for line in said)
    document_id = ids(answered)["go.pdf"]
    done = call(answered, "forget", document_id[:12], "--yes")
    assert done.returncode == 0, done.stderr
    assert not [line for line in said if line.encode() in everything_in(answered.folder)]
    assert not list((answered.folder / ".docmill/store").rglob(f"{document_id}*"))


def test_outputs_lose_it_and_keep_the_others(answered: Project) -> None:
    kept = texts_of(answered, "keep.pdf")
    call(answered, "forget", "go.pdf", "--yes")
    assert texts_of(answered, "go.pdf") == []
    assert texts_of(answered, "keep.pdf") == kept
    assert len((answered.folder / "out/pages.csv").read_text().splitlines()) == 2
    assert [path.name.partition(".")[0] for path in (answered.folder / "out/pages").iterdir()] == [
        "keep"
    ]


def test_id_and_cost_stay(answered: Project) -> None:
    document_id = ids(answered)["go.pdf"]
    before = json.loads(call(answered, "usage", "--json").stdout)["total"]
    call(answered, "forget", document_id, "--yes")
    after = json.loads(call(answered, "usage", "--json").stdout)
    assert after["total"] == before
    assert document_id in {row["name"] for row in after["documents"]}
    assert "(forgotten)" in call(answered, "documents").stdout


def test_next_run_takes_it_up_again_while_it_lies_in_the_source(
    answered: Project, server: FakeMistralProcess
) -> None:
    answered.env |= {"MISTRAL_BASE_URL": server.url, "MISTRAL_API_KEY": "test-key-7f3a"}
    call(answered, "forget", "go.pdf", "--yes")
    statuses = {
        Path(document["path"]).name: document["status"]
        for document in answered.run_json("pages")["documents"]
    }
    assert statuses == {"go.pdf": "done", "keep.pdf": "skipped"}


@pytest.mark.parametrize(
    ("words", "said"), [(("nowhere.pdf", "--yes"), "nowhere.pdf"), (("go.pdf",), "--yes")]
)
def test_unknown_document_or_no_yes_removes_nothing(
    answered: Project, words: tuple[str, ...], said: str
) -> None:
    done = call(answered, "forget", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(texts_of(answered, "go.pdf")) == 3


def test_name_of_two_documents_is_refused_with_their_ids(
    answered: Project, server: FakeMistralProcess
) -> None:
    answered.env |= {"MISTRAL_BASE_URL": server.url, "MISTRAL_API_KEY": "test-key-7f3a"}
    elsewhere = answered.folder / "elsewhere"
    elsewhere.mkdir()
    make_pdf(1, elsewhere / "go.pdf")
    answered.run_json("pages", "elsewhere")
    done = call(answered, "forget", "go.pdf", "--yes")
    assert done.returncode == 2
    assert ids(answered)["keep.pdf"][:12] not in done.stderr
    assert done.stderr.count(",") >= 1
