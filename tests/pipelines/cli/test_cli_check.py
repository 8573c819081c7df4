"""`docmill check`, `docmill schema`, and what the process says when a command ends badly."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from pipelines import cli
from schemas.errors import StateError
from tests.support.flow_files import SCHEMA, flow_with_steps, write

ROOT = Path(__file__).parents[3]

ORDERS = """
version: 1
models: {eyes: [pixtral-large-latest, mistral-large-2512], text: [mistral-large-latest]}
flows:
  orders:
    description: Purchase orders.
    source: {folder: inbox, match: ["*.pdf", "*.tif"], recursive: true}
    steps:
      - render: {max_side_px: 1024, pages: "1-3"}
      - extract: {model: eyes}
      - summarise: {schema: "order.py:Order"}
      - own.py:enrich: {rate: 2}
      - check: {review_below: 0.8}
      - write: {jsonl: out/orders.jsonl, json: out/json}
    budget: {tokens: 2000000, cost: 3.50, per: day, on_exceeded: defer}
  offline:
    engine: local
    steps: [render, extract, write: {csv: out/pages.csv}]
"""


@pytest.fixture
def orders(tmp_path):
    write(tmp_path, SCHEMA, "order.py")
    write(tmp_path, "async def enrich(draft, *, rate: int): return draft", "own.py")
    return write(tmp_path, ORDERS)


def test_check_says_what_each_flow_will_do(docmill, orders):
    code, out, err = docmill("check", "-f", orders)
    assert (code, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == f"{orders}: 2 flows, no problems"
    assert lines[2:14] == [
        "orders: Purchase orders.",
        "source inbox and its sub-folders: *.pdf, *.tif",
        "1 render opens the document and takes pages 1-3; images 1024 px on the longest side",
        (
            "2 extract reads the text of each page by pixtral-large-latest or else "
            "mistral-large-2512 (role eyes)"
        ),
        "3 summarise fills order.py:Order (number) by mistral-large-latest (role text)",
        "4 own.py:enrich your own step with rate=2",
        (
            "5 check checks required values and rules; a required value below confidence 0.8 "
            "asks for a review"
        ),
        "6 write writes out/orders.jsonl, out/json",
        "engine mistral at https://api.mistral.ai/v1",
        "budget 2,000,000 tokens and 3.5 USD a day, then documents wait for the next window",
        "at a time 4 documents, 16 pages",
        f"note the source folder inbox does not exist yet (looked for {orders.parent / 'inbox'})",
    ]
    assert lines[14].startswith("note MISTRAL_API_KEY is not set")
    assert "engine local: offline and free" in lines
    assert "source the files named on the command line" in lines


def test_check_shows_one_flow_when_asked(docmill, orders):
    code, out, _ = docmill("check", "offline", "-f", orders)
    assert code == 0
    assert "offline" in out
    assert "Purchase orders" not in out


def test_a_key_that_is_set_is_no_note_and_never_shown(docmill, orders, monkeypatch):
    monkeypatch.setenv("MISTRAL_API_KEY", "geheim4711")
    _, out, err = docmill("check", "orders", "-f", orders)
    assert "MISTRAL_API_KEY" not in out + err
    assert "geheim4711" not in out + err


def test_check_tells_all_problems_on_stderr_and_ends_with_2(docmill, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, flow_with_steps("rendr", "extract: {tokens: 1}"))
    expected = (
        "flows.yaml:5:9: flows.orders.steps.rendr: unknown step; did you mean `render`?\n"
        "flows.yaml:6:19: flows.orders.steps.extract.tokens: unknown key; did you mean "
        "`max_tokens`?\n"
        "2 problems in flows.yaml; nothing was run.\n"
    )
    assert docmill("check") == (2, "", expected)


def test_an_unknown_flow_is_a_wrong_call(docmill, orders):
    code, out, err = docmill("check", "order", "-f", orders)
    assert (code, out) == (2, "")
    assert err == f"docmill: {orders} has no flow `order`; did you mean `orders`?\n"


def test_schema_prints_the_json_schema(docmill):
    code, out, err = docmill("schema")
    assert (code, err) == (0, "")
    jsonschema.Draft202012Validator.check_schema(json.loads(out))
    assert json.loads(out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_help_names_every_command(docmill):
    code, out, _ = docmill("--help")
    assert code == 0
    assert all(f"\n  {name} " in out for name in cli.COMMANDS)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help(docmill, name):
    code, out, _ = docmill(name, "--help")
    assert code == 0
    assert f"docmill {name}" in out


def test_version(docmill):
    code, out, _ = docmill("--version")
    assert code == 0
    assert out.startswith("docmill ")


def test_a_misspelt_command_is_told_with_the_nearest_one(docmill):
    code, _, err = docmill("chek")
    assert code == 2
    assert "'check'" in err


@pytest.fixture
def failing(monkeypatch):
    """Makes `docmill schema` end with the given error."""

    def fail(error: BaseException) -> None:
        def broken() -> None:
            raise error

        monkeypatch.setattr("pipelines.cli.schema.flow_file_schema", broken)

    return fail


def test_an_expected_error_is_its_message_and_exit_code(docmill, failing):
    failing(StateError("the ledger is locked"))
    assert docmill("schema") == (1, "", "docmill: the ledger is locked\n")


def test_ctrl_c_ends_with_130(docmill, failing):
    failing(KeyboardInterrupt())
    assert docmill("schema") == (130, "", "docmill: interrupted\n")


def test_a_bug_is_three_facts_and_a_file_with_the_traceback(
    docmill, failing, monkeypatch, tmp_path
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    failing(ZeroDivisionError("text of a document"))
    code, out, err = docmill("schema")
    assert (code, out) == (1, "")
    assert "a bug in docmill: ZeroDivisionError in " in err
    assert "text of a document" not in err
    [report] = tmp_path.glob("docmill-bug-*.txt")
    assert str(report) in err
    assert "ZeroDivisionError: text of a document" in report.read_text(encoding="utf-8")
    assert report.stat().st_mode & 0o077 == 0


def test_a_closed_pipe_is_no_bug(docmill, failing):
    failing(OSError(errno.EPIPE, "Broken pipe"))
    code, _, err = docmill("schema")
    assert code == 1
    assert "bug" not in err


def test_help_and_check_import_nothing_heavy():
    """What keeps the command line fast; the time itself is measured by hand, for a machine may be
    busy."""
    code = (
        "import sys; sys.argv = ['docmill', *sys.argv[1:]]\nfrom pipelines.cli import "
        "main\ntry: main()\nexcept SystemExit: pass\n"
        "print({'prefect', 'httpx', 'sqlalchemy', 'PIL', 'pypdfium2', 'rich', 'rapidocr'} "
        "& set(sys.modules), file=sys.stderr)"
    )
    for arguments in (["--help"], ["check"], ["schema"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            env=os.environ,
        )
        assert done.stderr == "set()\n"


@pytest.mark.parametrize("steps", [["rendr"], ["render", "own.py:enrich"]])
def test_with_json_an_error_is_one_object_too(docmill, orders, steps):
    write(orders.parent, flow_with_steps(*steps))
    code, out, err = docmill("run", "orders", "-f", orders, "--json")
    assert code == 2
    assert json.loads(out)["error"] == {"code": "flow_file", "message": err.rstrip("\n")}
