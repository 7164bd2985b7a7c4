"""Keeping this process's memory to itself: it reads configurations, and so secrets."""

import ctypes
import sys

_PR_SET_DUMPABLE = 4


def keep_memory_private() -> None:
    """Forbid core dumps, and on Linux also tracing and reading by other processes of this user."""
    try:
        import resource  # noqa: PLC0415 - POSIX only
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
