"""How a process that trains uses the machine: threads that wait for each other, memory that is kept. Free of torch.

Figures: the sigmoid LeNet on two cores of an AMD EPYC (Zen 3), torch 2.14.
"""

from __future__ import annotations

import ctypes
import os
import sys

SPINS = "2000"  # about 50 μs: longer than the threads of a balanced step wait, shorter than a time slice
KEPT = (128 << 20, 32 << 20)  # bytes up to which freed memory is used again; the second for glibc before 2.35
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h


def settle_in() -> None:
    """Prepare this process to train; to be called before torch is imported. What the user set stays."""
    give_way()
    keep_memory()


def give_way() -> None:
    """Let a waiting thread give up its core soon, where torch uses GNU's OpenMP (Linux).

    By default it spins for milliseconds, which costs nothing on idle cores and much on busy ones. Batches of 32, with other
    programs that want both cores too: 35 instead of 450 ms a step; on idle cores 3.4 ms either way.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)


def keep_memory() -> None:
    """Let glibc use freed memory again instead of handing it back to the system, where malloc is glibc's.

    Every activation is allocated, filled and freed at every step; with the defaults the system maps and clears their pages
    each time. Batches of 256: 4,500 page faults a step, 10 of 37 ms; so, none.
    """
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt and any(mallopt(M_MMAP_THRESHOLD, most) for most in KEPT):
        mallopt(M_TRIM_THRESHOLD, -1)  # never
