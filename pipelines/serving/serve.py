"""Start and end of `docmill serve`: watches and schedules of some flows, until a signal."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.describing.explain import engine_notes
from pipelines.loading import Project
from pipelines.serving.health import health_endpoint
from pipelines.watching.places import places_of
from pipelines.watching.processing import batch_processor
from pipelines.watching.watcher import FolderWatch
from schemas.errors import CallError
from schemas.flow.deployment import WatchSpec

if TYPE_CHECKING:
    from pipelines.on_prefect.schedules import Schedules


@dataclass(frozen=True, slots=True)
class Serving:
    """What is wanted of one long-running process. `health` is host and port; None: no endpoint."""

    local: bool = False
    out: Path | None = None
    prefect: bool = False
    health: tuple[str, int] | None = None
    quiet: bool = False


def watch_of(
    project: Project,
    flow: str,
    serving: Serving,
    say: Callable[[str], None],
    *,
    folder: Path | None = None,
) -> FolderWatch:
    """The watch of one flow. `folder` from the command line goes before flows.yaml. Raises
    CallError."""
    spec = project.flow(flow)
    watch = spec.watch or WatchSpec()
    places = places_of(spec, watch, project.folder, folder=folder, out=serving.out)
    process = batch_processor(
        project.file.absolute(),
        flow,
        say,
        local=serving.local,
        out=serving.out,
        prefect=serving.prefect,
    )
    return FolderWatch(places, watch, process, say, quiet=serving.quiet)


async def watch(
    project: Project,
    flow: str,
    serving: Serving,
    say: Callable[[str], None],
    *,
    folder: Path | None = None,
) -> FolderWatch:
    """Watch one folder until SIGTERM or Ctrl-C; a second signal does not wait for what is in
    work."""
    one = watch_of(project, flow, serving, say, folder=folder)
    _routine(f"watching {one.health.folder} for {flow}; stop with Ctrl-C", serving, say)
    _note([flow], project, serving, say)
    await _run([one], None, serving, say)
    return one


async def serve(
    project: Project, flows: Sequence[str], serving: Serving, say: Callable[[str], None]
) -> None:
    """Watches and schedules of the named flows (of all when none is named) until SIGTERM or Ctrl-C.
    Raises CallError when there are none."""
    names = list(flows) or list(project.flow_file.flows)
    watches = [
        watch_of(project, name, serving, say)
        for name in names
        if project.flow(name).watch is not None
    ]
    scheduled = [
        f"{name}/{each.name}"
        for name in names
        for each in project.flow(name).deployments
        if each.work_pool is None
    ]
    if not watches and not scheduled:
        raise CallError(
            "nothing to serve: no `watch`, and no deployment without a work pool, in "
            f"{', '.join(names)}; nothing was started"
        )
    schedules = _schedules(project, names, scheduled, serving, say)
    for one in watches:
        _routine(f"watching {one.health.folder}", serving, say)
    _note(names, project, serving, say)
    await _run(watches, schedules, serving, say)


def _routine(line: str, serving: Serving, say: Callable[[str], None]) -> None:
    if not serving.quiet:
        say(line)


def _note(
    flows: Sequence[str], project: Project, serving: Serving, say: Callable[[str], None]
) -> None:
    """What is missing is reported at the start, and not when the first file arrives that needs it:
    e-invoices need neither key nor OCR."""
    for flow in flows:
        for note in engine_notes(project.flow(flow), project, local=serving.local):
            say(f"note: {flow}: {note}")


def _schedules(
    project: Project,
    names: Sequence[str],
    scheduled: Sequence[str],
    serving: Serving,
    say: Callable[[str], None],
) -> "Schedules | None":
    if not scheduled:
        return None
    if not serving.prefect:
        say(
            f"not served, because no Prefect API is configured: {', '.join(scheduled)} "
            "(set PREFECT_API_URL)"
        )
        return None
    from pipelines.on_prefect.schedules import Schedules  # noqa: PLC0415 - imports Prefect

    _routine(f"serving {', '.join(scheduled)}", serving, say)
    return Schedules(project, names, say, local=serving.local)


async def _run(
    watches: Sequence[FolderWatch],
    schedules: "Schedules | None",
    serving: Serving,
    say: Callable[[str], None],
) -> None:
    stop = asyncio.Event()

    def report() -> dict[str, object]:
        troubles = [one.health.problem for one in watches] + [
            schedules.trouble if schedules else None
        ]
        return {
            "ok": not any(troubles),
            "watches": [one.health.as_json() for one in watches],
            "schedules": schedules and (schedules.trouble or "served"),
        }

    async with contextlib.AsyncExitStack() as stack:
        if serving.health is not None:
            port = await stack.enter_async_context(health_endpoint(*serving.health, report))
            _routine(f"health: http://{serving.health[0]}:{port}/health", serving, say)
        if schedules is not None:
            schedules.start()
            stack.push_async_callback(schedules.stop)
        with _stopping_on_signals(stop):
            await _all(watches, stop)


async def _all(watches: Sequence[FolderWatch], stop: asyncio.Event) -> None:
    """When one watch cannot go on (no key, wrong file), all end, and its error is raised."""
    tasks = [asyncio.create_task(one.run(stop)) for one in watches]
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([*tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    waiting.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


@contextmanager
def _stopping_on_signals(stop: asyncio.Event) -> Iterator[None]:
    """SIGTERM and Ctrl-C set `stop`; a second one cancels."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def on_signal() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        stop.set()

    if sys.platform == "win32":
        yield  # Ctrl-C arrives as a cancellation
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
