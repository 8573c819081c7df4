"""docs/checks.md lists every finding that the check step can make, with its weight."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RULE_FILES = [
    ROOT / "tasks" / "steps" / "check.py",
    ROOT / "tasks" / "reask.py",
    *(ROOT / "tasks" / "rules").glob("*.py"),
]


def test_every_finding_of_check_is_in_the_docs_and_no_other():
    told = set(
        re.findall(
            r"^\| `(\w+)` \|",
            (ROOT / "docs" / "checks.md").read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    )
    made = {
        code
        for file in RULE_FILES
        for code in re.findall(r'code="(\w+)"', file.read_text(encoding="utf-8"))
    }
    assert told == made


def test_every_note_of_the_einvoice_step_is_in_the_docs():
    text = (ROOT / "docs" / "einvoices.md").read_text(encoding="utf-8")
    made = set(
        re.findall(
            r'code="(\w+)"', (ROOT / "tasks" / "steps" / "einvoice.py").read_text(encoding="utf-8")
        )
    )
    assert {code for code in made if code not in text} == set()
