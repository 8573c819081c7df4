"""Run options as parameters that Prefect can store and a person can type."""

from collections.abc import Sequence
from typing import Any

from pipelines.running.result import RunOptions


def flow_parameters(
    paths: Sequence[str] | None, options: RunOptions, *, local: bool
) -> dict[str, Any]:
    """The run parameters that say the same as `options`, with absolute paths."""
    return {
        "paths": None if paths is None else [str(options.working_folder / path) for path in paths],
        "local": local,
        "out": None if options.out is None else str(options.out),
        "again": options.again,
        "fresh": options.fresh,
        "max_tokens": options.max_tokens,
        "max_cost": None if options.max_cost is None else float(options.max_cost),
        "run_id": options.run_id,
    }
