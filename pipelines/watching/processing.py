"""Processing of one batch of a watched folder as a run of the flow.

Directly, or as a Prefect flow run where an API is configured.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from pipelines.loading import load_flow
from pipelines.running.result import RunOptions, RunResult
from pipelines.running.run import run_flow
from pipelines.watching.watcher import Process
from schemas.errors import CallError
from schemas.record import DocumentResult
from tasks.flow_definition import FlowDefinition
from tasks.source_files import printable

BatchInPrefect = Callable[
    [Path, FlowDefinition, Sequence[str], RunOptions, Callable[[str], None]],
    Awaitable[RunResult | None],
]


def batch_processor(
    file: Path,
    flow: str,
    say: Callable[[str], None],
    *,
    local: bool,
    out: Path | None,
    prefect: bool,
) -> Process:
    """What a watch calls for each batch. flows.yaml is read once, so that a half-edited file does
    not end a watch.

    Raises FlowFileError or CallError when flows.yaml is wrong.
    """
    definition = load_flow(file, flow, local=local)
    run_in_prefect: BatchInPrefect | None = None
    if prefect:
        # two seconds that a direct watch does not pay
        from pipelines.on_prefect.watched_batch import run_batch  # noqa: PLC0415

        run_in_prefect = run_batch

    async def process(paths: Sequence[Path]) -> Mapping[Path, DocumentResult]:
        options = RunOptions(working_folder=definition.folder, out=out)
        names = [str(path) for path in paths]
        result = (
            await run_in_prefect(file, definition, names, options, say) if run_in_prefect else None
        )
        by_name = results_by_name(result or await run_flow(definition, names, options))
        return {path: by_name[name] for path in paths if (name := printable(path)) in by_name}

    return process


def results_by_name(result: RunResult) -> dict[str, DocumentResult]:
    """Raises CallError when the run was stopped by one, such as a missing key: no later batch could
    do better."""
    if isinstance(result.stopped_by, CallError):
        raise result.stopped_by
    return {document.path: document for document in result.results}
