"""The guard against other packages called `tasks`, `schemas` or `pipelines`, common names.

Two things happen: a folder of that name is found before ours, or another package that was installed
later has written its files over ours. Standard library only: the rest cannot be trusted here yet.
"""

from importlib import util
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
PACKAGES = ("schemas", "tasks", "pipelines")
MEND = "pip install --force-reinstall --no-deps docmill"


def refuse_foreign_packages() -> None:
    """Runs nothing of a foreign package.

    Raises ImportError that says what was found and how to mend it.
    """
    for name in PACKAGES:
        _refuse_hidden(name)
    for record in HOME.glob("docmill-*.dist-info/RECORD"):
        _refuse_overwritten(record)


def _refuse_hidden(name: str) -> None:
    expected = HOME / name / "__init__.py"
    if not expected.is_file():
        raise ImportError(f"docmill's file {expected} is missing. Repair it with `{MEND}`.")
    spec = util.find_spec(name)
    origin = Path(spec.origin).resolve() if spec and spec.origin else None
    if origin == expected:
        return
    folders = spec.submodule_search_locations if spec else None  # of a folder without __init__.py
    found = origin or (next(iter(folders)) if folders else "nothing")
    raise ImportError(
        f"docmill's package `{name}` is hidden: expected {expected}, found {found}. "
        "Start Python with PYTHONSAFEPATH=1 (or `python -P`), or rename that folder or take it off "
        "PYTHONPATH."
    )


def _refuse_overwritten(record: Path) -> None:
    """Compares the size of each file with the one noted when docmill was installed (a few ms)."""
    import csv  # noqa: PLC0415 - only for an installed docmill, not for a checkout

    with record.open(encoding="utf-8", newline="") as lines:
        noted = {row[0]: int(row[-1]) for row in csv.reader(lines) if row and row[-1].isdigit()}
    ours = {path: size for path, size in noted.items() if path.partition("/")[0] in PACKAGES}
    changed = [path for path, size in ours.items() if _size(HOME / path) != size]
    if not changed:
        return
    missing = [path for path in changed if _size(HOME / path) is None]
    others = sorted(_installed_by_others(set(changed)))
    if not missing and not others:
        return  # changed by hand, by the owner of this installation
    first = (missing or changed)[0]
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    if others:
        raise ImportError(
            f"docmill's file {first}{more} was overwritten by another installed package: "
            f"{', '.join(others)}. The two cannot share one environment: "
            f"`pip uninstall {' '.join(others)}`, then `{MEND}`; "
            "or install docmill into its own environment."
        )
    raise ImportError(
        f"docmill's file {HOME / first}{more} is missing, as when another package that has the "
        f"same file is uninstalled. Repair it with `{MEND}`."
    )


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _installed_by_others(paths: set[str]) -> set[str]:
    """Names of the other distributions beside docmill that list one of `paths` as theirs."""
    from importlib import metadata  # noqa: PLC0415 - 20 ms, of which a healthy start has no use

    return {
        distribution.name
        for distribution in metadata.distributions(path=[str(HOME)])
        if distribution.name != "docmill"
        and any(str(file) in paths for file in distribution.files or ())
    }
