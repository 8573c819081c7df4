"""`--help`, `-h`, `-q` and shell completion."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.cli.commands import COMMANDS
from tests.support.flow_files import flow_with_steps, write
from tests.support.projects import ROOT, Project

LEAKS = ("[[", "{", "<", "...  [", "x>=", "[default", "[required]", "list[")


def test_help_lists_every_command_with_its_whole_line(docmill):
    code, out, _ = docmill("--help")
    assert code == 0
    lines = [line.strip().split(maxsplit=1) for line in out.splitlines()]
    for name, command in COMMANDS.items():
        assert [name, command.summary] in lines
        assert command.function.rpartition(":")[2] == name


def test_help_imports_no_command():
    code = (
        "import sys; sys.argv = ['docmill', '--help']\n"
        "from pipelines.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted(n for n in sys.modules if n.startswith('pipelines.')), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr == "['pipelines.cli', 'pipelines.cli.commands', 'pipelines.cli.help']\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_shows_names_as_they_are_typed(docmill, name):
    code, out, err = docmill(name, "-h")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: docmill {name} [OPTIONS]")
    assert COMMANDS[name].summary in out
    assert [leak for leak in LEAKS if leak in out] == []
    assert out == docmill(name, "--help")[1]


def test_usage_shows_what_may_be_left_out(docmill):
    assert "Usage: docmill run [OPTIONS] FLOW [PATH]...\n" in docmill("run", "-h")[1]
    assert "Usage: docmill watch [OPTIONS] FLOW [FOLDER]\n" in docmill("watch", "-h")[1]


@pytest.fixture
def complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What bash offers for the last of WORDS, with the script of `--show-completion`."""
    if not shutil.which("bash"):
        pytest.skip("needs bash")
    program = tmp_path / "bin" / "docmill"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m pipelines.cli "$@"\n')
    program.chmod(0o755)
    write(tmp_path, flow_with_steps("render"))
    monkeypatch.delenv("DOCMILL_FILE", raising=False)
    environment = os.environ | {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }

    def offered(*words: str) -> list[str]:
        script = (
            'eval "$(docmill --show-completion)"\n'
            f"COMP_WORDS=(docmill {' '.join(word or repr('') for word in words)})\n"
            f"COMP_CWORD={len(words)}\n"
            "_docmill_completion docmill\n"
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(
            ["bash", "--norc", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    return offered


def test_bash_completes_commands_flows_and_options(complete):
    assert complete("d") == ["documents", "deploy"]
    assert complete("run", "") == ["orders"]
    assert complete("run", "orders", "--lo") == ["--local"]
    assert complete("documents", "--status", "n") == ["needs_review"]


def test_a_broken_flow_file_completes_nothing(complete, tmp_path):
    for text in ("flows: [", "flows:\n", "[]", "\0"):
        (tmp_path / "flows.yaml").write_text(text)
        assert complete("run", "") == []


def test_quiet_prints_only_documents_that_need_a_person(project: Project) -> None:
    project.write_flows(
        "      - render: {}\n      - extract: {}\n      - write: {jsonl: out/pages.jsonl}\n",
        flow="pages",
        more="engine: local",
    )
    shutil.copy(ROOT / "examples/inbox/free-fiber-two-pages.pdf", project.inbox / "good.pdf")
    (project.inbox / "broken.pdf").write_text("%PDF-1.7 nothing else")
    done = project.run("run", "pages", "-q")
    assert (done.returncode, done.stdout) == (1, "")
    assert "broken.pdf: " in done.stderr
    assert "good.pdf" not in done.stderr
    assert len((project.folder / "out/pages.jsonl").read_text().splitlines()) == 1
