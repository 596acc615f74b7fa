"""One process at a time in a run folder, however the one before ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cnncli.errors import DataError
from cnncli.training.process import Lock

HOLD = """
import os, sys, time
from pathlib import Path
from cnncli.training.process import Lock
lock = Lock(Path(sys.argv[1]))
if os.fork() == 0:  # as a process that reads images
    time.sleep(3)
    os._exit(0)
print("held", flush=True)
time.sleep(60)
"""


def test_a_lock_leaves_nothing_behind(tmp_path: Path) -> None:
    """Released by word, or when nobody has it any more; twice does no harm."""
    lock = Lock(tmp_path)
    assert (tmp_path / ".lock").read_text(encoding="utf-8") == str(os.getpid())
    lock.release()
    lock.release()
    assert list(tmp_path.iterdir()) == []
    Lock(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_a_data_error(tmp_path: Path) -> None:
    """With its place."""
    with pytest.raises(DataError, match=r"cannot write '.*nowhere'"):
        Lock(tmp_path / "nowhere")


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL and fork need POSIX")
def test_another_process_is_refused_until_it_has_ended(tmp_path: Path) -> None:
    """Killed, with a child that outlives it: the folder is free at once, and the file it left does not matter."""
    words = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        for _ in range(2):
            with pytest.raises(DataError, match=f"is being trained by process {holder.pid}; wait for it, or end it"):
                Lock(tmp_path)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert (tmp_path / ".lock").exists()
        Lock(tmp_path).release()
        assert not (tmp_path / ".lock").exists()
