"""The layer above schemas and tasks: loading flows.yaml, running, Prefect, the command line."""

from importlib import util
from pathlib import Path

_HOME = Path(__file__).resolve().parent.parent


def _refuse_foreign_packages() -> None:
    """`tasks` and `schemas` are common names: a folder of that name in the working directory can
    hide ours."""
    for name in ("tasks", "schemas"):
        spec = util.find_spec(name)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin is None or origin.parent.parent != _HOME:
            found = origin or (
                next(iter(spec.submodule_search_locations))
                if spec and spec.submodule_search_locations
                else "nothing"
            )
            raise ImportError(
                f"docmill's package `{name}` is hidden: expected "
                f"{_HOME / name / '__init__.py'}, found {found}. "
                "Start Python with PYTHONSAFEPATH=1 (or `python -P`), or rename that "
                "folder or take it off PYTHONPATH."
            )


_refuse_foreign_packages()
