"""`docmill deploy` against a real Prefect server: what is registered, what a second call changes,
what is removed."""

import contextlib
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pipelines.cli.deploy import deploy as deploy_command
from pipelines.on_prefect.connection import prefect_api_url
from pipelines.on_prefect.deployments.deploy import differences
from schemas.errors import CallError, StateError
from tests.support.prefect_server import PrefectApi
from tests.support.projects import Project

pytestmark = pytest.mark.xdist_group("prefect")

STEPS = "      - einvoice: {}\n      - write: {jsonl: out/x.jsonl}\n"
DEPLOYMENTS = """\
description: Supplier invoices.
deployments:
  - name: nightly
    work_pool: docmill
    schedule: {cron: "0 6 * * 1-5", timezone: Europe/Paris}
    overlap: {limit: 1, on_collision: skip}
    tags: [team-a]
    parameters: {paths: [inbox], max_cost: 2.5}
    job_variables: {env: {SOME_TOKEN: secret-value-91}}
  - name: often
    schedule: {interval_seconds: 600, timezone: UTC}
  - name: weekly
    description: Once a week.
    version: "7"
    work_pool: docmill
    work_queue: slow
    schedule: {rrule: "FREQ=WEEKLY;BYDAY=MO", timezone: Europe/Berlin}
    paused: true
"""


@pytest.fixture
def deployed(
    project: Project,
    prefect_api: PrefectApi,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Project]:
    """A project with a flow of its own, so that tests share a server without meeting; this process
    talks to that server."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    monkeypatch.setenv("PREFECT_API_URL", prefect_api.url)
    prefect_api.create_pool("docmill")
    project.flow = f"flow_{zlib.crc32(request.node.name.encode())}"
    project.write_flows(STEPS, flow=project.flow, more=DEPLOYMENTS)
    with temporary_settings({PREFECT_API_URL: prefect_api.url}):
        yield project


def deploy(project: Project, *flows: str, **options: bool) -> str:
    """The command's function, called here to save two seconds of imports each time; gives what it
    prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        deploy_command(list(flows), file=project.folder / "flows.yaml", **options)
    return printed.getvalue()


def change(project: Project, old: str, new: str) -> None:
    file = project.folder / "flows.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_every_declared_field_is_registered(deployed: Project, prefect_api: PrefectApi) -> None:
    deploy(deployed)
    nightly = prefect_api.deployment(f"{deployed.flow}/nightly")
    assert nightly["description"] == "Supplier invoices."
    assert nightly["work_pool_name"] == "docmill"
    assert nightly["entrypoint"] == f"pipelines.on_prefect.flows.{deployed.flow}"
    assert (
        nightly["schedules"][0]["schedule"]["cron"],
        nightly["schedules"][0]["schedule"]["timezone"],
    ) == ("0 6 * * 1-5", "Europe/Paris")
    assert nightly["global_concurrency_limit"]["limit"] == 1
    assert nightly["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert nightly["tags"] == ["docmill", "team-a"]
    assert nightly["parameters"] == {"paths": ["inbox"], "max_cost": 2.5}
    assert nightly["enforce_parameter_schema"] is True
    assert set(nightly["parameter_openapi_schema"]["properties"]) >= {
        "paths",
        "local",
        "out",
        "again",
        "max_tokens",
    }
    assert nightly["job_variables"]["env"] == {
        "DOCMILL_FILE": str(deployed.folder / "flows.yaml"),
        "PYTHONSAFEPATH": "1",
        "SOME_TOKEN": "secret-value-91",
    }
    assert nightly["paused"] is False
    often = prefect_api.deployment(f"{deployed.flow}/often")
    assert often["schedules"][0]["schedule"]["interval"] == 600.0
    assert often["work_pool_name"] is None
    weekly = prefect_api.deployment(f"{deployed.flow}/weekly")
    assert "FREQ=WEEKLY;BYDAY=MO" in weekly["schedules"][0]["schedule"]["rrule"]
    assert (
        weekly["description"],
        weekly["version"],
        weekly["work_queue_name"],
        weekly["paused"],
    ) == ("Once a week.", "7", "slow", True)


def test_second_deploy_changes_nothing(deployed: Project, prefect_api: PrefectApi) -> None:
    deploy(deployed)
    before = prefect_api.deployment(f"{deployed.flow}/nightly")
    said = deploy(deployed)
    assert [line.split()[-1] for line in said.splitlines()] == ["unchanged"] * 3
    assert prefect_api.deployment(f"{deployed.flow}/nightly") == before


def test_dry_run_shows_the_difference_and_changes_nothing(
    deployed: Project, prefect_api: PrefectApi
) -> None:
    deploy(deployed)
    change(deployed, "0 6 * * 1-5", "0 7 * * 1-5")
    change(deployed, "on_collision: skip", "on_collision: wait")
    change(deployed, "secret-value-91", "secret-value-92")
    said = deploy(deployed, dry_run=True)
    assert 'schedule.cron: "0 6 * * 1-5" -> "0 7 * * 1-5"' in said
    assert 'overlap.on_collision: "CANCEL_NEW" -> "ENQUEUE"' in said
    assert "job_variables.env.SOME_TOKEN: changed" in said
    assert "secret-value" not in said
    assert (
        prefect_api.deployment(f"{deployed.flow}/nightly")["schedules"][0]["schedule"]["cron"]
        == "0 6 * * 1-5"
    )
    deploy(deployed)
    assert (
        prefect_api.deployment(f"{deployed.flow}/nightly")["schedules"][0]["schedule"]["cron"]
        == "0 7 * * 1-5"
    )


def test_deployment_that_left_the_file_is_reported_and_removed_only_with_prune(
    deployed: Project, prefect_api: PrefectApi, tmp_path: Path
) -> None:
    neighbour = Project(tmp_path / "neighbour")
    neighbour.folder.mkdir()
    neighbour.write_flows(STEPS, flow=deployed.flow, more="deployments: [{name: theirs}]")
    deploy(neighbour)
    deploy(deployed)
    change(deployed, "name: weekly", "name: monthly")
    assert f"{deployed.flow}/weekly" in deploy(deployed)
    assert prefect_api.deployment(f"{deployed.flow}/weekly") is not None
    said = deploy(deployed, prune=True)
    assert "removed" in said
    assert prefect_api.deployment(f"{deployed.flow}/weekly") is None
    assert prefect_api.deployment(f"{deployed.flow}/theirs") is not None, (
        "another flows.yaml's deployments are never touched"
    )


def test_work_pool_and_schedule_can_be_taken_away(
    deployed: Project, prefect_api: PrefectApi
) -> None:
    deploy(deployed)
    nightly_only = "deployments: [{name: nightly, parameters: {paths: [inbox]}}]"
    deployed.write_flows(STEPS, flow=deployed.flow, more=nightly_only)
    deploy(deployed)
    nightly = prefect_api.deployment(f"{deployed.flow}/nightly")
    assert (
        nightly["work_pool_name"],
        nightly["schedules"],
        nightly["global_concurrency_limit"],
    ) == (None, [], None)
    assert "unchanged" in deploy(deployed)


def test_local_deployment_runs_with_the_offline_engine(
    deployed: Project, prefect_api: PrefectApi
) -> None:
    deploy(deployed, deployed.flow, local=True)
    assert prefect_api.deployment(f"{deployed.flow}/often")["parameters"] == {"local": True}


def test_wrong_parameters_are_refused_before_anything_runs(
    deployed: Project, prefect_api: PrefectApi
) -> None:
    deploy(deployed)
    deployment = prefect_api.deployment(f"{deployed.flow}/nightly")
    for parameters in ({"max_tokens": -5}, {"max_cost": "much"}, {"paths": 7}, {"paths": []}):
        with pytest.raises(httpx.HTTPStatusError):
            prefect_api.post(
                f"deployments/{deployment['id']}/create_flow_run", parameters=parameters
            )


def test_missing_work_pool_stops_before_anything_is_registered(
    deployed: Project, prefect_api: PrefectApi
) -> None:
    change(
        deployed, "work_pool: docmill\n        work_queue", "work_pool: nowhere\n        work_queue"
    )
    with pytest.raises(CallError, match="prefect work-pool create nowhere --type process"):
        deploy(deployed)
    assert prefect_api.deployment(f"{deployed.flow}/nightly") is None


def test_impossible_cron_is_named(deployed: Project) -> None:
    change(deployed, "0 6 * * 1-5", "99 6 * * 1-5")
    with pytest.raises(CallError, match=f"schedule of {deployed.flow}/nightly"):
        deploy(deployed)


def test_without_an_api_it_says_how_to_start_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write_flows(STEPS, more=DEPLOYMENTS)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(project.folder))
    with pytest.raises(CallError, match="prefect server start"):
        deploy(project)


def test_server_that_does_not_answer_is_an_error_of_state(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write_flows(STEPS, more=DEPLOYMENTS)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with pytest.raises(StateError, match="does not answer"):
        deploy(project)


def test_automation_for_dead_runs_is_registered_once(
    deployed: Project, prefect_api: PrefectApi
) -> None:
    assert "automation for dead runs: would be created" in deploy(
        deployed, detect_dead_runs=True, dry_run=True
    )
    assert "automation for dead runs: created" in deploy(deployed, detect_dead_runs=True)
    assert "automation for dead runs: kept" in deploy(deployed, detect_dead_runs=True)
    mine = [
        each
        for each in prefect_api.post("automations/filter")
        if each["name"].startswith("docmill")
    ]
    assert len(mine) == 1


def test_difference_names_each_field() -> None:
    assert differences({"paused": False, "x": {"a": 1}}, {"paused": True, "x": {"a": 2}}) == (
        "paused: false -> true",
        "x.a: 1 -> 2",
    )


@pytest.mark.parametrize(
    ("profiles", "url"),
    [
        (
            'active = "mine"\n[profiles.mine]\nPREFECT_API_URL = "http://there/api"\n',
            "http://there/api",
        ),
        ('active = "other"\n[profiles.mine]\nPREFECT_API_URL = "http://there/api"\n', None),
        ("not toml [", None),
        (None, None),
    ],
)
def test_configured_api_is_found_without_importing_prefect(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profiles: str | None, url: str | None
) -> None:
    for name in ("PREFECT_API_URL", "PREFECT_PROFILE", "PREFECT_PROFILES_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    if profiles is not None:
        (tmp_path / "profiles.toml").write_text(profiles)
    assert prefect_api_url() == url
    monkeypatch.setenv("PREFECT_API_URL", "http://here/api")
    assert prefect_api_url() == "http://here/api"
