"""A project in a folder of its own: flows.yaml, an inbox, and the `docmill` command run in it as a
user would."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "inbox"

INVOICE_STEPS = f"""\
      - einvoice: {{}}
      - render: {{}}
      - extract: {{model: vision}}
      - summarise: {{model: text, schema: "{ROOT}/schemas/invoice.py:Invoice"}}
      - check: {{}}
      - write: {{jsonl: out/invoices.jsonl, csv: out/invoices.csv}}
"""
PAGE_STEPS = """\
      - render: {}
      - extract: {model: vision, max_tokens: 500}
      - write: {jsonl: out/pages.jsonl}
"""


@dataclass
class Project:
    """`run` starts the real command; its environment has no key unless one is given."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    flow: str = "invoices"

    @property
    def inbox(self) -> Path:
        path = self.folder / "inbox"
        path.mkdir(exist_ok=True)
        return path

    def write_flows(
        self, steps: str = INVOICE_STEPS, *, flow: str = "invoices", more: str = "", top: str = ""
    ) -> Path:
        path = self.folder / "flows.yaml"
        indented = "".join(f"    {line}\n" for line in more.splitlines())
        path.write_text(
            f"version: 1\n{top}flows:\n  {flow}:\n    source: {{folder: inbox}}\n    "
            f"steps:\n{steps}{indented}",
            encoding="utf-8",
        )
        return path

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "pipelines.cli", *words]

    def environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MISTRAL_", "DOCMILL_", "PREFECT_"))
        }
        return {
            **kept,
            "PYTHONSAFEPATH": "1",
            "PREFECT_HOME": str(self.folder / ".prefect"),
            "NO_COLOR": "1",
            "COLUMNS": "160",
            **self.env,
        }

    def run(self, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def run_json(self, *words: str, exit_code: int = 0, timeout: float = 120) -> dict[str, Any]:
        done = self.run("run", *words, "--json", timeout=timeout)
        assert done.returncode == exit_code, done.stderr[-3000:]
        return json.loads(done.stdout)
