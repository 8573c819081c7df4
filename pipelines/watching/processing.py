"""How is one batch of a watched folder processed? As a run of the flow: directly, or as a Prefect flow run where an API is configured."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipelines.loading import load_flow
from pipelines.run import RunOptions, RunResult, run_flow
from pipelines.watching.watcher import Process
from schemas.errors import CallError
from schemas.record import DocumentResult


def batch_processor(file: Path, flow: str, say: Callable[[str], None], *, local: bool, out: Path | None, prefect: bool) -> Process:
    """What a watch calls for each batch. flows.yaml is read once, so that a half-edited file does not end a watch.

    Raises FlowFileError or CallError when flows.yaml is wrong.
    """
    definition = load_flow(file, flow, local=local)
    run_in_prefect = None
    if prefect:
        from pipelines.prefect_batch import run_batch as run_in_prefect  # noqa: PLC0415 - two seconds that a direct watch does not pay

    async def process(paths: Sequence[Path]) -> Mapping[Path, DocumentResult]:
        options = RunOptions(working_folder=definition.folder, out=out)
        names = [str(path) for path in paths]
        result = await run_in_prefect(file, definition, names, options, say) if run_in_prefect else None
        return results_by_path(result or await run_flow(definition, names, options))

    return process


def results_by_path(result: RunResult) -> dict[Path, DocumentResult]:
    """Raises CallError when the run was stopped by one, such as a missing key: no later batch could do better."""
    if isinstance(result.stopped_by, CallError):
        raise result.stopped_by
    return {Path(document.path): document for document in result.results}
