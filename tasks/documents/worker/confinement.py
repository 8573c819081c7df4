"""Resource limits of a worker process, set before any byte of a document is read."""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # <malloc.h> of glibc
_KEPT_BYTES = (
    64 << 20
)  # freed memory up to this is kept: giving a page bitmap back costs 20 ms of page faults a page


def limit_memory(memory_mb: int) -> bool:
    """Bound the private writable memory of this process; False where the system cannot (only Linux
    does).

    RLIMIT_DATA and not RLIMIT_AS: threads and allocators reserve far more address space than they
    use.
    """
    if sys.platform != "linux":
        return False
    import resource  # noqa: PLC0415  not there on Windows

    size = memory_mb << 20
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        size = min(size, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (size, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # an abort must not fill the disk
    return True


def keep_freed_memory() -> None:
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:  # musl has none
            mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
            mallopt(_M_TRIM_THRESHOLD, 2 * _KEPT_BYTES)
