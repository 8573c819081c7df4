"""A `docmill` command called in this process: the same words, environment and exit code, without
the start of an interpreter."""

import contextlib
import io
import os
import subprocess
import sys
from unittest import mock

from pipelines.cli import main
from tests.support.projects import Project


def call(project: Project, *words: str) -> "subprocess.CompletedProcess[str]":
    """As `Project.run`. For commands that only look or remove; runs, with their signals and
    workers, get a process of their own."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, project.environment(), clear=True),
        mock.patch.object(sys, "argv", ["docmill", *words]),
        contextlib.chdir(project.folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return subprocess.CompletedProcess(list(words), code, out.getvalue(), err.getvalue())
