"""What docs/deploy.md and docs/watch.md show: every YAML block is valid, every option and parameter
exists."""

import re
from typing import Any

import pytest
import yaml

from schemas.flow import FlowFile
from schemas.flow.deployment import DeploymentSpec, RunParameters, ScaleSpec, WatchSpec
from tests.support.projects import ROOT, Project

PAGES = [ROOT / "docs" / "deploy.md", ROOT / "docs" / "watch.md"]
STEPS = [{"einvoice": {}}, {"write": {}}]


def blocks(language: str) -> list[str]:
    return [
        block
        for page in PAGES
        for block in re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)
    ]


@pytest.mark.parametrize("block", blocks("yaml"))
def test_yaml_block_is_valid(block: str) -> None:
    shown: dict[str, Any] = yaml.safe_load(block)
    flows = shown.pop("flows", None) or {"invoices": {key: shown.pop(key) for key in list(shown)}}
    completed = {
        name: {"source": {"folder": "inbox"}, "steps": STEPS, **flow}
        for name, flow in flows.items()
    }
    FlowFile.model_validate({"version": 1, **shown, "flows": completed})


def test_every_option_of_docmill_in_a_shell_block_exists(project: Project) -> None:
    for command in ("deploy", "watch", "serve"):
        options = {
            option
            for line in "\n".join([*blocks("sh"), *blocks("ini")]).splitlines()
            if f"docmill {command}" in line
            for option in re.findall(r"--[a-z-]+", line.partition("#")[0])
        }
        shown = project.run(command, "--help").stdout
        assert {option for option in options if option not in shown} == set()


def test_every_run_parameter_and_watch_key_is_described() -> None:
    deploy, watch = (page.read_text() for page in PAGES)
    assert [name for name in RunParameters.model_fields if f"`{name}`" not in deploy] == []
    assert [name for name in WatchSpec.model_fields if name not in watch] == []
    assert [name for name in ScaleSpec.model_fields if name not in deploy] == []
    assert {"work_pool", "schedule", "overlap", "job_variables"} <= set(DeploymentSpec.model_fields)
