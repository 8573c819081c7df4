"""The guard against foreign packages called tasks, schemas or pipelines; a wheel of ours."""

import csv
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.support.projects import EXAMPLES, ROOT

PACKAGES = ("docmill", "pipelines", "schemas", "tasks")
MEND = "pip install --force-reinstall --no-deps docmill"


def python_says(site: Path, code: str, *, cwd: Path | None = None) -> str:
    """What `code` prints or its last line of error, with docmill at `site`."""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    environment.pop("PYTHONSAFEPATH", None)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=cwd or site.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def note_installed(site: Path, name: str, files: list[str]) -> None:
    """What an installer leaves: METADATA, and RECORD with the size of each file."""
    info = site / f"{name}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    with (info / "RECORD").open("w", newline="") as record:
        csv.writer(record).writerows([file, "", (site / file).stat().st_size] for file in files)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Our four packages, installed in a folder as from a wheel."""
    site = tmp_path / "site"
    for name in PACKAGES:
        shutil.copytree(ROOT / name, site / name, ignore=shutil.ignore_patterns("__pycache__"))
    ours = [str(file.relative_to(site)) for file in site.rglob("*") if file.is_file()]
    note_installed(site, "docmill", ours)
    return site


def test_a_healthy_installation_is_imported(site: Path) -> None:
    code = "import docmill, pipelines; print(docmill.Invoice.__module__)"
    assert python_says(site, code) == "schemas.invoice"


@pytest.mark.parametrize("name", ["tasks", "schemas", "pipelines"])
def test_a_folder_that_hides_one_of_ours_is_refused_and_not_run(site: Path, name: str) -> None:
    (site.parent / name).mkdir()
    (site.parent / name / "__init__.py").write_text("raise SystemExit('foreign')")
    said = python_says(site, "import docmill")
    assert said.startswith(f"ImportError: docmill's package `{name}` is hidden: expected {site}")
    assert "PYTHONSAFEPATH=1" in said


@pytest.mark.parametrize("first", ["docmill", "pipelines.cli"])
@pytest.mark.parametrize("file", ["tasks/__init__.py", "schemas/invoice.py"])
def test_a_file_that_another_package_overwrote_is_refused_and_the_package_named(
    site: Path, file: str, first: str
) -> None:
    (site / file).write_text("raise SystemExit('foreign')")
    note_installed(site, "celery-tasks", [file])
    said = python_says(site, f"import {first}")
    assert (
        f"docmill's file {file} was overwritten by another installed package: celery-tasks." in said
    )
    assert f"`pip uninstall celery-tasks`, then `{MEND}`" in said


def test_a_file_that_an_uninstall_took_away_is_refused(site: Path) -> None:
    (site / "tasks" / "services.py").unlink()
    said = python_says(site, "import docmill")
    assert f"{site}/tasks/services.py is missing" in said
    assert MEND in said
    (site / "tasks" / "__init__.py").unlink()
    assert f"{site}/tasks/__init__.py is missing. Repair it" in python_says(site, "import docmill")


def test_a_file_that_the_owner_changed_is_let_be(site: Path) -> None:
    with (site / "tasks" / "__init__.py").open("a") as file:
        file.write("# looked at\n")
    assert python_says(site, "import docmill; print('fine')") == "fine"


@pytest.mark.slow
def test_a_wheel_has_the_packages_of_the_checkout_and_can_be_mended(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    built = tmp_path / "built"
    run(*pip, "wheel", "--no-deps", "--quiet", "--wheel-dir", str(built), str(source))
    (wheel,) = built.glob("docmill-*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if "dist-info" not in name}
    assert packed == {
        str(file.relative_to(source))
        for name in PACKAGES
        for file in (source / name).rglob("*")
        if file.is_file()
    }

    run(sys.executable, "-m", "venv", str(tmp_path / "venv"))
    python = str(tmp_path / "venv" / "bin" / "python")
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [python, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps"]
    run(*install, str(wheel))
    code = (
        "import docmill; print(docmill.__file__); "
        f"print(docmill.extract({str(EXAMPLES / 'coolblue.pdf')!r}, "
        "schema=docmill.Invoice, engine='local').record['total'])"
    )
    assert run(python, "-c", code, cwd=tmp_path).split() == [
        str(site / "docmill" / "__init__.py"),
        "717.97",
    ]
    command = str(tmp_path / "venv" / "bin" / "docmill")
    assert "docmill" in run(command, "--help", cwd=tmp_path)

    run(*install, str(foreign_wheel(tmp_path)))
    broken = subprocess.run(
        [command, "--help"],
        cwd=tmp_path,
        env=without_checkout(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "tasks/__init__.py was overwritten by another installed package: many-tasks" in (
        broken.stderr
    )
    run(python, "-m", "pip", "uninstall", "--yes", "many-tasks")
    run(*install, "--force-reinstall", str(wheel))
    assert "docmill" in run(command, "--help", cwd=tmp_path)


def foreign_wheel(folder: Path) -> Path:
    """A wheel of somebody else's with a package called `tasks`."""
    path = folder / "many_tasks-1.0-py3-none-any.whl"
    info = "many_tasks-1.0.dist-info"
    files = {
        "tasks/__init__.py": "raise SystemExit('foreign')\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: many-tasks\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
        listed = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
        wheel.writestr(f"{info}/RECORD", listed)
    return path


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=without_checkout(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def without_checkout() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
