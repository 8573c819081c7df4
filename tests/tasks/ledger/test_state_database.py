"""How the database is opened, moved on and written: simultaneous starts, failing jobs, damage,
other file systems."""

import asyncio
import shutil
import sqlite3
import stat
import threading

import pytest
from sqlalchemy import event, inspect, select, text

from schemas.errors import MissingExtraError, StateError
from tasks.ledger.connection import database, location, owners, tables
from tasks.ledger.connection.database import Database
from tasks.ledger.connection.location import database_url, file_system
from tasks.ledger.connection.migrations import migrate
from tasks.ledger.ledger import Ledger
from tests.support.state_backends import every_backend, open_ledger, state_url
from tests.support.state_parts import dead_owner, owner_elsewhere, start_script

STARTER = """
import asyncio, sys
from pathlib import Path
from tasks.ledger.ledger import Ledger
async def main(url, folder):
    async with await Ledger.open(url or None, Path(folder)) as ledger:
        await ledger.start_run("invoices")
asyncio.run(main(*sys.argv[1:]))
"""


@every_backend
async def test_processes_that_start_at_the_same_time_make_one_database(backend, tmp_path):
    with state_url(backend) as url:
        running = [await start_script(STARTER, url or "", str(tmp_path)) for _ in range(4)]
        assert [await asyncio.wait_for(process.wait(), 30) for process in running] == [0, 0, 0, 0]
        async with await Ledger.open(url, tmp_path) as ledger:
            runs = await ledger.database.read(lambda c: c.execute(select(tables.runs)).all())
            versions = await ledger.database.read(
                lambda c: c.execute(select(tables.schema_version)).all()
            )
            assert (len(runs), versions) == (4, [(1,)])


@every_backend
async def test_each_migration_runs_once_and_in_order(backend, tmp_path):
    def add_reviewer(connection):
        connection.execute(text("ALTER TABLE documents ADD COLUMN reviewer TEXT"))

    def name_reviewer(connection):
        connection.execute(text("UPDATE documents SET reviewer = 'nobody'"))

    async with open_ledger(backend, tmp_path) as ledger:
        for _ in range(2):
            await ledger.database.write(lambda c: migrate(c, [add_reviewer, name_reviewer]))
        columns = await ledger.database.read(
            lambda c: {column["name"] for column in inspect(c).get_columns("documents")}
        )
        assert "reviewer" in columns
        assert (
            await ledger.database.read(
                lambda c: c.execute(select(tables.schema_version.c.version)).scalar_one()
            )
            == 3
        )


@every_backend
async def test_database_of_a_newer_docmill_is_refused_untouched(backend, tmp_path):
    with state_url(backend) as url:
        async with await Ledger.open(url, tmp_path) as ledger:
            await ledger.database.write(
                lambda c: c.execute(tables.schema_version.update().values(version=99))
            )
        with pytest.raises(StateError, match="newer docmill"):
            await Ledger.open(url, tmp_path)


@every_backend
async def test_a_failing_job_fails_alone(backend, tmp_path):
    async with open_ledger(backend, tmp_path) as ledger:

        def fail(connection):
            connection.execute(tables.locks.insert().values(name="half done", owner_id="x"))
            raise ValueError("on purpose")

        def keep(number):
            return lambda connection: connection.execute(
                tables.locks.insert().values(name=f"lock {number}", owner_id="x")
            )

        jobs = [keep(0), fail, keep(1), keep(2), fail]
        outcomes = await asyncio.gather(*map(ledger.database.write, jobs), return_exceptions=True)
        assert [isinstance(outcome, ValueError) for outcome in outcomes] == [
            False,
            True,
            False,
            False,
            True,
        ]
        names = await ledger.database.read(
            lambda c: sorted(c.execute(select(tables.locks.c.name)).scalars())
        )
        assert names == ["lock 0", "lock 1", "lock 2"]


async def test_a_batch_is_one_commit(tmp_path):
    async with open_ledger("sqlite", tmp_path) as ledger:
        commits = []
        original = Database._run_batch
        ledger.database._run_batch = lambda batch: (
            commits.append(len(batch)) or original(ledger.database, batch)
        )
        await asyncio.gather(*(ledger.database.write(lambda _: None) for _ in range(200)))
        assert sum(commits) == 200
        assert len(commits) < 20


async def test_a_database_that_stays_locked_fails_all_waiting_jobs_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "SQLITE_PRAGMAS", ("PRAGMA busy_timeout=200",))
    async with open_ledger("sqlite", tmp_path) as ledger:
        locking = sqlite3.connect(tmp_path / ".docmill" / "ledger.db", isolation_level=None)
        locking.execute("BEGIN IMMEDIATE")
        tried = []
        original = database._WriteTransaction.__enter__

        def enter(transaction):
            tried.append(transaction)
            return original(transaction)

        monkeypatch.setattr(database._WriteTransaction, "__enter__", enter)
        outcomes = await asyncio.gather(
            *(ledger.start_run("invoices") for _ in range(50)), return_exceptions=True
        )
        assert len(tried) < 10  # each try waits for the lock: one for a batch, not one for a job
        assert {type(outcome) for outcome in outcomes} == {StateError}
        assert "another process held the database" in str(outcomes[0])
        locking.execute("ROLLBACK")
        locking.close()
        assert await ledger.start_run("invoices")


async def test_a_database_that_becomes_read_only_is_named_and_serves_again_when_put_right(tmp_path):
    async with open_ledger("sqlite", tmp_path) as ledger:
        await ledger.database.write(lambda connection: connection.exec_driver_sql("SELECT 1").all())
        event.listen(ledger.database._engine, "checkout", _refuse_writing)
        with pytest.raises(StateError, match="read-only"):
            await ledger.start_run("invoices")
        event.remove(ledger.database._engine, "checkout", _refuse_writing)
        event.listen(ledger.database._engine, "checkout", _allow_writing)
        assert await ledger.start_run("invoices")


def _refuse_writing(connection, *_):
    connection.execute("PRAGMA query_only=ON")


def _allow_writing(connection, *_):
    connection.execute("PRAGMA query_only=OFF")


async def test_a_sign_of_life_that_fails_does_not_end_the_writer(tmp_path):
    ticked = threading.Semaphore(0)

    def broken(_connection):
        ticked.release()
        raise RuntimeError("a bug")

    opened = Database(database_url(None, tmp_path), on_tick=broken, tick_seconds=0.01)
    opened.start([migrate])
    for _ in range(2):
        assert await asyncio.to_thread(ticked.acquire, timeout=10)
    assert (
        await opened.write(
            lambda connection: connection.execute(
                select(tables.schema_version.c.version)
            ).scalar_one()
        )
        == 1
    )
    opened.close()


async def test_folder_is_private(tmp_path):
    async with open_ledger("sqlite", tmp_path):
        assert stat.S_IMODE((tmp_path / ".docmill").stat().st_mode) == 0o700


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / ".docmill").write_text("in the way")
    with pytest.raises(StateError, match="cannot make this folder"):
        database_url(None, tmp_path)


async def test_damaged_file_is_named_with_its_place(tmp_path):
    (tmp_path / ".docmill").mkdir()
    (tmp_path / ".docmill" / "ledger.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StateError, match=r"ledger\.db: the file is not a SQLite database"):
        await Ledger.open(None, tmp_path)


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_sqlite_on_a_network_file_system_is_refused_with_the_way_out(tmp_path, monkeypatch, kind):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        f"27 1 254:0 / / rw - ext4 /dev/vda rw\n30 27 0:30 / {tmp_path} rw,relatime "
        f"shared:1 - {kind} server:/share rw\n"
    )
    monkeypatch.setattr(location, "MOUNTS", mounts)
    with pytest.raises(StateError, match="postgresql://"):
        database_url(None, tmp_path)


def test_file_system_is_that_of_the_nearest_mount(tmp_path, monkeypatch):
    mounts = tmp_path / "mountinfo"
    lines = [
        "27 1 254:0 / / rw - ext4 /dev/vda rw",
        "31 27 0:31 / /srv rw - nfs4 a:/b rw",
        r"32 31 0:32 / /srv/my\040disk rw - xfs /dev/sdb rw",
    ]
    mounts.write_text("\n".join(lines))
    monkeypatch.setattr(location, "MOUNTS", mounts)
    from pathlib import Path

    assert [file_system(Path(folder)) for folder in ("/srv/x", "/srv/my disk/y", "/srvx", "/")] == [
        "nfs4",
        "xfs",
        "ext4",
        "ext4",
    ]
    monkeypatch.setattr(location, "MOUNTS", tmp_path / "no such file")
    assert file_system(Path("/srv")) is None


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("not a url", "not a database URL"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("mysql://h/d", "mysql is not supported"),
    ],
)
def test_state_url_that_cannot_be_used_is_explained(tmp_path, url, message):
    with pytest.raises(StateError, match=message):
        database_url(url, tmp_path)


def test_sqlite_url_is_relative_to_the_project(tmp_path):
    assert database_url("sqlite:///state/my.db", tmp_path).database == str(
        tmp_path / "state" / "my.db"
    )


def test_postgresql_without_its_driver_names_the_extra(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"docmill\[postgres\]"):
        database_url("postgresql://localhost/test", tmp_path)


async def test_password_of_the_url_is_in_no_message(tmp_path):
    with pytest.raises(StateError) as refused:
        await Ledger.open("postgresql://user:hunter2@127.0.0.1:9/test", tmp_path)
    assert "hunter2" not in str(refused.value)
    assert "127.0.0.1" in str(refused.value)


async def test_ledger_copied_to_another_place_is_the_same_ledger(tmp_path):
    async with open_ledger("sqlite", tmp_path / "a") as ledger:
        await ledger.start_run("invoices", "run-1")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    async with open_ledger("sqlite", tmp_path / "b") as ledger:
        assert len(await ledger.database.read(lambda c: c.execute(select(tables.runs)).all())) == 1
    with sqlite3.connect(tmp_path / "b" / ".docmill" / "ledger.db") as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    raw.close()


@every_backend
async def test_reused_pid_does_not_keep_a_dead_owner_alive(backend, tmp_path):
    me = owners.this_process()
    reused = owners.Owner("reused", me.host, me.boot_id, me.pid_namespace, me.pid, "another start")
    with state_url(backend) as url:
        async with await Ledger.open(url, tmp_path) as ledger:
            for owner in (reused, dead_owner(), owner_elsewhere(), owners.this_process()):
                await ledger.database.write(lambda c, owner=owner: owners.register(c, owner))
            dead = await ledger.database.read(lambda c: owners.dead_owners(c, me))
            # also the one of this process that no open ledger holds: it was closed, or never open
            assert len(dead) == 3
            assert "reused" in dead
            assert await ledger.take_over_from_the_dead() == 3


def test_process_start_tells_the_living_from_the_dead():
    me = owners.this_process()
    assert owners.process_start(me.pid) == me.process_start
    assert me.process_start
    assert owners.process_start(dead_owner().pid) is None
