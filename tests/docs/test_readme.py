"""README and docs are true: their commands run, their YAML loads, their links lead somewhere, the
output shown is the real one."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.cli import COMMANDS
from pipelines.loading import load_project
from tests.support.projects import ROOT, Project
from tests.support.readme_commands import set_up_commands

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```",
        path.read_text(encoding="utf-8"),
        flags=re.DOTALL | re.MULTILINE,
    )


def flow_files() -> list:
    """Whole flow files, which begin with `version:`; shorter pieces are tested where they
    belong."""
    return [
        pytest.param(path, text, id=f"{path.name}-{number}")
        for path in PAGES
        for number, text in enumerate(blocks(path, "yaml"))
        if "version: 1" in text and "flows:" in text
    ]


@pytest.mark.parametrize(("page", "text"), flow_files())
def test_each_whole_flow_file_in_the_docs_loads(page: Path, text: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    for code in blocks(page, "python"):
        if named := re.match(r"# (steps/\S+\.py)\n", code):
            (tmp_path / named[1]).parent.mkdir(exist_ok=True)
            (tmp_path / named[1]).write_text(code, encoding="utf-8")
    (tmp_path / "flows.yaml").write_text(text, encoding="utf-8")
    assert load_project(tmp_path / "flows.yaml").flow_file.flows


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_docmill_command_named_exists_and_has_the_options_shown(path: Path) -> None:
    for block in blocks(path, "sh") + blocks(path, "console"):
        for line in re.findall(r"^(?:\$ )?docmill ([^#\n]*)", block, flags=re.MULTILINE):
            words = line.split()
            assert words[0] in (*COMMANDS, "--help", "--version"), line
            if words[0] not in COMMANDS:
                continue
            known = help_of(words[0])
            assert [
                word
                for word in words
                if word.startswith("--") and word.partition("=")[0] not in known
            ] == [], line


def help_of(command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_there_are_two_set_up_commands() -> None:
    commands = set_up_commands(README)
    assert commands == [
        'pip install -e ".[ocr]" && docmill run invoices examples/inbox --local',
        'pip install -e ".[dev]" && pytest',
    ]


def test_output_shown_is_the_output_of_the_command(project: Project) -> None:
    pytest.importorskip("rapidocr", reason="the examples hold pictures, which need the extra [ocr]")
    shutil.copytree(ROOT / "examples", project.folder / "examples")
    shutil.copytree(ROOT / "schemas", project.folder / "schemas")
    shutil.copy(ROOT / "flows.yaml", project.folder)
    done = project.run("run", "invoices", "examples/inbox", "--local")
    assert done.returncode == 0, done.stderr
    shown = next(
        block for block in blocks(ROOT / "README.md", "text") if "amazon-web-services.pdf" in block
    )
    real = [line.split() for line in done.stdout.splitlines()]
    expected = [
        line.split()
        for line in shown.splitlines()
        if ".pdf " in line or ".jpg " in line or line.startswith("wrote")
    ]
    assert expected
    assert [line for line in expected if line not in real] == []
