"""`docmill plan`: what a run would cost, told before anything is spent."""

import json
import shutil
import sqlite3
from typing import Any

import pytest

from tests.support.documents import make_pdf, write_pdf
from tests.support.fake_mistral.counting import image_tokens
from tests.support.fake_mistral.process import FakeMistralProcess
from tests.support.in_process import call
from tests.support.projects import EXAMPLES, INVOICE_STEPS, Project
from tests.support.projects import PAGE_STEPS as PAGE_STEPS_CUT

PIXTRAL_A4, NEWER_A4 = image_tokens(724, 1024, 16, 1024), image_tokens(1088, 1540, 28, 1540)
TOTAL_KEYS = ["requests", "prompt_tokens", "completion_tokens", "cost"]
WIDEST_CALL = 6_000  # tokens that a budget must hold for one call beyond what it is expected to use
PAGE_STEPS = PAGE_STEPS_CUT.replace(
    "max_tokens: 500", "max_tokens: 2000"
)  # room for the whole page
LARGE = "models: {vision: [mistral-large-2512], text: [mistral-large-2512]}\n"


def plan_of(project: Project, *words: str) -> dict[str, Any]:
    done = call(project, "plan", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def pages(project: Project) -> Project:
    """A flow of the pages of two PDFs, of 2 and 3 pages."""
    project.write_flows(PAGE_STEPS, flow="pages", top=LARGE)
    for count in (2, 3):
        make_pdf(count, project.inbox / f"{count}.pdf")
    return project


def test_json_has_the_documented_shape(project: Project) -> None:
    project.write_flows(INVOICE_STEPS, top=LARGE)
    shutil.copy(EXAMPLES / "coolblue.pdf", project.inbox)
    plan = plan_of(project, "invoices")
    assert list(plan) == ["flow", "documents", "pages", "free", "steps", "total", "fits_budget"]
    assert (plan["flow"], plan["documents"], plan["pages"], plan["fits_budget"]) == (
        "invoices",
        1,
        1,
        None,
    )
    assert [step["step"] for step in plan["steps"]] == ["extract", "summarise", "check"]
    assert list(plan["total"]) == TOTAL_KEYS
    for part in (plan["total"], *plan["steps"]):
        for name in TOTAL_KEYS[1:]:
            assert part[name]["low"] <= part[name]["expected"] <= part[name]["high"]
    assert plan["total"]["requests"] == 2
    assert (
        plan["steps"][2]["prompt_tokens"]["high"]
        > 0
        == plan["steps"][2]["prompt_tokens"]["expected"]
    ), "only after a broken rule"
    assert plan["total"]["cost"]["expected"] == pytest.approx(
        sum(step["cost"]["expected"] for step in plan["steps"])
    )


@pytest.mark.parametrize(
    ("model", "tokens"), [("pixtral-12b-2409", PIXTRAL_A4), ("mistral-large-2512", NEWER_A4)]
)
def test_image_tokens_are_exact(pages: Project, model: str, tokens: int) -> None:
    pages.write_flows(PAGE_STEPS, flow="pages", top=f"models: {{vision: [{model}]}}\n")
    [step] = plan_of(pages, "pages")["steps"]
    assert (step["requests"], step["image_tokens"]) == (5, 5 * tokens)


def test_nothing_is_sent_and_nothing_is_written(
    online_project: Project, server: FakeMistralProcess
) -> None:
    online_project.write_flows(INVOICE_STEPS)
    shutil.copytree(EXAMPLES, online_project.inbox, dirs_exist_ok=True)
    plan_of(online_project, "invoices")
    assert server.log() == []
    assert sorted(path.name for path in online_project.folder.iterdir()) == ["flows.yaml", "inbox"]
    make_pdf(1, online_project.folder / "one.pdf")
    online_project.run_json("invoices", "one.pdf")
    before, sent = ledger_rows(online_project), len(server.log())
    plan_of(online_project, "invoices")
    assert ledger_rows(online_project) == before
    assert len(server.log()) == sent


def ledger_rows(project: Project) -> dict[str, list[tuple[Any, ...]]]:
    ledger = sqlite3.connect(project.folder / ".docmill/ledger.db")
    try:
        tables = [
            row[0] for row in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {table: ledger.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
    finally:
        ledger.close()


def test_what_is_free_is_counted_by_its_reason(pages: Project) -> None:
    pages.write_flows(f"      - einvoice: {{}}\n{PAGE_STEPS}", flow="pages", top=LARGE)
    shutil.copy(EXAMPLES / "lieferant-e-invoice.pdf", pages.inbox)
    shutil.copy(pages.inbox / "2.pdf", pages.inbox / "2-copy.pdf")
    (pages.inbox / "broken.pdf").write_bytes(b"%PDF-1.7\nnot a pdf at all")
    write_pdf(pages.inbox / "blank.pdf", [b"", b""])
    done = call(pages, "plan", "pages", "--json")
    plan = json.loads(done.stdout)
    assert plan["free"] == {
        "einvoices": 1,
        "done_before": 0,
        "same_bytes": 1,
        "failing": 1,
        "not_tried": 0,
        "cached_answers": 0,
        "blank_pages": 2,
    }
    assert (plan["documents"], plan["pages"], plan["total"]["requests"]) == (6, 9, 5)
    assert "broken.pdf: " in done.stderr


def test_done_documents_and_stored_answers_are_free(
    online_project: Project, server: FakeMistralProcess
) -> None:
    online_project.write_flows(INVOICE_STEPS, top=LARGE)
    make_pdf(2, online_project.inbox / "done.pdf")
    online_project.run_json("invoices")
    make_pdf(1, online_project.inbox / "new.pdf")
    plan = plan_of(online_project, "invoices")
    assert plan["free"]["done_before"] == 1
    assert plan["total"]["requests"] == 2
    online_project.write_flows(
        INVOICE_STEPS.replace("{model: text,", "{model: text, max_tokens: 3000,"), top=LARGE
    )
    plan = plan_of(online_project, "invoices", "inbox/done.pdf")
    assert (plan["free"]["done_before"], plan["free"]["cached_answers"]) == (0, 2)
    [extract, summarise, _] = plan["steps"]
    assert (extract["requests"], summarise["requests"]) == (0, 1)
    sent = len(server.log())
    online_project.run_json("invoices", "inbox/done.pdf")
    assert len(server.log()) - sent == 1
    billed = server.log()[-1]["prompt_tokens"]
    assert abs(summarise["prompt_tokens"]["expected"] - billed) <= 0.1 * billed, (
        "the stored page texts are known"
    )


def test_failed_document_that_no_run_tries_again_is_free(project: Project) -> None:
    project.write_flows(
        PAGE_STEPS, flow="pages", more="engine: local\nretry: {document_attempts: 1}\n"
    )
    (project.inbox / "broken.pdf").write_bytes(b"%PDF-1.7\nnot a pdf at all")
    for expected in ("failing", "failing", "not_tried"):
        assert plan_of(project, "pages")["free"][expected] == 1
        project.run_json("pages", exit_code=1)


def test_budget_that_a_plan_fits_holds_a_run_and_one_that_it_does_not_fit_ends_it(
    online_project: Project,
) -> None:
    online_project.write_flows(PAGE_STEPS, flow="pages", top=LARGE)
    make_pdf(12, online_project.inbox / "a.pdf")
    assert plan_of(online_project, "pages")["fits_budget"] is None
    expected = plan_of(online_project, "pages")["total"]
    enough = (
        expected["prompt_tokens"]["expected"]
        + expected["completion_tokens"]["expected"]
        + WIDEST_CALL
    )
    assert plan_of(online_project, "pages", "--max-tokens", str(enough))["fits_budget"] is True
    assert (
        plan_of(online_project, "pages", "--max-tokens", str(enough // 2))["fits_budget"] is False
    )
    online_project.run_json("pages", "--max-tokens", str(enough // 2), exit_code=3)
    assert (
        online_project.run_json("pages", "--again", "--fresh", "--max-tokens", str(enough))[
            "documents"
        ][0]["status"]
        == "done"
    )


def test_what_was_spent_in_the_window_counts_against_the_budget(online_project: Project) -> None:
    online_project.write_flows(
        PAGE_STEPS,
        flow="pages",
        top=LARGE,
        more="budget: {tokens: 30000, per: day, on_exceeded: defer}\n",
    )
    for number in (1, 2, 3):
        make_pdf(4, online_project.folder / f"{number}.pdf").write_bytes(
            (online_project.folder / f"{number}.pdf").read_bytes() + b"\n%% %d" % number
        )
    assert plan_of(online_project, "pages", "1.pdf")["fits_budget"] is True
    online_project.run_json("pages", "1.pdf", "2.pdf")
    assert plan_of(online_project, "pages", "3.pdf")["fits_budget"] is False


def test_retired_models_are_named_with_what_would_be_asked(project: Project) -> None:
    project.write_flows(
        PAGE_STEPS,
        flow="pages",
        top="models: {vision: [pixtral-large-latest, mistral-large-2512, mistral-medium-3-5]}\n",
    )
    make_pdf(1, project.inbox / "a.pdf")
    [step] = plan_of(project, "pages")["steps"]
    assert (step["model"], step["retired"], step["next"]) == (
        "mistral-large-2512",
        ["pixtral-large-latest"],
        "mistral-medium-3-5",
    )
    shown = call(project, "plan", "pages").stdout
    assert (
        "pixtral-large-latest is known to be retired, mistral-large-2512 would be used, "
        "then mistral-medium-3-5" in shown
    )


def test_plan_resolves_a_role_as_the_run_found_out(
    online_project: Project, server: FakeMistralProcess
) -> None:
    server.control(retired={"mistral-medium-3-5": 400})
    online_project.write_flows(
        PAGE_STEPS, flow="pages", top="models: {vision: [mistral-medium-3-5, mistral-large-2512]}\n"
    )
    make_pdf(1, online_project.inbox / "a.pdf")
    assert plan_of(online_project, "pages")["steps"][0]["model"] == "mistral-medium-3-5"
    online_project.run_json("pages")
    assert plan_of(online_project, "pages")["steps"][0]["model"] == "mistral-large-2512"


def test_local_engine_spends_nothing(pages: Project) -> None:
    plan = plan_of(pages, "pages", "--local")
    assert (plan["documents"], plan["pages"], plan["steps"]) == (2, 5, [])
    assert plan["total"] == {
        name: 0 if name == "requests" else {"low": 0, "expected": 0, "high": 0}
        for name in TOTAL_KEYS
    }


def test_price_that_is_not_known_is_null_and_never_a_guess(pages: Project) -> None:
    pages.write_flows(PAGE_STEPS, flow="pages", top="models: {vision: [our-own-model]}\n")
    plan = plan_of(pages, "pages")
    assert plan["total"]["cost"] is None
    assert plan["steps"][0]["cost"] is None
    assert plan["total"]["requests"] == 5


def test_page_selection_and_pages_sent_together_are_planned_as_they_run(
    online_project: Project, server: FakeMistralProcess
) -> None:
    steps = PAGE_STEPS.replace("render: {}", "render: {max_pages: 5}").replace(
        "max_tokens: 2000", "max_tokens: 2000, images_per_request: 2"
    )
    online_project.write_flows(steps, flow="pages", top=LARGE)
    make_pdf(8, online_project.inbox / "a.pdf")
    plan = plan_of(online_project, "pages")
    assert (plan["pages"], plan["total"]["requests"]) == (5, 3)
    online_project.run_json("pages")
    billed = sum(entry["prompt_tokens"] for entry in server.log())
    assert len(server.log()) == 3
    assert abs(plan["total"]["prompt_tokens"]["expected"] - billed) <= 0.02 * billed


def test_missing_source_folder_and_missing_key_are_no_problem_of_a_plan(project: Project) -> None:
    project.write_flows(PAGE_STEPS, flow="pages")
    done = call(project, "plan", "pages", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["documents"] == 0
    assert "inbox does not exist" in done.stderr


def test_table_says_what_is_free_what_it_costs_and_whether_it_fits(pages: Project) -> None:
    shown = call(pages, "plan", "pages", "--max-tokens", "100000").stdout
    for words in (
        "2 documents, 5 pages",
        "mistral-large-2512",
        "total",
        "100,000 of 100,000 tokens left",
        "the run fits",
    ):
        assert words in shown
    assert (
        "would stop before the end" in call(pages, "plan", "pages", "--max-tokens", "1000").stdout
    )


def test_wrong_call_ends_with_2(pages: Project) -> None:
    for words, said in ((("page",), "pages"), (("pages", "--max-cost", "much"), "--max-cost")):
        done = call(pages, "plan", *words)
        assert done.returncode == 2
        assert said in done.stderr


@pytest.mark.slow
def test_thousand_pages_are_planned_in_seconds(project: Project) -> None:
    project.write_flows(PAGE_STEPS, flow="pages", top=LARGE)
    for count in (400, 600):
        make_pdf(count, project.inbox / f"{count}.pdf")
    done = call(project, "plan", "pages")
    assert "1,000 pages" in done.stdout
    assert float(done.stdout.partition("planned in ")[2].partition(" s")[0]) < 10


def test_ordinary_plan_imports_nothing_that_makes_it_slow(pages: Project) -> None:
    pages.env["PYTHONPROFILEIMPORTTIME"] = "1"
    done = pages.run("plan", "pages")
    imported = {
        line.rpartition("|")[2].strip()
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    }
    assert "tasks.models.gateway" in imported
    assert not imported & {
        "prefect",
        "httpx",
        "rich.console",
        "rapidocr",
        "onnxruntime",
        "pypdfium2",
        "PIL",
        "fsspec",
        "watchfiles",
    }


def test_answer_that_will_surely_be_cut_is_planned_with_its_repetition(pages: Project) -> None:
    pages.write_flows(
        PAGE_STEPS.replace("max_tokens: 2000", "max_tokens: 200"), flow="pages", top=LARGE
    )
    [step] = plan_of(pages, "pages")["steps"]
    assert step["requests"] == 15, "200, 400 and 800 tokens for each of 5 pages of 540"
