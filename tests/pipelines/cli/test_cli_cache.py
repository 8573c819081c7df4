"""`docmill cache stats|clear`: what the answer cache holds, and emptying it."""

import json

import pytest

from tests.support.documents import make_pdf
from tests.support.fake_mistral.process import FakeMistralProcess
from tests.support.in_process import call
from tests.support.projects import PAGE_STEPS, Project


@pytest.fixture
def asked(online_project: Project) -> Project:
    online_project.write_flows(PAGE_STEPS, flow="pages")
    make_pdf(3, online_project.inbox / "a.pdf")
    online_project.run_json("pages")
    return online_project


def stats(project: Project) -> dict:
    return json.loads(call(project, "cache", "stats", "--json").stdout)


def test_stats_count_answers_documents_and_what_they_cost_once(
    asked: Project, server: FakeMistralProcess
) -> None:
    found = stats(asked)
    assert (found["answers"], found["documents"]) == (3, 1)
    assert found["tokens"] == sum(
        entry["prompt_tokens"] + entry["completion_tokens"] for entry in server.log()
    )
    assert found["oldest"]
    assert "3 answers about 1 document" in call(asked, "cache", "stats").stdout


def test_clear_removes_answers_and_keeps_records_and_costs(
    asked: Project, server: FakeMistralProcess
) -> None:
    assert json.loads(call(asked, "cache", "clear", "--yes", "--json").stdout) == {"removed": 3}
    assert stats(asked)["answers"] == 0
    assert asked.run_json("pages")["documents"][0]["status"] == "skipped"
    assert json.loads(call(asked, "usage", "--json").stdout)["total"]["calls"] == 3
    asked.run_json("pages", "--again")
    assert len(server.log()) == 6


def test_clear_of_old_answers_keeps_the_young(asked: Project) -> None:
    assert json.loads(
        call(asked, "cache", "clear", "--older-than", "7", "--yes", "--json").stdout
    ) == {"removed": 0}
    assert stats(asked)["answers"] == 3


def test_clear_without_a_terminal_wants_a_yes(asked: Project) -> None:
    done = call(asked, "cache", "clear")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert stats(asked)["answers"] == 3


def test_cache_of_a_project_in_which_nothing_ran_is_empty(project: Project) -> None:
    project.write_flows()
    assert stats(project) == {
        "answers": 0,
        "documents": 0,
        "characters": 0,
        "tokens": 0,
        "oldest": None,
    }
    assert json.loads(call(project, "cache", "clear", "--yes", "--json").stdout) == {"removed": 0}
    assert not (project.folder / ".docmill").exists()
