"""What a run ran on and with: the part of it that its recipe does not say."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import torch

from cnncli import __version__
from cnncli.sources.networks import in_short
from cnncli.training.job import Job
from cnncli.training.precision import Precision


def environment(job: Job, precision: Precision) -> dict[str, object]:
    """Versions, device, threads, machine, command line, and what the network contains, as plain values."""
    return {
        "network": in_short(job.recipe.model.name, job.network),
        "cnncli": __version__,
        "python": platform.python_version(),
        "torchvision": version("torchvision"),
        "command": sys.argv,
        **machine(job.device),
        "threads": torch.get_num_threads(),
        **precision.memory,
        "memory_format": str(job.memory_format).removeprefix("torch."),
        "cpu": cpu_name(),
        "platform": platform.platform(),
    }


def machine(device: torch.device) -> dict[str, str]:
    """What the last bits of a result depend on, besides the recipe and the number of threads."""
    return {"torch": str(torch.__version__), "device": str(device), "device_name": device_name(device)}


def device_name(device: torch.device) -> str:
    """As its maker calls it."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()


def cpu_name() -> str:
    """As its maker calls it, where the platform says."""
    if sys.platform == "linux":
        named = [line for line in _text(Path("/proc/cpuinfo")).splitlines() if line.startswith("model name")]
        if named:
            return named[0].partition(":")[2].strip()
    if sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    return platform.processor() or platform.machine()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
