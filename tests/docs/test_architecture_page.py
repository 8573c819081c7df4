"""docs/architecture.md names files and folders that exist, and every package of the code."""

import re

import pytest

from tests.support.projects import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:schemas|tasks|pipelines)/[^`]*)`", PAGE)))
)
def test_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("package", ["tasks", "pipelines"])
def test_drawing_has_every_folder(package: str) -> None:
    folders = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
    assert {folder for folder in folders if f"{folder}/" not in PAGE} == set()
