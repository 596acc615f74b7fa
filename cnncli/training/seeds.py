"""Random numbers that depend on what they are for, and on nothing drawn before them."""

from __future__ import annotations

from hashlib import blake2b

import torch


def seed_of(purpose: str, *numbers: int) -> int:
    """A seed of 63 bits from what it is for and, say, the run's seed and the epoch."""
    text = " ".join([purpose, *map(str, numbers)])
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(purpose: str, *numbers: int) -> torch.Generator:
    """A generator on the CPU, so that every device draws the same."""
    return torch.Generator().manual_seed(seed_of(purpose, *numbers))
