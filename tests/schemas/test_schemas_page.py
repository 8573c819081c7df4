"""Every block of docs/schemas.md works as it stands."""

import re
from pathlib import Path

import pytest

from pipelines.loading import load_project
from tests.support.flow_files import only_problem

PAGE = (Path(__file__).parents[2] / "docs" / "schemas.md").read_text(encoding="utf-8")
YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
PYTHON = re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, code in PYTHON:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code, encoding="utf-8")
    return tmp_path


def flow(step: str) -> str:
    indented = "".join(f"      {line}\n" for line in step.splitlines())
    return f"version: 1\nflows:\n  orders:\n    steps:\n      - render\n      - extract\n{indented}"


def test_the_page_has_its_blocks():
    assert (len(YAML), len(PYTHON)) == (3, 1)


@pytest.mark.parametrize("step", YAML)
def test_a_yaml_block_loads(folder, step):
    (folder / "flows.yaml").write_text(flow(step), encoding="utf-8")
    assert load_project(folder / "flows.yaml").references["orders"].schema is not None


def test_the_first_shown_message_is_the_real_one(folder):
    shown = re.findall(r"^flows\.yaml:\d+:\d+: (flows\.orders.*)$", PAGE, re.MULTILINE)
    (folder / "flows.yaml").write_text(flow(YAML[1].replace(":Order", ":Ordr")), encoding="utf-8")
    assert only_problem(folder / "flows.yaml").split(": ", 1)[1] == shown[0]
