"""`docmill usage`: what was spent and what is left."""

import json
from typing import NamedTuple

import pytest

from tests.support.documents import make_pdf
from tests.support.fake_mistral.process import FakeMistralProcess
from tests.support.in_process import call
from tests.support.projects import PAGE_STEPS, Project

PRICE_LARGE_3 = (0.5, 1.5)  # USD per million tokens in and out


class Spent(NamedTuple):
    project: Project
    log: list[dict]  # of the server


@pytest.fixture(scope="module")
def spent(tmp_path_factory: pytest.TempPathFactory) -> Spent:
    """Two documents of 2 and 3 pages, read by a model with a known price, under a budget of the
    day."""
    project = Project(tmp_path_factory.mktemp("spent"))
    project.write_flows(
        PAGE_STEPS,
        flow="pages",
        more="budget: {tokens: 1000000, cost: 2, per: day, timezone: Europe/Paris}\n",
        top="models: {vision: [mistral-large-2512]}\n",
    )
    for pages in (2, 3):
        make_pdf(pages, project.inbox / f"{pages}.pdf")
    with FakeMistralProcess(project.folder / "server.jsonl") as server:
        project.env |= {"MISTRAL_BASE_URL": server.url, "MISTRAL_API_KEY": "test-key-7f3a"}
        project.run_json("pages")
        return Spent(project, server.log())


def usage_of(project: Project, *words: str) -> dict:
    done = call(project, "usage", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_sums_are_those_that_the_server_billed(spent: Spent) -> None:
    report = usage_of(spent.project)
    billed_in, billed_out = (
        sum(entry[name] for entry in spent.log) for name in ("prompt_tokens", "completion_tokens")
    )
    cost = (billed_in * PRICE_LARGE_3[0] + billed_out * PRICE_LARGE_3[1]) / 1e6
    for rows in (report["flows"], report["days"], report["models"], [report["total"]]):
        [row] = rows
        assert (row["calls"], row["documents"], row["pages"]) == (5, 2, 5)
        assert (row["prompt_tokens"], row["completion_tokens"], row["tokens"]) == (
            billed_in,
            billed_out,
            billed_in + billed_out,
        )
        assert row["cost"] == pytest.approx(cost, abs=1e-8)
        assert row["cost_per_document"] == pytest.approx(cost / 2, abs=1e-8)
        assert row["cost_per_page"] == pytest.approx(cost / 5, abs=1e-8)
    assert report["models"][0]["name"] == "mistral-large-2512"
    assert {row["path"] for row in report["documents"]} == {"2.pdf", "3.pdf"}
    assert sum(row["tokens"] for row in report["documents"]) == billed_in + billed_out


def test_what_is_left_of_a_budget_is_told_in_tokens_and_in_money(spent: Spent) -> None:
    report = usage_of(spent.project, "pages")
    [budget] = report["budgets"]
    assert (budget["flow"], budget["per"], budget["timezone"]) == ("pages", "day", "Europe/Paris")
    assert report["timezone"] == "Europe/Paris"
    assert budget["tokens"] == {
        "limit": 1_000_000,
        "spent": report["total"]["tokens"],
        "reserved": 0,
        "left": 1_000_000 - report["total"]["tokens"],
    }
    assert budget["cost"]["left"] == pytest.approx(2 - report["total"]["cost"])


def test_call_whose_usage_was_lost_is_charged_at_its_bound_and_said(
    online_project: Project, server: FakeMistralProcess
) -> None:
    server.control(replies=["no_usage"])
    online_project.write_flows(PAGE_STEPS, flow="pages")
    make_pdf(1, online_project.inbox / "a.pdf")
    online_project.run_json("pages")
    total = usage_of(online_project)["total"]
    assert total["charged_at_bound"] == 1
    assert total["tokens"] > sum(
        entry["prompt_tokens"] + entry["completion_tokens"] for entry in server.log()
    )
    assert "upper bound" in call(online_project, "usage").stdout


def test_table_names_flow_model_document_and_what_is_left(spent: Spent) -> None:
    shown = call(spent.project, "usage").stdout
    for word in (
        "pages",
        "mistral-large-2512",
        "2.pdf",
        "3.pdf",
        "per page",
        "left of 1,000,000",
        "USD left of 2.0000",
    ):
        assert word in shown


def test_before_anything_ran_nothing_is_spent_and_no_ledger_is_made(project: Project) -> None:
    project.write_flows(PAGE_STEPS, flow="pages", more="budget: {tokens: 1000}\n")
    assert "nothing has been spent yet" in call(project, "usage").stdout
    assert usage_of(project)["budgets"][0]["tokens"]["left"] == 1000
    assert not (project.folder / ".docmill").exists()


def test_unknown_flow_is_refused(spent: Spent) -> None:
    done = call(spent.project, "usage", "page")
    assert done.returncode == 2
    assert "pages" in done.stderr
