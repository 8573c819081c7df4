"""Loading of the user's own Python code.

By file, under a private module name, so that it never hides or replaces another module.
"""

import contextlib
import hashlib
import importlib
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from pipelines.loading.problems import did_you_mean


class UserCodeError(Exception):
    """The user's file cannot be used. The message is complete: file, line, what is wrong."""


def load_object(reference: str, folder: Path) -> Any:
    """What `path.py:name` (relative to `folder`) or `package.module:name` stands for.

    A file is run again at each call. It may import its neighbours with `from .neighbour import x`.
    Raises UserCodeError.
    """
    target, colon, name = reference.rpartition(":")
    if not colon or not target or not name:
        raise UserCodeError(
            f"expected `path.py:Class` or `package.module:Class`, found {reference!r}"
        )
    module = (
        _load_file(folder / target, target)
        if target.endswith(".py")
        else _import_module(target, folder)
    )
    if not hasattr(module, name):
        raise UserCodeError(f"{target} has no `{name}`; {did_you_mean(name, _own_names(module))}")
    return getattr(module, name)


def _own_names(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def _load_file(file: Path, shown: str) -> ModuleType:
    file = file.parent.resolve() / file.name
    try:
        code = file.read_bytes()
    except OSError as error:
        raise UserCodeError(f"cannot read {shown}: {error.strerror} (looked for {file})") from error
    root = _neighbourhood(file.parent)
    name = f"{root}.{file.stem.replace('.', '_')}"
    module = ModuleType(name)
    module.__file__ = str(file)
    module.__package__ = root
    sys.modules[name] = (
        module  # dataclasses and pydantic look their module up while a class is made
    )
    try:
        with _guarded(file, shown):
            # the owner's file, named in their flows.yaml
            exec(compile(code, str(file), "exec", dont_inherit=True), vars(module))  # noqa: S102
    except UserCodeError:
        del sys.modules[name]
        raise
    return module


def _neighbourhood(folder: Path) -> str:
    """Name of a private package that stands for `folder`, fresh, so that relative imports there
    find the files as they are now."""
    name = f"_docmill_{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
    for known in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
        del sys.modules[known]
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package
    importlib.invalidate_caches()
    return name


def _import_module(name: str, folder: Path) -> ModuleType:
    """A module that is installed, or that lies in `folder`, which is looked at last so that it
    hides nothing."""
    added = str(folder) not in sys.path
    if added:
        sys.path.append(str(folder))
    try:
        with _guarded(folder, name):
            return importlib.import_module(name)
    finally:
        if added:
            sys.path.remove(str(folder))


@contextlib.contextmanager
def _guarded(place: Path, shown: str) -> Iterator[None]:
    """Any failure of the user's code is their problem with their line; what it prints goes to
    stderr, for stdout may be JSON."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except ModuleNotFoundError as error:
        raise UserCodeError(
            f"{where(error, place, shown)}: cannot import {error.name!r}; install it, or "
            "write `from .name import ...` for a file beside it"
        ) from error
    except SyntaxError as error:
        raise UserCodeError(
            f"{_shown_file(error.filename, place, shown)}:{error.lineno}: "
            f"{type(error).__name__}: {error.msg}"
        ) from error
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        detail = str(error).splitlines()
        raise UserCodeError(
            f"{where(error, place, shown)}: "
            f"{type(error).__name__}{': ' + detail[0] if detail else ''}"
        ) from error


def where(error: BaseException, place: Path, shown: str) -> str:
    """`file:line` of the innermost line of the user's that the error went through. `place`: their
    file, or their folder."""
    home = (place if place.is_dir() else place.parent).resolve()
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(home)
    ]
    return (
        f"{_shown_file(frames[-1].filename, place, shown)}:{frames[-1].lineno}" if frames else shown
    )


def _shown_file(filename: str | None, place: Path, shown: str) -> str:
    return (
        shown
        if filename is None or Path(filename) == place.parent.resolve() / place.name
        else filename
    )
