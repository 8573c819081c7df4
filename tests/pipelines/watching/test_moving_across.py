"""Moves from one file system to another: no original is lost, mixed up or overwritten."""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.watching.candidates import Fingerprint
from pipelines.watching.filing import Filed, Filing, file_away
from pipelines.watching.places import Places
from pipelines.watching.set_aside import MOVING_FOLDER, own_place, recover
from schemas.record import DocumentResult, ErrorInfo, Status
from tests.support.state_parts import start_script

FILES = 24
MOVE_ALL = """
import sys
from pathlib import Path
from tests.pipelines.watching.test_moving_across import move, places_between
for file in sorted(Path(sys.argv[1]).iterdir()):
    if file.is_file():
        print(move(file, places_between(Path(sys.argv[1]), Path(sys.argv[2]))).outcome)
"""


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Two folders on two file systems."""
    mounted = [disk for disk in (tmp_path / "one", tmp_path / "two") if _mount(disk)]
    memory = None
    try:
        if len(mounted) == 2:
            yield mounted[0], mounted[1]
            return
        shm = Path("/dev/shm")  # noqa: S108 - not a temporary file's name, another file system
        if not shm.is_dir() or shm.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("no second file system: tmpfs cannot be mounted, /dev/shm is not one")
        memory = Path(tempfile.mkdtemp(dir=shm))
        yield tmp_path, memory
    finally:
        for disk in mounted:
            subprocess.run(["umount", str(disk)], check=True)
        if memory is not None:
            shutil.rmtree(memory)


def _mount(disk: Path) -> bool:
    disk.mkdir()
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def places_between(inbox: Path, other: Path) -> Places:
    inbox.mkdir(exist_ok=True)
    return Places(folder=inbox, done=other / "done", failed=other / "failed")


def write(path: Path, seed: str, size: int = 40_000) -> bytes:
    content = hashlib.sha256(f"{path.parent}{seed}".encode()).digest() * (size // 32)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return content


def move(path: Path, places: Places, *, failed: bool = False, digest: str | None = None) -> Filing:
    result = DocumentResult(
        path=path.name,
        document_id=digest or hashlib.sha256(path.read_bytes()).hexdigest(),
        status=Status.FAILED if failed else Status.DONE,
        pages=1,
        error=ErrorInfo(code="unreadable", message="damaged") if failed else None,
    )
    return file_away(path, Fingerprint.of(path), result, places)


def contents(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_threads_lose_and_mix_up_nothing(disks: tuple[Path, Path]) -> None:
    inboxes = [disks[0] / "a", disks[0] / "b"]
    written = [
        write(inbox / f"{number}.pdf", str(number)) for inbox in inboxes for number in range(FILES)
    ]
    with ThreadPoolExecutor(8) as threads:
        outcomes = [
            threads.submit(move, file, places_between(inbox, disks[1]))
            for inbox in inboxes
            for file in sorted(inbox.iterdir())
        ]
    assert {outcome.result().outcome for outcome in outcomes} == {Filed.MOVED}
    assert contents(disks[1]) == sorted(written)
    assert [list(inbox.iterdir()) for inbox in inboxes] == [[], []]


async def test_processes_lose_and_mix_up_nothing(disks: tuple[Path, Path]) -> None:
    inboxes = [disks[0] / "a", disks[0] / "b"]
    written = [
        write(inbox / f"{number}.pdf", str(number)) for inbox in inboxes for number in range(FILES)
    ]
    movers = [await start_script(MOVE_ALL, str(inbox), str(disks[1])) for inbox in inboxes]
    said = await asyncio.gather(*(mover.communicate() for mover in movers))
    assert [out.decode().split() for out, _ in said] == [["moved"] * FILES] * 2
    assert contents(disks[1]) == sorted(written)


def test_failed_file_has_its_note_on_the_other_disk(disks: tuple[Path, Path]) -> None:
    places = places_between(disks[0] / "inbox", disks[1])
    content = write(places.folder / "a.pdf", "a")
    assert move(places.folder / "a.pdf", places, failed=True).place == places.failed / "a.pdf"
    assert (places.failed / "a.pdf").read_bytes() == content
    assert "damaged" in (places.failed / "a.pdf.error.txt").read_text()


def test_file_with_other_content_than_the_document_stays(disks: tuple[Path, Path]) -> None:
    places = places_between(disks[0] / "inbox", disks[1])
    content = write(places.folder / "a.pdf", "a")
    assert move(places.folder / "a.pdf", places, digest="0" * 64).outcome is Filed.CHANGED
    assert (places.folder / "a.pdf").read_bytes() == content
    assert contents(disks[1]) == []


def test_full_disk_leaves_the_file_where_it_was(disks: tuple[Path, Path]) -> None:
    if disks[1].name != "two":
        pytest.skip("no small file system to fill: tmpfs cannot be mounted")
    places = places_between(disks[0] / "inbox", disks[1])
    (disks[1] / "filler").write_bytes(bytes(3_500_000))
    content = write(places.folder / "a.pdf", "a", size=1_000_000)
    with pytest.raises(OSError, match="No space left"):
        move(places.folder / "a.pdf", places)
    assert contents(disks[0]) == [content]
    assert [path for path in places.done.rglob("*") if path.is_file()] == []


def test_longest_name_is_moved(disks: tuple[Path, Path]) -> None:
    places = places_between(disks[0] / "inbox", disks[1])
    name = "請" * 83 + ".pdf"
    write(places.folder / name, "a")
    assert move(places.folder / name, places).place == places.done / name


def test_original_of_a_dead_process_is_put_back_and_its_copy_removed(tmp_path: Path) -> None:
    places = places_between(tmp_path / "inbox", tmp_path)
    places.done.mkdir()
    script = """
import os, sys
from pathlib import Path
from pipelines.watching.set_aside import own_place
with own_place(Path(sys.argv[1]), "a~b.pdf", original=True) as aside:
    with own_place(Path(sys.argv[2]), "a~b.pdf", original=False) as copy:
        aside.write_bytes(b"original")
        copy.write_bytes(b"orig")
        os._exit(1)
"""
    subprocess.run(
        [sys.executable, "-c", script, str(places.folder), str(places.done)],
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    said: list[str] = []
    back = recover((places.folder, places.done), said.append)
    assert back == [places.folder / "a~b.pdf"]
    assert back[0].read_bytes() == b"original"
    assert (list(places.done.iterdir()), said) == ([], [])
    assert not (places.folder / MOVING_FOLDER).exists()


def test_file_of_a_living_owner_is_left_to_it(tmp_path: Path) -> None:
    with own_place(tmp_path, "a.pdf", original=True) as aside:
        aside.write_bytes(b"original")
        assert recover((tmp_path,), print) == []
        assert aside.exists()
    assert recover((tmp_path,), print) == [tmp_path / "a.pdf"]


@pytest.mark.parametrize(
    "name",
    [".docmill-moving~a", ".docmill-moving~host~12x~a.pdf", MOVING_FOLDER],
)
def test_file_name_like_ours_harms_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert recover((tmp_path,), print) == []
    assert (tmp_path / name).read_bytes() == b"x"


@pytest.mark.parametrize(
    "owner",
    [
        None,
        b"not json",
        b"\xff\xfe",
        json.dumps({"name": '"../../x.pdf"', "original": True}).encode(),
        json.dumps({"name": '".."', "original": True}).encode(),
        json.dumps({"name": "x", "original": True}).encode(),
        json.dumps({"name": '"x.pdf"', "original": True, "more": 1}).encode(),
    ],
)
def test_unknown_folder_is_reported_and_left_alone(tmp_path: Path, owner: bytes | None) -> None:
    entry = tmp_path / "inbox" / MOVING_FOLDER / "x"
    entry.mkdir(parents=True)
    (entry / "file").write_bytes(b"x")
    if owner is not None:
        (entry / "owner.json").write_bytes(owner)
    said: list[str] = []
    assert recover((tmp_path / "inbox",), said.append) == []
    assert (entry / "file").read_bytes() == b"x"
    assert said == [f"{entry}: was not put there by docmill; it is left alone"]


def test_link_in_the_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "inbox" / MOVING_FOLDER).symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(NotADirectoryError),
        own_place(tmp_path / "inbox", "a.pdf", original=True),
    ):
        pass
    assert recover((tmp_path / "inbox",), print) == []
    assert list((tmp_path / "elsewhere").iterdir()) == []
