"""The main job without a key: `docmill run FLOW --local`."""

import csv
import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.record import DocumentResult
from tests.support.documents import make_pdf
from tests.support.projects import EXAMPLES, PAGE_STEPS, Project

DOCUMENT_KEYS = [
    "path",
    "document_id",
    "status",
    "pages",
    "record",
    "evidence",
    "findings",
    "error",
]


@pytest.fixture
def invoices(project: Project) -> Project:
    project.write_flows()
    for name in ("amazon-web-services.pdf", "free-fiber-two-pages.pdf", "lieferant-e-invoice.pdf"):
        shutil.copy(EXAMPLES / name, project.inbox)
    return project


def by_name(answer: dict) -> dict[str, dict]:
    return {Path(document["path"]).name: document for document in answer["documents"]}


def test_invoices_become_records_with_evidence_and_nothing_is_spent(invoices: Project) -> None:
    answer = invoices.run_json("invoices", "--local")
    assert list(answer) == ["flow", "run_id", "documents", "usage"]
    assert answer["usage"] == {
        "requests": 0,
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "cost": 0.0,
    }
    documents = by_name(answer)
    assert all(list(document) == DOCUMENT_KEYS for document in documents.values())
    amazon = documents["amazon-web-services.pdf"]
    assert (
        amazon["record"]["number"],
        amazon["record"]["issue_date"],
        amazon["record"]["total"],
    ) == ("42183017", "2014-08-03", "4.11")
    total = next(item for item in amazon["evidence"] if item["field"] == "total")
    assert total["page"] == 1
    assert "4.11" in total["quote"]
    assert all(0 <= side <= 1 for side in total["box"])
    assert documents["free-fiber-two-pages.pdf"]["pages"] == 2


def test_e_invoice_is_read_exactly_and_says_where_in_the_xml(invoices: Project) -> None:
    document = by_name(invoices.run_json("invoices", "--local"))["lieferant-e-invoice.pdf"]
    assert document["status"] == "done"
    assert document["record"]["total"] == "529.87"
    number = next(item for item in document["evidence"] if item["field"] == "number")
    assert number["found_by"] == "einvoice"
    assert number["path"]
    assert number["confidence"] == 1.0


def test_outputs_are_written_and_a_jsonl_line_equals_the_json_entry(invoices: Project) -> None:
    answer = invoices.run_json("invoices", "--local")
    lines = [
        json.loads(line)
        for line in (invoices.folder / "out/invoices.jsonl").read_text().splitlines()
    ]
    written = {line["document_id"]: line for line in lines}
    assert written == {document["document_id"]: document for document in answer["documents"]}
    with (invoices.folder / "out/invoices.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["document_id"] for row in rows} == set(written)
    assert "529.87" in {row["total"] for row in rows}


_ALIASED_SCHEMA = """\
from decimal import Decimal

from pydantic import BaseModel, Field


class Paid(BaseModel):
    number: str
    total: Decimal = Field(validation_alias="Total incl. VAT")
"""


def test_an_unsure_required_value_is_for_review_under_its_alias(project: Project) -> None:
    (project.folder / "paid.py").write_text(_ALIASED_SCHEMA)
    project.write_flows(
        "      - render: {}\n      - extract: {model: vision}\n"
        '      - summarise: {model: text, schema: "paid.py:Paid"}\n'
        "      - check: {review_below: 0.99}\n      - write: {csv: out/paid.csv}\n"
    )
    shutil.copy(EXAMPLES / "amazon-web-services.pdf", project.inbox)
    [document] = project.run_json("invoices", "--local")["documents"]
    assert (document["status"], document["record"]["Total incl. VAT"]) == ("needs_review", "4.11")
    [doubt] = [each for each in document["findings"] if each["code"] == "low_confidence"]
    assert doubt["weight"] == "review"
    assert '["Total incl. VAT"]' in doubt["fields"]
    with (project.folder / "out/paid.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert row['["Total incl. VAT"]'] == "4.11"


def test_second_run_skips_what_is_done_and_rewrites_a_lost_output(invoices: Project) -> None:
    first = invoices.run_json("invoices", "--local")
    (invoices.folder / "out/invoices.jsonl").unlink()
    second = invoices.run_json("invoices", "--local")
    assert {document["status"] for document in second["documents"]} == {"skipped"}
    assert [document["record"] for document in second["documents"]] == [
        document["record"] for document in first["documents"]
    ]
    assert len((invoices.folder / "out/invoices.jsonl").read_text().splitlines()) == 3


def test_again_runs_the_steps_of_documents_that_are_done(invoices: Project) -> None:
    invoices.run_json("invoices", "--local")
    assert "skipped" not in {
        document["status"]
        for document in invoices.run_json("invoices", "--local", "--again")["documents"]
    }


def test_one_bad_document_and_one_missing_path_do_not_stop_the_others(invoices: Project) -> None:
    (invoices.inbox / "broken.pdf").write_bytes(b"%PDF-1.7\nnot a pdf at all")
    (invoices.inbox / "page.pdf").write_bytes(b"<!doctype html><title>404</title>")
    answer = invoices.run_json("invoices", "inbox", "nowhere.pdf", "--local", exit_code=1)
    documents = by_name(answer)
    assert documents["amazon-web-services.pdf"]["record"]["total"] == "4.11"
    assert documents["broken.pdf"]["error"]["code"] == "unreadable"
    assert documents["page.pdf"]["error"]["code"] == "unsupported_type"
    assert documents["nowhere.pdf"]["error"]["code"] == "source"
    assert {documents[name]["status"] for name in ("broken.pdf", "page.pdf", "nowhere.pdf")} == {
        "failed"
    }


def test_reason_of_a_failure_stands_in_a_line_and_in_the_table(invoices: Project) -> None:
    (invoices.inbox / "broken.pdf").write_bytes(b"%PDF-1.7\nnot a pdf at all")
    done = invoices.run("run", "invoices", "--local")
    assert done.returncode == 1
    assert any(
        line.startswith("failed") and "broken.pdf" in line for line in done.stderr.splitlines()
    )
    table = done.stdout
    assert "broken.pdf" in table
    assert "42183017" in table
    assert "out/invoices.jsonl" in table


def test_same_bytes_under_two_names_are_two_entries_with_one_document_id(invoices: Project) -> None:
    shutil.copy(EXAMPLES / "amazon-web-services.pdf", invoices.inbox / "copy.pdf")
    documents = by_name(invoices.run_json("invoices", "--local"))
    first, second = documents["amazon-web-services.pdf"], documents["copy.pdf"]
    assert first["document_id"] == second["document_id"]
    assert first["record"] == second["record"]
    assert len((invoices.folder / "out/invoices.jsonl").read_text().splitlines()) == 3


def test_out_puts_every_output_into_one_folder(invoices: Project) -> None:
    invoices.run_json("invoices", "--local", "--out", "elsewhere")
    assert (invoices.folder / "elsewhere/invoices.jsonl").exists()
    assert not (invoices.folder / "out").exists()


def test_flow_of_render_extract_write_gives_the_text_of_the_pages(project: Project) -> None:
    project.write_flows(PAGE_STEPS, flow="pages")
    make_pdf(3, project.inbox / "three.pdf")
    document = project.run_json("pages", "--local")["documents"][0]
    assert [page["page_number"] for page in document["record"]["pages"]] == [1, 2, 3]
    assert "INV-00002" in document["record"]["pages"][1]["text"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nosuch", "--local"), "nosuch"),
        (("invoices", "--local", "--fresh"), "--again"),
        (("invoices", "--max-cost", "much"), "--max-cost"),
        (("invoices", "-f", "missing.yaml"), "missing.yaml"),
    ],
)
def test_wrong_call_ends_with_2_and_says_what_was_expected(
    invoices: Project, words: tuple[str, ...], said: str
) -> None:
    done = invoices.run("run", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_source_folder_ends_the_run_with_2(project: Project) -> None:
    project.write_flows()
    done = project.run("run", "invoices", "--local")
    assert done.returncode == 2
    assert "inbox" in done.stderr


def test_missing_key_ends_the_run_with_2_and_loses_no_document(invoices: Project) -> None:
    done = invoices.run("run", "invoices", "--json")
    assert done.returncode == 2
    assert "MISTRAL_API_KEY" in done.stderr
    assert {document["status"] for document in json.loads(done.stdout)["documents"]} <= {
        "deferred",
        "done",
    }
    assert "skipped" not in {
        document["status"] for document in invoices.run_json("invoices", "--local")["documents"]
    }


@pytest.fixture
def long_run(project: Project) -> Iterator[subprocess.Popen]:
    project.write_flows(more="concurrency: {documents: 1}\n")
    for number in range(40):
        make_pdf(3, project.inbox / f"{number:02}.pdf").write_bytes(
            make_pdf(3, project.inbox / "x.pdf").read_bytes() + b"\n%% %d" % number
        )
    running = subprocess.Popen(
        project.command("run", "invoices", "--local", "--json"),
        cwd=project.folder,
        env=project.environment(),
        stdout=-1,
        stderr=-1,
        text=True,
    )
    yield running
    running.kill()
    running.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_keeps_what_is_done_and_defers_the_rest(
    project: Project, long_run: subprocess.Popen, number: signal.Signals
) -> None:
    assert long_run.stderr is not None
    for line in long_run.stderr:
        if line.startswith(("done", "needs_review")):
            break
    long_run.send_signal(number)
    out, _ = long_run.communicate(timeout=20)
    assert long_run.returncode == 130
    statuses = [document["status"] for document in json.loads(out)["documents"]]
    assert len(statuses) == 41
    assert "deferred" in statuses
    assert set(statuses) <= {"done", "needs_review", "deferred"}
    again = project.run_json("invoices", "--local")
    assert len(again["documents"]) == 41
    assert {document["status"] for document in again["documents"]} <= {
        "done",
        "needs_review",
        "skipped",
    }


def test_ordinary_run_imports_no_prefect(invoices: Project) -> None:
    invoices.env["PYTHONPROFILEIMPORTTIME"] = "1"
    done = invoices.run("run", "invoices", "--local", "--json")
    assert done.returncode == 0
    assert " prefect" not in done.stderr


def test_log_file_of_a_run_holds_no_text_of_the_documents(invoices: Project) -> None:
    invoices.run_json("invoices", "--local")
    logs = "".join(path.read_text() for path in (invoices.folder / ".docmill/logs").iterdir())
    assert "42183017" not in logs
    assert "Lieferant" not in logs


def test_documented_keys_are_those_of_the_result_model() -> None:
    assert list(DocumentResult.model_fields) == DOCUMENT_KEYS
