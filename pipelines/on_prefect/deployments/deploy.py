"""Synchronisation of the server's deployments with flows.yaml.

Each is compared first; one that is equal is left alone.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from prefect.client.orchestration import PrefectClient
from prefect.exceptions import ObjectNotFound

from pipelines.loading import Project
from pipelines.on_prefect.deployments.registered import (
    deployments_of,
    find,
    prefect_server,
    registered_fields,
)
from pipelines.on_prefect.deployments.wanted import Wanted, wanted_deployments
from schemas.errors import CallError

_SECRET_VALUES = ("job_variables",)  # environment values may be secrets: only names are shown


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened, or with a dry run would happen, to one deployment. `changes` are lines such as
    `paused: false -> true`."""

    full_name: str
    action: Literal[
        "create", "change", "keep", "leave", "remove"
    ]  # leave: no longer in flows.yaml, and not to be pruned
    changes: tuple[str, ...] = ()
    note: str | None = None


async def deploy(
    project: Project,
    flows: Sequence[str],
    *,
    local: bool = False,
    prune: bool = False,
    dry_run: bool = False,
) -> list[Outcome]:
    """Register the deployments of the named flows (of all when none is named). A second call
    changes nothing.

    Raises CallError (flows.yaml, unknown flow, missing work pool; nothing was registered then),
    StateError (the server).
    """
    wanted = wanted_deployments(project, flows, local=local)
    async with prefect_server() as client:
        await _refuse_missing_pools(client, wanted)
        outcomes = [await _make(client, each, dry_run=dry_run) for each in wanted]
        outcomes += await _left_over(client, project, flows, prune=prune, dry_run=dry_run)
    return outcomes


async def register(wanted: Sequence[Wanted]) -> list[Outcome]:
    """Register these and leave all others as they are. Raises as `deploy` does."""
    async with prefect_server() as client:
        return [await _make(client, each, dry_run=False) for each in wanted]


async def _make(client: PrefectClient, wanted: Wanted, *, dry_run: bool) -> Outcome:
    registered = await find(client, wanted.full_name)
    changes = (
        () if registered is None else differences(registered_fields(registered), wanted.fields)
    )
    if registered is not None and not changes:
        return Outcome(wanted.full_name, "keep")
    if not dry_run:
        if (
            registered is not None
            and registered.work_pool_name
            and wanted.fields["work_pool"] is None
        ):
            await client.delete_deployment(
                registered.id
            )  # the API has no other way to take a work pool away
        flow_id = await client.create_flow_from_name(wanted.flow)
        body = wanted.request(flow_id).model_dump(mode="json", exclude_unset=True)
        await client.request("POST", "/deployments/", json=body)
    note = (
        None
        if wanted.fields["work_pool"]
        else "no work pool: its runs start while `docmill serve` runs"
    )
    return Outcome(wanted.full_name, "create" if registered is None else "change", changes, note)


async def _left_over(
    client: PrefectClient, project: Project, flows: Sequence[str], *, prune: bool, dry_run: bool
) -> list[Outcome]:
    declared = {
        f"{name}/{deployment.name}"
        for name, spec in project.flow_file.flows.items()
        for deployment in spec.deployments
    }
    outcomes = []
    for full_name, registered in sorted(
        (await deployments_of(client, project.file.absolute())).items()
    ):
        asked_for = not flows or full_name.partition("/")[0] in flows
        if full_name in declared or not asked_for:
            continue
        if prune and not dry_run:
            await client.delete_deployment(registered.id)
        outcomes.append(Outcome(full_name, "remove" if prune else "leave"))
    return outcomes


async def _refuse_missing_pools(client: PrefectClient, wanted: Sequence[Wanted]) -> None:
    missing = []
    for pool in dict.fromkeys(
        each.fields["work_pool"] for each in wanted if each.fields["work_pool"]
    ):
        try:
            await client.read_work_pool(pool)
        except ObjectNotFound:
            missing.append(pool)
    if missing:
        commands = "; ".join(f"prefect work-pool create {pool} --type process" for pool in missing)
        raise CallError(
            f"no such work pool on the server: {', '.join(missing)}; nothing was "
            f"registered. Create it: {commands}"
        )


def differences(registered: dict[str, Any], wanted: dict[str, Any]) -> tuple[str, ...]:
    """One line for each field that differs: `schedule.cron: "0 6 * * *" -> "0 7 * * *"`."""
    return tuple(
        line
        for field in wanted
        for line in _difference(field, registered.get(field), wanted[field])
    )


def _difference(field: str, old: Any, new: Any) -> list[str]:
    if old == new:
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            line
            for key in sorted({*old, *new})
            for line in _difference(f"{field}.{key}", old.get(key), new.get(key))
        ]
    if field.startswith(_SECRET_VALUES):
        return [f"{field}: {'added' if old is None else 'removed' if new is None else 'changed'}"]
    return [
        f"{field}: {json.dumps(old, ensure_ascii=False)} -> {json.dumps(new, ensure_ascii=False)}"
    ]
