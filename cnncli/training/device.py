"""Where to train: devices and what `auto` means on this machine, its name, and the random numbers drawn on it."""

from __future__ import annotations

import platform
import subprocess
import sys
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from warnings import catch_warnings, simplefilter

import torch

from cnncli.errors import RequestError


def device(name: str) -> torch.device:
    """Return the device called `name`; `auto` is a GPU where there is one. Raises `RequestError` where there is no such device."""
    present = devices()
    if name == "auto":
        return torch.device(present[-1])
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in present:
        raise RequestError(f"--device {name!r} is not on this machine; there is {', '.join(present)}")
    return torch.device(wanted)


def devices() -> list[str]:
    """Return what torch can train on here, the fastest last."""
    names = ["cpu"]
    if torch.backends.mps.is_available():
        names.append("mps")
    if torch.cuda.is_available():
        names += [f"cuda:{index}" for index in reversed(range(torch.cuda.device_count()))]
    return names


def precision(choice: str, where: torch.device) -> torch.dtype | None:
    """Return the dtype of the forward pass. `auto`: bfloat16 on a GPU that has it, None on a CPU that has it, else float32.

    None: what bfloat16 gains depends on the network, and is to be measured. Raises `RequestError` where torch does not compute in
    the dtype here.
    """
    if choice == "auto":
        if not has_bfloat16(where):
            return torch.float32
        return None if where.type == "cpu" else torch.bfloat16
    dtype: torch.dtype = getattr(torch, choice)
    if not _computes_in(dtype, where):
        raise RequestError(
            f"train.precision: {choice}: torch {torch.__version__} does not compute in it on {where}; write precision: auto"
        )
    return dtype


def memory_format(choice: str, where: torch.device) -> torch.memory_format:
    """Return the memory format of batches. `auto`: channels last wherever convolutions were measured to be faster so."""
    if choice == "auto":
        choice = "contiguous" if where.type == "mps" else "channels_last"
    return torch.channels_last if choice == "channels_last" else torch.contiguous_format


def wait(where: torch.device) -> None:
    """Synchronize with the device, before a clock is read."""
    if where.type == "cuda":
        torch.cuda.synchronize(where)
    elif where.type == "mps":
        torch.mps.synchronize()


def random_state(where: torch.device) -> list[torch.Tensor]:
    """Return the state of torch's random numbers, which dropout draws: on the CPU and, if that is another, on the device."""
    states = [torch.get_rng_state()]
    if where.type == "cuda":
        states.append(torch.cuda.get_rng_state(where))
    return states


def set_random_state(states: list[torch.Tensor], where: torch.device) -> None:
    """Restore what `random_state` returned; on a GPU, as far as it was taken on one."""
    torch.set_rng_state(states[0])
    if where.type == "cuda" and len(states) > 1:
        torch.cuda.set_rng_state(states[1], where)


def _computes_in(dtype: torch.dtype, where: torch.device) -> bool:
    """Try it: torch only warns, and computes in float32, where a device does not cast to `dtype`."""
    if dtype == torch.float32:
        return True
    image = torch.ones(1, 1, 3, 3, device=where, requires_grad=True)
    with catch_warnings():
        simplefilter("ignore")
        try:
            with torch.autocast(where.type, dtype):
                output = torch.conv2d(image, torch.ones(1, 1, 3, 3, device=where))
            torch.autograd.backward(output.float().sum())
        except RuntimeError:
            return False
    return output.dtype == dtype


def has_bfloat16(where: torch.device) -> bool:
    """Return whether there are instructions for bfloat16; else it is emulated, several times slower than float32."""
    if where.type == "cuda":
        return torch.cuda.get_device_capability(where) >= (8, 0)
    probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")  # torch.cpu has had both since 2.6, unofficially
    return where.type == "cpu" and any(getattr(torch.cpu, probe, bool)() for probe in probes)


def seed_of(purpose: str, *numbers: int) -> int:
    """Return a seed of 63 bits that depends on its purpose and, say, the run's seed and the epoch; nothing drawn before matters."""
    text = " ".join([purpose, *map(str, numbers)])
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(purpose: str, *numbers: int) -> torch.Generator:
    """Return a generator on the CPU, so that every device draws the same."""
    return torch.Generator().manual_seed(seed_of(purpose, *numbers))


def machine(where: torch.device) -> dict[str, str]:
    """Return what the last bits of a result depend on, besides the recipe and the number of threads."""
    return {"torch": str(torch.__version__), "device": str(where), "device_name": device_name(where)}


def device_name(where: torch.device) -> str:
    """Return what the maker of `where` calls it."""
    return torch.cuda.get_device_name(where) if where.type == "cuda" else cpu_name()


def cpu_name() -> str:
    """Return what the maker of the CPU calls it, where the platform says."""
    if sys.platform == "linux":
        with suppress(OSError):
            lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    return platform.processor() or platform.machine()
