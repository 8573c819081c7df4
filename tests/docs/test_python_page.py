"""docs/python.md: every Python block is run, each in the surroundings that the page gives it."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import docmill
from tests.support.fake_mistral.process import FakeMistralProcess
from tests.support.prefect_server import PrefectApi
from tests.support.projects import EXAMPLES, ROOT, Project

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^```python\n# (\S+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
(RECIPIENTS,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(project: Project) -> Path:
    """A project with a flow `invoices`, two documents in its inbox, and the page's files."""
    for name in ("coolblue.pdf", "lieferant-e-invoice.pdf"):
        shutil.copy(EXAMPLES / name, project.inbox)
    project.write_flows()
    for name, code in BLOCKS.items():
        (project.folder / name).parent.mkdir(exist_ok=True)
        (project.folder / name).write_text(code, encoding="utf-8")
    return project.folder


def output_of(name: str, project: Project, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, name],
        cwd=project.folder,
        env={**project.environment(), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_of_the_readme(project: Project, folder: Path) -> None:
    shutil.copy(EXAMPLES / "lieferant-e-invoice.pdf", folder / "invoice.pdf")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    (folder / "readme.py").write_text(code, encoding="utf-8")
    found, result = output_of("readme.py", project).splitlines()
    assert found.startswith("number='")
    assert result.count("Status.") == 2


def test_every_block_has_a_name_and_a_test() -> None:
    assert PAGE.count("```python\n") == len(BLOCKS)
    assert set(BLOCKS) == {
        "one_document.py",
        "run_flow.py",
        "notebook.ipynb",
        "month_end.py",
        "steps/recipient.py",
    }


def test_one_document(project: Project, folder: Path) -> None:
    assert folder.is_dir()
    first, *rest = output_of("one_document.py", project).splitlines()
    assert re.fullmatch(r"\S+ \d+\.\d\d \d{4}-\d\d-\d\d", first)
    assert sum(line.endswith(" 1.0") for line in rest) == 3


def test_a_flow_in_a_script(project: Project, folder: Path) -> None:
    assert folder.is_dir()
    lines = output_of("run_flow.py", project).splitlines()
    assert re.search(r"inbox/coolblue.pdf needs_review 0\.\d+$", lines[0])
    assert lines[-1] == "0 0.0 None"


async def test_in_a_notebook(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As IPython does: compiled with top-level `await`, run in the loop that runs already."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("DOCMILL_STATE", raising=False)
    cell = ast.parse(BLOCKS["notebook.ipynb"])
    last = cell.body[-1]
    assert isinstance(last, ast.Expr)
    shown = ast.Assign([ast.Name("shown", ast.Store())], last.value)
    cell.body[-1] = ast.fix_missing_locations(ast.copy_location(shown, last))
    names: dict[str, Any] = {}
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    await eval(compile(cell, "cell", "exec", flags), names)  # noqa: S307 - our own page
    assert [Path(path).name for path, _ in names["shown"]] == [
        "coolblue.pdf",
        "lieferant-e-invoice.pdf",
    ]


def test_a_step_of_one_s_own(
    online_project: Project, folder: Path, server: FakeMistralProcess, monkeypatch: Any
) -> None:
    (folder / "flows.yaml").write_text(RECIPIENTS, encoding="utf-8")
    for name in ("MISTRAL_BASE_URL", "MISTRAL_API_KEY"):
        monkeypatch.setenv(name, online_project.env[name])
    project = docmill.load(folder)
    document = folder / "inbox" / "coolblue.pdf"

    offline = project.run("recipients", document, local=True)
    assert offline.results[0].findings[-1].code == "no_recipient"

    stopped = project.run("recipients", document, max_tokens=1_000)
    assert isinstance(stopped.stopped_by, docmill.BudgetExceededError)

    paid = project.run("recipients", document)
    (result,) = paid.results
    assert result.record is not None
    assert result.record["recipient"] == "ACME Supplies Ltd"
    assert [one.field for one in result.evidence if one.found_by == "step"] == ["recipient"]
    asked = len(server.log())
    assert asked == paid.usage.requests >= 3

    again = project.run("recipients", document, again=True)
    assert again.usage.requests == 0
    assert len(server.log()) == asked


@pytest.mark.slow
def test_in_a_prefect_flow_of_one_s_own(
    project: Project, folder: Path, prefect_api: PrefectApi
) -> None:
    assert folder.is_dir()
    home = {name: value for name, value in os.environ.items() if name == "PYTHONPATH"}
    said = output_of("month_end.py", project, PREFECT_API_URL=prefect_api.url, **home)
    assert said.strip() == "['717.97']"
    runs = prefect_api.post("task_runs/filter", limit=50)
    assert {"read inbox/coolblue.pdf", "book coolblue.pdf"} <= {run["name"] for run in runs}
