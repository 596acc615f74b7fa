"""Any `torch.nn.Module` as a network: it is run once, and what it does is written down.

The run is on the meta device, where tensors have sizes and no numbers, on a batch of an unlikely prime, so that the batch can be
told from everything else. A module that needs numbers (it asks for one with `.item()`, or finds boxes in an image) is run once
more on the CPU, on one example. The module itself, its weights, mode and hooks, are as they were afterwards.
"""

from __future__ import annotations

from cnncli.tracing.fault import Fault
from cnncli.tracing.recording import Recording, record

__all__ = ["Fault", "Recording", "record"]
