"""Owners of claims, reservations and locks, and whether each is still alive.

A process of this machine is looked up (pid and its start time, so that a reused pid does not
count). One of another machine, or of another container, is known only by its heartbeat: dead when
the last one is `LEASE_SECONDS` old.
"""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, delete, func, insert, literal_column, select, update

from tasks.ledger.connection.tables import calls, documents, locks, owners

HEARTBEAT_SECONDS = 15.0
LEASE_SECONDS = 60.0
SYSTEM: str = sys.platform

_open_here: set[str] = set()  # owners of this process whose ledger is open


@dataclass(frozen=True, slots=True)
class Owner:
    """One opened ledger in one process. `boot_id` is new at each start of the machine; empty where
    it cannot be told."""

    owner_id: str
    host: str
    boot_id: str
    pid_namespace: str
    pid: int
    process_start: str


def this_process() -> Owner:
    pid = os.getpid()
    return Owner(
        uuid4().hex,
        socket.gethostname(),
        _boot_id(),
        _pid_namespace(),
        pid,
        process_start(pid) or "",
    )


def begin(owner: Owner) -> None:
    """Before `register`: from now on the owner counts as alive while this process lives."""
    _open_here.add(owner.owner_id)


def end(owner: Owner) -> None:
    """The owner's ledger is closed: what it could not give back is free, although we live."""
    _open_here.discard(owner.owner_id)


def register(connection: Connection, owner: Owner) -> None:
    connection.execute(
        insert(owners).values(
            owner_id=owner.owner_id,
            host=owner.host,
            boot_id=owner.boot_id,
            pid_namespace=owner.pid_namespace,
            pid=owner.pid,
            process_start=owner.process_start,
            heartbeat_at=database_time(connection),
        )
    )


def heartbeat(connection: Connection, owner: Owner) -> None:
    """A row that another process removed, believing this one dead, is put back: what it held is
    gone, what it takes next counts."""
    now = database_time(connection)
    if not connection.execute(
        update(owners).where(owners.c.owner_id == owner.owner_id).values(heartbeat_at=now)
    ).rowcount:
        register(connection, owner)


def dead_owners(connection: Connection, here: Owner) -> list[str]:
    """Ids of owners that are dead, as seen from the process `here`."""
    now = database_time(connection)
    rows = connection.execute(select(owners).where(owners.c.owner_id != here.owner_id))
    return [row.owner_id for row in rows if _is_dead(row, here, now)]


def drop_owner(connection: Connection, owner_id: str) -> None:
    """Forgets an owner that holds no reservation any more; its claims and locks are free."""
    connection.execute(
        update(documents)
        .where(documents.c.claim_owner == owner_id)
        .values(claim_owner=None, claim_id=None)
    )
    connection.execute(delete(locks).where(locks.c.owner_id == owner_id))
    if not connection.execute(
        select(func.count()).where(calls.c.owner_id == owner_id, calls.c.state != "settled")
    ).scalar_one():
        connection.execute(delete(owners).where(owners.c.owner_id == owner_id))


def database_time(connection: Connection) -> float:
    """Seconds since 1970 by one clock for all machines: the server's, where there is one."""
    if connection.dialect.name == "postgresql":
        return float(
            connection.execute(
                select(literal_column("extract(epoch from clock_timestamp())"))
            ).scalar_one()
        )
    return float(
        connection.execute(
            select(literal_column("(julianday('now') - 2440587.5) * 86400.0"))
        ).scalar_one()
    )


def _is_dead(row: Row[Any], here: Owner, now: float) -> bool:
    seen_from_here = bool(row.boot_id) and (row.boot_id, row.pid_namespace) == (
        here.boot_id,
        here.pid_namespace,
    )
    if seen_from_here and (row.pid, row.process_start) == (here.pid, here.process_start):
        return row.owner_id not in _open_here
    if seen_from_here and row.process_start:
        return bool(process_start(row.pid) != row.process_start)
    return bool(now - row.heartbeat_at > LEASE_SECONDS)


def process_start(pid: int) -> str | None:
    """When the process `pid` started, in the system's own words; None when there is no such process
    (or only its zombie)."""
    if SYSTEM == "darwin":
        return _output_of("ps", "-o", "lstart=", "-p", str(pid)) or None
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[
        2
    ].split()  # man proc_pid_stat: the name in brackets may hold anything; field 3 follows it
    return None if fields[0] in "ZX" else fields[19]


def _boot_id() -> str:
    if SYSTEM == "darwin":
        return _output_of("sysctl", "-n", "kern.bootsessionuuid")
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""  # then only heartbeats tell


def _pid_namespace() -> str:
    """Two containers of one machine share its boot id but do not see each other's processes."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _output_of(*command: str) -> str:
    try:
        return subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, check=False, timeout=5
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def count_at_work(connection: Connection) -> int:
    """Processes that hold a document now, on any machine."""
    held = select(func.count(documents.c.claim_owner.distinct())).where(
        documents.c.claim_owner.is_not(None)
    )
    return int(connection.execute(held).scalar_one())
