"""Writing a flows.yaml into a folder, and reading the problems that loading it gives."""

from pathlib import Path
from textwrap import dedent

import pytest

from pipelines.loading import load_project
from schemas.errors import FlowFileError

SCHEMA = """\
from pydantic import BaseModel


class Order(BaseModel):
    number: str
"""


def write(folder: Path, text: str, name: str = "flows.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return path


def flow_with_steps(*steps: str, head: str = "") -> str:
    """A flows.yaml with one flow `orders`; its first step stands on line 5 plus the lines of
    `head`."""
    return f"version: 1\n{head}flows:\n  orders:\n    steps:\n" + "".join(
        f"      - {step}\n" for step in steps
    )


def problems(path: Path) -> list[str]:
    """Each problem as it is printed, without the file's name; [] when there is none."""
    try:
        load_project(path)
    except FlowFileError as error:
        return [line.removeprefix(f"{path}:") for line in str(error).splitlines()[:-1]]
    return []


def only_problem(path: Path) -> str:
    found = problems(path)
    if len(found) != 1:
        pytest.fail(f"expected one problem, found {found}")
    return found[0]
