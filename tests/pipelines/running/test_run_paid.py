"""The main job with a key: pages go to the vision model, extractions to the text model, through a
real HTTP server."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.documents import make_pdf
from tests.support.fake_mistral.process import FakeMistralProcess
from tests.support.projects import EXAMPLES, PAGE_STEPS, Project

SIMPLE_STEPS = """\
      - render: {}
      - extract: {model: vision}
      - summarise:
          model: text
          fields:
            number: {type: string, description: Invoice number, optional: true}
            total: {type: decimal, optional: true}
      - check: {}
      - write: {}
"""


def models_asked(server: FakeMistralProcess) -> list[str]:
    return [entry["model"] for entry in server.log() if entry["status"] == 200]


def test_pages_go_to_the_vision_model_and_the_text_to_the_text_model(
    online_project: Project, server: FakeMistralProcess
) -> None:
    online_project.write_flows(
        SIMPLE_STEPS, top="models:\n  vision: [mistral-medium-3-5]\n  text: [mistral-large-2512]\n"
    )
    make_pdf(3, online_project.inbox / "a.pdf")
    answer = online_project.run_json("invoices")
    assert sorted(models_asked(server)) == ["mistral-large-2512"] + ["mistral-medium-3-5"] * 3
    assert answer["usage"]["requests"] == 4
    assert answer["usage"]["prompt_tokens"] == sum(entry["prompt_tokens"] for entry in server.log())
    assert answer["usage"]["cost"] > 0


def test_retired_model_moves_to_the_next_id_of_the_role_and_says_so(
    online_project: Project, server: FakeMistralProcess
) -> None:
    server.control(retired={"pixtral-large-latest": 400})
    online_project.write_flows(
        SIMPLE_STEPS,
        top="models:\n  vision: [pixtral-large-latest, mistral-large-2512]\n  text: "
        "[mistral-large-2512]\n",
    )
    make_pdf(2, online_project.inbox / "a.pdf")
    done = online_project.run("run", "invoices")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("pixtral-large-latest") == 1
    assert set(models_asked(server)) == {"mistral-large-2512"}


def test_role_without_any_served_model_stops_the_run_and_uses_up_no_attempt(
    online_project: Project, server: FakeMistralProcess
) -> None:
    server.control(retired={"pixtral-12b-2409": 404})
    online_project.write_flows(
        SIMPLE_STEPS, top="models:\n  vision: [pixtral-12b-2409]\n  text: [mistral-large-2512]\n"
    )
    make_pdf(1, online_project.inbox / "a.pdf")
    answer = online_project.run_json("invoices", exit_code=2)
    assert [
        (document["status"], document["error"]["code"]) for document in answer["documents"]
    ] == [("deferred", "stopped")]


def test_second_run_sends_nothing_and_again_takes_the_answers_from_the_cache(
    online_project: Project, server: FakeMistralProcess
) -> None:
    online_project.write_flows(SIMPLE_STEPS)
    make_pdf(2, online_project.inbox / "a.pdf")
    online_project.run_json("invoices")
    sent = len(server.log())
    assert online_project.run_json("invoices")["documents"][0]["status"] == "skipped"
    assert online_project.run_json("invoices", "--again")["usage"]["requests"] == 0
    assert len(server.log()) == sent
    online_project.run_json("invoices", "--again", "--fresh")
    assert len(server.log()) == 2 * sent


def test_key_shows_nowhere(online_project: Project, server: FakeMistralProcess) -> None:
    server.control(api_key="another-key")
    online_project.write_flows(SIMPLE_STEPS)
    make_pdf(1, online_project.inbox / "a.pdf")
    done = online_project.run("run", "invoices", "-vv")
    assert done.returncode == 2
    assert "401" in done.stderr
    files = [path for path in online_project.folder.rglob("*") if path.is_file()]
    assert all(b"test-key-7f3a" not in path.read_bytes() for path in files)
    assert "test-key-7f3a" not in done.stdout + done.stderr


def test_key_of_the_env_file_beside_flows_yaml_is_used(
    online_project: Project, server: FakeMistralProcess
) -> None:
    server.control(api_key="from-dot-env")
    del online_project.env["MISTRAL_API_KEY"]
    (online_project.folder / ".env").write_text("MISTRAL_API_KEY=from-dot-env\n")
    online_project.write_flows(SIMPLE_STEPS)
    make_pdf(1, online_project.inbox / "a.pdf")
    online_project.run_json("invoices")
    assert models_asked(server)


def test_e_invoice_that_satisfies_the_schema_sends_no_request(
    online_project: Project, server: FakeMistralProcess
) -> None:
    online_project.write_flows()
    shutil.copy(EXAMPLES / "lieferant-e-invoice.pdf", online_project.inbox)
    answer = online_project.run_json("invoices")
    assert answer["documents"][0]["record"]["number"] == "471102"
    assert server.log() == []


@pytest.mark.parametrize("on_exceeded", ["stop", "defer", "local"])
def test_budget_that_is_used_up_stops_defers_or_goes_on_offline(
    online_project: Project, server: FakeMistralProcess, on_exceeded: str
) -> None:
    online_project.write_flows(
        SIMPLE_STEPS,
        more=f"budget: {{tokens: 40000, per: day, on_exceeded: {on_exceeded}}}\nconcurrency: "
        f"{{documents: 1, pages: 1}}\n",
    )
    for number in range(8):
        make_pdf(number + 1, online_project.inbox / f"{number}.pdf")
    answer = online_project.run_json("invoices", exit_code=3 if on_exceeded == "stop" else 0)
    spent = answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]
    assert 0 < spent <= 40000
    assert spent >= sum(
        entry["prompt_tokens"] + entry["completion_tokens"] for entry in server.log()
    )
    statuses = [document["status"] for document in answer["documents"]]
    if on_exceeded == "local":
        assert "deferred" not in statuses
        told = [
            finding["code"] for document in answer["documents"] for finding in document["findings"]
        ]
        assert "finished_locally" in told
    else:
        deferred = [
            document["error"]["code"]
            for document in answer["documents"]
            if document["status"] == "deferred"
        ]
        assert deferred
        assert set(deferred) == {"budget"}


def test_jsonl_holds_every_page_text_of_a_page_flow(online_project: Project) -> None:
    online_project.write_flows(PAGE_STEPS, flow="pages")
    make_pdf(2, online_project.inbox / "a.pdf")
    online_project.run_json("pages")
    line = json.loads((online_project.folder / "out/pages.jsonl").read_text())
    assert len(line["record"]["pages"]) == 2


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length_of_a_document(
    online_project: Project, tmp_path: Path
) -> None:
    from bench.process_tree import measure

    online_project.write_flows(PAGE_STEPS, flow="pages")
    peaks = {}
    for pages in (100, 500):
        path = make_pdf(pages, tmp_path / f"{pages}.pdf")
        measured = measure(
            online_project.command("run", "pages", str(path), "--json"),
            env=online_project.environment(),
            cwd=online_project.folder,
        )
        assert measured.exit_code == 0, measured.output[-2000:]
        peaks[pages] = measured.peak_rss_mb
    assert peaks[500] <= 1.2 * peaks[100]
