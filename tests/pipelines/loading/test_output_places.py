"""Places of outputs are checked when flows.yaml is read: nothing else may be overwritten."""

from pathlib import Path

import pytest

from pipelines.loading.project import load_project
from schemas.errors import FlowFileError

FLOWS = """version: 1
flows:
  invoices:
    engine: local
    source: {{folder: inbox, match: ["*.pdf", "*.csv"]}}
    steps:
      - render: {{}}
      - extract: {{prompt: prompt.md}}
    write: {write}
"""


def load(folder: Path, write: str) -> None:
    (folder / "prompt.md").write_text("Read the page.")
    (folder / "flows.yaml").write_text(FLOWS.format(write=write))
    load_project(folder / "flows.yaml")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        ("{jsonl: flows.yaml}", "flows.yaml is this file"),
        ("{csv: ./sub/../prompt.md}", "is a prompt"),
        ("{csv: .env}", "is the environment file"),
        ("{jsonl: .docmill/ledger.db}", "the folder of the ledger"),
        ("{csv: inbox/all.csv}", "would be taken as a document of inbox"),
        ("{jsonl: out/a, csv: out/a}", "is the `jsonl` output of flow `invoices` too"),
        ("{jsonl: inbox}", "exists and is not a regular file"),
        ("{json: prompt.md}", "is a prompt"),
        ("{json: notes.txt}", "exists and is not a folder"),
        ("{csv: /dev/null}", "exists and is not a regular file"),
    ],
)
def test_output_in_the_place_of_something_else_is_refused(
    tmp_path: Path, write: str, message: str
) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FlowFileError, match=message):
        load(tmp_path, write)


def test_output_beside_documents_that_are_not_taken_is_fine(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    load(tmp_path, "{jsonl: inbox/all.jsonl, csv: all.csv, json: out}")
