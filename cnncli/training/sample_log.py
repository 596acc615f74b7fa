"""Which images each step trained on, for whoever wants to see for himself that a run that was stopped trains on the same ones.

Where the variable `CNNCLI_SAMPLE_LOG` names a file, every step appends a line to it: epoch and step in the epoch, both counted
from 1, the first 16 digits of the SHA-256 of the pixels as the network got them, and the images' numbers in the training split.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import torch

VARIABLE = "CNNCLI_SAMPLE_LOG"


def sample_log() -> Path | None:
    """The file, if somebody asked for one."""
    return Path(os.environ[VARIABLE]) if VARIABLE in os.environ else None


def log_samples(path: Path, epoch: int, step: int, indices: torch.Tensor, pixels: torch.Tensor) -> None:
    """Append a line. A step that was taken again after a kill has a line for each time."""
    digest = sha256(pixels.cpu().contiguous().numpy().tobytes()).hexdigest()[:16]
    line = f"{epoch},{step},{digest},{' '.join(map(str, indices.tolist()))}\n"
    with path.open("ab", buffering=0) as file:  # one write, so that no line is half there
        file.write(line.encode())
