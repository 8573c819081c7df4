"""The whole command in a storm of rate limits: every page is read, and nobody speaks in a pause
that the server announced."""

import pytest

from tests.support.documents import make_pdf
from tests.support.fake_mistral.process import FakeMistralProcess
from tests.support.projects import PAGE_STEPS, Project

HALF = {"429_seconds": 0.1, "429_fraction": 0.15, "429_date": 0.1, "429_bare": 0.15}
ON_ITS_WAY = 0.25  # seconds: a refusal needs so long, at most, to reach a busy process


@pytest.mark.slow
def test_half_of_all_answers_are_429_and_every_page_is_read(
    online_project: Project, server: FakeMistralProcess
) -> None:
    server.control(fault_rates=HALF, latency=0.02)
    online_project.write_flows(
        PAGE_STEPS,
        flow="pages",
        top="models: {vision: [pixtral-large-2411]}\n",
        more="retry: {attempts: 2, max_wait_seconds: 0.2}\nconcurrency: {documents: 8, pages: "
        "16}\n",
    )
    make_pdf(40, online_project.inbox / "long.pdf")
    for number in range(20):
        path = make_pdf(1, online_project.inbox / f"{number}.pdf")
        path.write_bytes(path.read_bytes() + b"\n%% %d" % number)
    done = online_project.run_json("pages", timeout=180)
    assert {document["status"] for document in done["documents"]} == {"done"}
    assert sum(len(document["record"]["pages"]) for document in done["documents"]) == 60
    assert all(
        page["text"] for document in done["documents"] for page in document["record"]["pages"]
    )
    log = server.log()
    answered = [entry for entry in log if entry["status"] == 200]
    assert len(answered) == 60, "no page was bought twice"
    assert len(log) - len(answered) >= 20
    for told in (entry for entry in log if entry["quiet_until"] is not None):
        early = [
            entry["number"]
            for entry in log
            if told["answered"] + ON_ITS_WAY < entry["started"] < told["quiet_until"]
        ]
        assert not early, f"after request {told['number']}"
    assert done["usage"]["prompt_tokens"] == sum(entry["prompt_tokens"] for entry in answered)


def test_summary_tells_how_often_a_run_was_held_up(
    online_project: Project, server: FakeMistralProcess
) -> None:
    server.control(replies=["429_fraction", "429_bare"])
    online_project.write_flows(PAGE_STEPS, flow="pages")
    make_pdf(1, online_project.inbox / "a.pdf")
    done = online_project.run("run", "pages")
    assert done.returncode == 0
    assert "2 rate limits" in done.stdout
    assert "USD" in done.stdout
