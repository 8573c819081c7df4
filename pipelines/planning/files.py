"""Files that a run would process.

Listed as by a run, except that a missing source folder is no error: it has no files yet.
"""

from collections.abc import Sequence
from pathlib import Path

from schemas.errors import CallError
from schemas.flow import FlowSpec
from tasks.source_files import SourceFile, files_of_paths, files_of_source


def files_of_plan(
    spec: FlowSpec, name: str, folder: Path, paths: Sequence[str] | None
) -> tuple[list[SourceFile], list[str]]:
    """The files and what is to be noted. `folder` is that of flows.yaml; `paths` resolve against
    the working directory.

    Raises CallError for a flow without a source when no path is named.
    """
    if paths:
        return files_of_paths(paths, Path.cwd()), []
    if spec.source is None:
        raise CallError(
            f"flow {name!r} has no `source`: name files, folders or globs; nothing was planned."
        )
    if not (folder / spec.source.folder).is_dir():
        return [], [
            f"the source folder {spec.source.folder} does not exist yet; a run would stop there"
        ]
    return files_of_source(spec.source, folder), []
