"""The parts of the Prefect runner that need no server: states, rows, names, and which runs are
spread."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.loading import load_flow
from pipelines.on_prefect.artifacts import artifact_key, document_rows, summary
from pipelines.on_prefect.flow import files_to_spread, final_state, prefect_flow
from pipelines.on_prefect.watched_batch import batch_key
from pipelines.running.result import RunOptions, RunResult
from schemas.errors import BudgetExceededError, FlowFileError
from schemas.flow import FlowSpec
from schemas.flow.deployment import RunParameters
from schemas.record import DocumentResult, ErrorInfo, Finding, Status
from schemas.usage import Usage
from tests.support.projects import Project

STEPS = "      - einvoice: {}\n      - write: {}\n"
SCALED = "scale: {batch: 2, deployment: batch}\ndeployments: [{name: batch, work_pool: pool}]\n"


def document(status: Status, name: str = "a.pdf", **more: object) -> DocumentResult:
    return DocumentResult(path=f"/in/{name}", document_id=name, status=status, pages=1, **more)


def run_of(*results: DocumentResult, **more: object) -> RunResult:
    usage = Usage(requests=2, prompt_tokens=1_000, completion_tokens=234, cost_nano=5_000_000)
    return RunResult(
        flow="in_voices",
        run_id="r1",
        results=results,
        usage=usage,
        seconds=1.0,
        log_file=Path("log"),
        **more,
    )


@pytest.mark.parametrize(
    ("fail_on", "status", "name"),
    [
        ("never", Status.FAILED, "Completed"),
        ("failed", Status.FAILED, "Failed"),
        ("failed", Status.NEEDS_REVIEW, "Completed"),
        ("needs_review", Status.NEEDS_REVIEW, "Failed"),
        ("needs_review", Status.DONE, "Completed"),
    ],
)
def test_state_of_the_flow_run_is_what_fail_on_says(
    project: Project, fail_on: str, status: Status, name: str
) -> None:
    spec = load_flow(
        project.write_flows(STEPS, more=f"fail_on: {fail_on}"), "invoices", local=True
    ).spec
    state = final_state(run_of(document(status)), spec)
    assert (state.name, state.message) == (name, f"1 document: 1 {status}")
    assert final_state(run_of(document(status)), spec, part_of_a_run=True).name == "Completed", (
        "the whole run is judged, not a batch"
    )


def test_stopped_and_interrupted_runs_are_told_from_others(project: Project) -> None:
    spec = load_flow(project.write_flows(STEPS), "invoices", local=True).spec
    stopped = run_of(
        document(Status.DONE), stopped_by=BudgetExceededError("invoices", "tokens", 10, 9, 5)
    )
    assert final_state(stopped, spec).name == "Failed"
    assert "budget" in str(final_state(stopped, spec).message)
    assert final_state(run_of(document(Status.DONE), interrupted=True), spec).name == "Cancelled"


def test_table_has_those_that_need_a_person_first_and_no_values() -> None:
    review = document(
        Status.NEEDS_REVIEW,
        "b.pdf",
        record={"total": "529.87"},
        findings=(Finding(code="sum_differs", message="529.87 is not 530"),),
    )
    failed = document(Status.FAILED, "c.pdf", error=ErrorInfo(code="password", message="encrypted"))
    rows = document_rows(
        (document(Status.DONE), review, failed), {"a.pdf": Usage(prompt_tokens=7, cost_nano=None)}
    )
    assert [row["document"] for row in rows] == ["c.pdf", "b.pdf", "a.pdf"]
    assert (rows[0]["error"], rows[1]["error"]) == ("password: encrypted", "sum_differs")
    assert (rows[2]["tokens"], rows[2]["cost (USD)"]) == (7, None)
    assert "529.87" not in str(rows)


def test_summary_counts_and_says_what_was_spent() -> None:
    text = summary(run_of(document(Status.DONE), document(Status.FAILED, "b.pdf")))
    assert "| done | 1 |" in text
    assert "| failed | 1 |" in text
    assert "1,234 tokens in 2 requests, 0.0050 USD" in text


def test_artifact_keys_are_what_prefect_takes() -> None:
    assert artifact_key("In_Voices", "documents") == "in-voices-documents"


def test_parameters_are_those_that_a_deployment_may_have() -> None:
    names = {*RunParameters.model_fields, "run_id"}
    assert set(RunOptions().to_parameters(None, local=False)) == names
    spec = FlowSpec.model_validate({"steps": ["render"]})
    assert set(prefect_flow(Path("flows.yaml"), "pages", spec).parameters.properties) == names


def test_options_come_back_from_their_parameters_as_they_were(tmp_path: Path) -> None:
    options = RunOptions(
        working_folder=tmp_path,
        run_id="run-1",
        out=tmp_path / "out",
        again=True,
        fresh=True,
        max_tokens=5,
        max_cost=Decimal("0.1"),
    )
    given = json.loads(json.dumps(options.to_parameters(["a.pdf"], local=True)))
    run_id = given.pop("run_id")
    parameters = RunParameters.model_validate(given)
    assert (parameters.paths, parameters.local) == ((str(tmp_path / "a.pdf"),), True)
    assert RunOptions.from_parameters(parameters, tmp_path, run_id=run_id) == options


def test_only_large_runs_that_are_no_batch_are_spread(project: Project) -> None:
    definition = load_flow(project.write_flows(STEPS, more=SCALED), "invoices", local=True)
    for name in ("a.pdf", "b.pdf"):
        (project.inbox / name).write_bytes(b"%PDF-1.4")
    assert files_to_spread(definition, None, RunOptions()) == []
    (project.inbox / "c.pdf").write_bytes(b"%PDF-1.4")
    assert len(files_to_spread(definition, None, RunOptions())) == 3
    assert (
        files_to_spread(definition, ["inbox/a.pdf"], RunOptions(working_folder=project.folder))
        == []
    )
    assert files_to_spread(definition, None, RunOptions(run_id="of-the-whole")) == []


def test_batch_has_one_key_until_a_file_changes(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"1")
    (tmp_path / "b.pdf").write_bytes(b"2")
    paths = [str(tmp_path / "a.pdf"), str(tmp_path / "b.pdf")]
    key = batch_key("invoices", paths)
    assert batch_key("invoices", paths[::-1]) == key
    assert batch_key("receipts", paths) != key
    (tmp_path / "a.pdf").write_bytes(b"longer")
    assert batch_key("invoices", paths) != key


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("deployments: [{name: a}, {name: a}]", "two deployments are named 'a'"),
        ("scale: {deployment: b}", "is not one of this flow's deployments"),
        (
            "scale: {deployment: b}\ndeployments: [{name: b, overlap: {limit: 1}}]",
            "they would wait for each other",
        ),
        ("deployments: [{name: a, schedule: {cron: '0 6 * * *'}}]", "timezone"),
        (
            "deployments: [{name: a, schedule: {cron: '0 6 * * *', timezone: Europe/Atlantis}}]",
            "no such timezone",
        ),
        (
            (
                "deployments: [{name: a, schedule: {cron: '0 6 * * *', interval_seconds: 5, "
                "timezone: UTC}}]"
            ),
            "give one of",
        ),
        ("deployments: [{name: a, parameters: {bogus: 1}}]", "bogus"),
        ("deployments: [{name: a, work_queue: q}]", "need a `work_pool`"),
        ("notify: {webhook_env: 'https://hooks.example/secret'}", "webhook_env"),
    ],
)
def test_mistake_in_a_deployment_is_found_at_load(project: Project, more: str, said: str) -> None:
    with pytest.raises(FlowFileError, match=said):
        load_flow(project.write_flows(STEPS, more=more), "invoices", local=True)
