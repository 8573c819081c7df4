"""Check that a file can be read and that nobody is writing it."""

import errno
import os
import signal
import stat
import sys
from enum import StrEnum
from pathlib import Path

if sys.platform == "linux":
    import fcntl

_FILE_SYSTEMS_WITH_LEASES = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "tmpfs", "overlay", "zfs"}
)
_PDF_TAIL_BYTES = (
    2_048  # readers look for %%EOF in the last 1,024 bytes; some scanners append padding
)


class Readiness(StrEnum):
    READY = "ready"
    GONE = "gone"
    UNREADABLE = "unreadable"  # for now: locked, no permission
    WRITING = "writing"  # a program of this machine has it open for writing
    UNFINISHED = "unfinished"  # a PDF without its end: a copy that stalled, or a damaged file


def tells_of_writers(folder: Path) -> bool:
    """Whether the system can say that a file in `folder` is open for writing: on Linux, on a local
    file system.

    Network file systems refuse a lease for reasons of their own, so their answer means nothing.
    """
    if sys.platform != "linux":
        return False
    try:
        mounts = (
            Path("/proc/self/mountinfo")
            .read_text(encoding="utf-8", errors="surrogateescape")
            .splitlines()
        )
    except OSError:
        return False
    best, kind = "", ""
    for mount in mounts:
        place = mount.split(" ")[4].replace("\\040", " ")
        if len(place) >= len(best) and folder.is_relative_to(place):
            best, kind = place, mount.partition(" - ")[2].split(" ")[0]
    return kind in _FILE_SYSTEMS_WITH_LEASES


def readiness(path: Path, *, ask_for_writers: bool) -> Readiness:
    """Opens the file once (blocking); never raises. `ask_for_writers`: see `tells_of_writers`."""
    try:
        descriptor = os.open(
            path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
        )
    except FileNotFoundError:
        return Readiness.GONE
    except OSError:
        return Readiness.UNREADABLE
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return Readiness.GONE
        if ask_for_writers and _open_for_writing(descriptor):
            return Readiness.WRITING
        return Readiness.UNFINISHED if _lacks_pdf_end(descriptor) else Readiness.READY
    except OSError:
        return Readiness.UNREADABLE
    finally:
        os.close(descriptor)


def _open_for_writing(descriptor: int) -> bool:
    """Linux gives a read lease only when no process has the file open for writing."""
    try:
        fcntl.fcntl(
            descriptor, fcntl.F_SETSIG, signal.SIGURG
        )  # a writer that comes now signals us; the default, SIGIO, would end the process
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno in (errno.EAGAIN, errno.EWOULDBLOCK)
    return False


def _lacks_pdf_end(descriptor: int) -> bool:
    if os.read(descriptor, 5) != b"%PDF-":
        return False
    size = os.fstat(descriptor).st_size
    os.lseek(descriptor, max(0, size - _PDF_TAIL_BYTES), os.SEEK_SET)
    return b"%%EOF" not in os.read(descriptor, _PDF_TAIL_BYTES)
