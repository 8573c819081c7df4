"""A step of the user's own that asks a model: through the run's gateway, cache and budget."""

import json

import pytest

from pipelines.loading import load_flow
from tests.support.documents import make_pdf
from tests.support.fake_mistral.process import FakeMistralProcess
from tests.support.flow_files import write
from tests.support.projects import Project

OWN = """
from pydantic import BaseModel

from schemas.record import Draft, Evidence, Finding


class Opinion(BaseModel):
    number: str


class Strict(BaseModel):
    seal: str  # the fake model knows no such thing and answers null


async def opinion(draft: Draft, *, models, schema: str = "Opinion", role: str = "text") -> Draft:
    if models is None:
        return draft.adding(Finding(code="not_asked", message="no model", weight="note"))
    text = "\\n".join(page.text for page in draft.extractions)
    answer = await models.ask("Name the number.", text, schema=globals()[schema], role=role)
    record = {**(draft.record or {}), "opinion": answer.number}
    evidence = Evidence(field="opinion", quote=answer.number, found_by="step", confidence=0.5)
    return draft.model_copy(update={"record": record}).adding(evidence)


async def words(draft: Draft, *, models) -> Draft:
    answer = await models.ask("Summarise.", "a text", max_tokens=50)
    return draft.model_copy(update={"record": {"words": answer}})
"""
STEPS = (
    "      - render\n      - extract\n      - own.py:{step}\n      - write: {{jsonl: out.jsonl}}\n"
)


@pytest.fixture
def own_project(online_project: Project) -> Project:
    write(online_project.folder, OWN, "own.py")
    make_pdf(1, online_project.inbox / "a.pdf")
    return online_project


def test_answer_fits_the_schema_and_its_cost_is_the_document_s(
    own_project: Project, server: FakeMistralProcess
) -> None:
    own_project.write_flows(STEPS.format(step="opinion"))
    answer = own_project.run_json("invoices")
    document = answer["documents"][0]
    assert document["record"]["opinion"].startswith("INV-")
    assert document["evidence"][0]["found_by"] == "step"
    assert answer["usage"]["requests"] == len(server.log()) == 2
    usage = json.loads(own_project.run("usage", "invoices", "--json").stdout)
    assert usage["total"]["calls"] == 2


def test_the_same_question_is_paid_for_once(
    own_project: Project, server: FakeMistralProcess
) -> None:
    own_project.write_flows(STEPS.format(step="opinion"))
    own_project.run_json("invoices")
    again = own_project.run("run", "invoices", "--again", "--json")
    assert again.returncode == 0, again.stderr
    assert len(server.log()) == 2


def test_a_budget_holds_for_the_step_too(own_project: Project, server: FakeMistralProcess) -> None:
    own_project.write_flows(STEPS.format(step="opinion"))
    own_project.run_json("invoices")
    own_project.write_flows(STEPS.format(step="words"))
    stopped = own_project.run("run", "invoices", "--again", "--max-tokens", "10")
    assert stopped.returncode == 3, stopped.stderr
    assert "it was not sent" in stopped.stderr
    assert len(server.log()) == 2


def test_without_a_schema_the_answer_is_its_text(own_project: Project) -> None:
    own_project.write_flows(STEPS.format(step="words"))
    assert own_project.run_json("invoices")["documents"][0]["record"]["words"]


def test_the_local_engine_has_no_models_to_ask(own_project: Project) -> None:
    own_project.write_flows(STEPS.format(step="opinion"))
    (document,) = own_project.run_json("invoices", "--local")["documents"]
    assert [finding["code"] for finding in document["findings"]] == ["not_asked"]


def test_an_answer_that_never_fits_fails_the_document_and_names_the_place(
    own_project: Project,
) -> None:
    step = "own.py:opinion: {schema: Strict}"
    own_project.write_flows(STEPS.format(step="opinion").replace("own.py:opinion", step))
    (document,) = own_project.run_json("invoices", exit_code=1)["documents"]
    assert document["error"]["code"] == "answer_invalid"
    assert "seal (" in document["error"]["message"]


def test_an_unknown_role_fails_the_document_and_names_the_known_ones(own_project: Project) -> None:
    step = "own.py:opinion: {role: judge}"
    own_project.write_flows(STEPS.format(step="opinion").replace("own.py:opinion", step))
    (document,) = own_project.run_json("invoices", exit_code=1)["documents"]
    assert document["error"]["code"] == "step_failed"
    assert "unknown role 'judge'; roles: " in document["error"]["message"]


def test_every_model_that_the_step_may_ask_decides_what_is_done(own_project: Project) -> None:
    flows = own_project.write_flows(
        STEPS.format(step="opinion"), top="models: {vision: [a], text: [b], judge: [c]}\n"
    )
    first = load_flow(flows, "invoices")
    assert first.roles == ("vision", "text", "judge")
    flows.write_text(flows.read_text(encoding="utf-8").replace("[c]", "[d]"), encoding="utf-8")
    assert load_flow(flows, "invoices").hash != first.hash


def test_a_plan_says_that_it_cannot_foresee_the_step(own_project: Project) -> None:
    own_project.write_flows(STEPS.format(step="opinion"))
    planned = own_project.run("plan", "invoices")
    assert "the model calls of own.py:opinion are not in this plan" in planned.stderr
