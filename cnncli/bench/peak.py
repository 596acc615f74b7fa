"""`python -m cnncli.bench.peak`: a process that measures how much memory each case takes on the CPU, by growing.

It reads the source and the cases as JSON from stdin, and writes a line for each case. The system's own count of the memory that
the process holds is reset before each and read after it: activations, gradients and what libraries take for themselves. Linux keeps
such a count; elsewhere nothing is measured.
"""

from __future__ import annotations

import ctypes
import gc
import json
import signal
import sys
from contextlib import redirect_stdout
from pathlib import Path

from cnncli.bench.plan import Case

PROC = Path("/proc/self")
RESET = "5"  # written to clear_refs, it sets the highest count back to the present one: proc(5)
MAPPED = 1 << 16  # bytes from which on memory goes back to the system when it is freed
M_MMAP_THRESHOLD = -3  # glibc's malloc.h
RUNS = 2  # the first of them builds kernels, which stay


def supported() -> bool:
    """Whether this system counts."""
    return _held("VmHWM") is not None and (PROC / "clear_refs").exists()


def main() -> None:
    """Measure what stdin asks for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started this
    answers = sys.stdout
    with redirect_stdout(sys.stderr):
        asked = json.load(sys.stdin)
        _give_back()
        from cnncli.layers.parsing import inputs
        from cnncli.sources import Request, load

        own = {key: tuple(each) if isinstance(each, list) else each for key, each in asked["arguments"].items()}
        loaded = load(Request(asked["source"], inputs(asked["inputs"]), own))
        import torch

        from cnncli.bench.subject import subject

        ready = subject(loaded, torch.device("cpu"))
        for case in asked["cases"]:
            answers.write(f"{json.dumps(_peak(ready, Case(*case)))}\n")
            answers.flush()


def _give_back() -> None:
    """Let glibc hand freed memory back at once, so that one case does not find the memory of another."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, MAPPED)


def _peak(ready: object, case: Case) -> int | None:
    """The most bytes at once, weights included; None where it fails."""
    from cnncli.bench.subject import Run, Subject
    from cnncli.text import guests

    assert isinstance(ready, Subject)  # noqa: S101
    try:
        with guests():
            highest = 0
            for _ in range(RUNS):
                gc.collect()
                (PROC / "clear_refs").write_text(RESET, encoding="ascii")
                before = _held("VmRSS") or 0
                run = Run(ready, case)
                run.settle()
                run()
                highest = max(0, (_held("VmHWM") or 0) - before)
                run.clear()
                del run
    except Exception:  # noqa: BLE001  (whatever somebody else's module raises; that is told when it is timed)
        return None
    return highest + ready.weight_bytes


def _held(name: str) -> int | None:
    """Bytes that the process holds, or held at most."""
    try:
        lines = (PROC / "status").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


if __name__ == "__main__":
    main()
