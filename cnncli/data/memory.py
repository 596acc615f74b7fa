"""How much memory this process may still take, as far as the system tells."""

from __future__ import annotations

import os
import sys
from pathlib import Path

UNKNOWN = 4 << 30  # bytes, where the system does not tell
CGROUP = Path("/sys/fs/cgroup")


def budget() -> int:
    """Bytes that images may take in memory: a quarter of what is available, so that the network finds room too."""
    return available() // 4


def available() -> int:
    """Bytes that can be allocated without swapping; in a container, within its limit."""
    if sys.platform == "win32":
        return _windows()
    if sys.platform == "darwin":
        return _mac()
    return min(_linux(), _container())


def _mac() -> int:
    """Half of what there is: the system does not tell how much of it is free."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (OSError, ValueError):
        return UNKNOWN


def _linux() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return UNKNOWN


def _container() -> int:
    """What the limit of the control group leaves; file pages that can be dropped are not counted as used."""
    try:
        limit, used = (int((CGROUP / name).read_text(encoding="ascii")) for name in ("memory.max", "memory.current"))
        statistics = dict(line.split() for line in (CGROUP / "memory.stat").read_text(encoding="ascii").splitlines())
        return max(0, limit - used + int(statistics.get("inactive_file", 0)))
    except (OSError, ValueError):
        return sys.maxsize  # "max", or no such control group


def _windows() -> int:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "pages", "page", "room", "space", "more")),
        )

    status = Status(length=ctypes.sizeof(Status))
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009  (mypy knows it on Windows only)
    return int(status.free) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else UNKNOWN
