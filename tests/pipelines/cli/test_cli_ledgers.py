"""The commands that look into the ledger, on every database that it may lie in, and before there is
anything to see."""

import json
from collections.abc import Iterator

import pytest

from tests.support.documents import make_pdf
from tests.support.fake_mistral.process import FakeMistralProcess
from tests.support.in_process import call
from tests.support.projects import PAGE_STEPS, Project
from tests.support.state_backends import BACKENDS, state_url


@pytest.fixture(params=BACKENDS)
def on_backend(request: pytest.FixtureRequest, online_project: Project) -> Iterator[Project]:
    with state_url(request.param) as url:
        online_project.env |= {"DOCMILL_STATE": url} if url else {}
        online_project.write_flows(
            PAGE_STEPS,
            flow="pages",
            more="budget: {tokens: 1000000, per: month, timezone: America/New_York}\n",
        )
        yield online_project


def answer(project: Project, *words: str) -> dict:
    done = call(project, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_commands_tell_what_a_run_did(on_backend: Project, server: FakeMistralProcess) -> None:
    make_pdf(2, on_backend.inbox / "a.pdf")
    assert answer(on_backend, "usage")["total"]["calls"] == 0
    assert answer(on_backend, "documents") == {"documents": []}
    assert answer(on_backend, "plan", "pages")["total"]["requests"] == 2
    on_backend.run_json("pages")
    usage = answer(on_backend, "usage", "pages")
    billed = sum(entry["prompt_tokens"] + entry["completion_tokens"] for entry in server.log())
    assert [row["tokens"] for row in usage["days"]] == [billed]
    assert usage["budgets"][0]["tokens"]["left"] == 1_000_000 - billed
    [document] = answer(on_backend, "documents", "--status", "done")["documents"]
    assert answer(on_backend, "cache", "stats")["answers"] == 2
    assert answer(on_backend, "plan", "pages")["free"]["done_before"] == 1
    assert call(on_backend, "forget", document["document_id"], "--yes").returncode == 0
    assert answer(on_backend, "cache", "stats")["answers"] == 0
    assert answer(on_backend, "usage")["total"]["tokens"] == billed
