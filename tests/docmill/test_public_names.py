"""The public names: the type checker and the interpreter see the same; the import is cheap."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import docmill
from schemas import errors

HEAVY = ("prefect", "pydantic", "sqlalchemy", "yaml", "httpx", "PIL", "pipelines", "tasks")


@pytest.mark.parametrize("name", docmill.__all__)
def test_every_public_name_loads(name: str) -> None:
    assert getattr(docmill, name) is not None
    assert name in dir(docmill)


def test_the_type_checker_reads_what_the_interpreter_loads() -> None:
    tree = ast.parse(Path(docmill.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(typed) == sorted(docmill.__all__)
    for name, home in typed.items():
        value = getattr(import_module(str(home)), name)
        assert getattr(docmill, name) is value


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'docmill' has no attribute 'exract'"):
        _ = docmill.exract


def test_importing_docmill_loads_nothing_heavy() -> None:
    code = f"import sys, docmill; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_error_is_public() -> None:
    known = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.DocmillError)
    }
    assert known == set(docmill.errors.__all__)
