"""Steps of the user's own in a real run: what they print and what they raise harms neither the
result nor the log."""

import shutil

import pytest

from tests.support.flow_files import write
from tests.support.projects import EXAMPLES, Project

OWN = """
async def prints(draft):
    print("text of page one")
    return draft


async def breaks(draft):
    raise ValueError("text of page one")
"""


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path)
    shutil.copy(EXAMPLES / "coolblue.pdf", project.inbox)
    write(tmp_path, OWN, "own.py")
    project.write_flows(
        "      - render\n      - extract\n      - own.py:prints\n      - own.py:breaks\n",
        flow="pages",
    )
    return project


def test_what_a_step_prints_and_says_in_an_error_stays_out_of_result_and_log(project):
    printed = project.run("run", "pages", "--local", "--json")
    assert printed.returncode == 1
    assert printed.stdout.startswith("{\n")
    assert "own.py:breaks raised ValueError at own.py:7" in printed.stdout
    assert "text of page one" in printed.stderr  # what it printed, for its owner to see
    logs = [
        log.read_text(encoding="utf-8") for log in (project.folder / ".docmill" / "logs").iterdir()
    ]
    assert logs
    assert not any("text of page one" in log for log in [*logs, printed.stdout])
