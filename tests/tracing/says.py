"""What torch itself says of a module, and a module's recording with its report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnncli.analysis.report import Report, Row, report
from cnncli.layers import Tensor
from cnncli.tracing import Recording, record


class Told(NamedTuple):
    """A recording and its report."""

    recording: Recording
    report: Report

    @property
    def rows(self) -> dict[str, Row]:
        """Rows by name."""
        return {row.name: row for row in self.report.rows}


def told(module: nn.Module, *shapes: tuple[int, ...], **arguments: bool | str) -> Told:
    """The recording of a module on float32 inputs of these shapes, and its report."""
    recording = record(module, [Tensor(shape) for shape in shapes], **arguments)  # type: ignore[arg-type]
    return Told(recording, report(recording.network))


def macs_by_torch(module: nn.Module, shapes: Sequence[tuple[int, ...]], *, grad: bool = False) -> int:
    """MACs for one example by torch's flop counter, in eval mode on the meta device; the module stays there, all of it frozen or none.

    grad: with autograd, where nn.MultiheadAttention does not take the shortcut that the counter does not see through
    """
    counter = FlopCounterMode(display=False)
    inputs = [torch.empty(1, *shape, device="meta") for shape in shapes]
    with counter, torch.set_grad_enabled(grad):
        module.to("meta").eval().requires_grad_(grad)(*inputs)
    return int(counter.get_total_flops()) // 2


def params_of(module: nn.Module) -> int:
    """Parameters, each tensor once."""
    return sum(parameter.numel() for parameter in module.parameters())
