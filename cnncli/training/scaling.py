"""Loss scaling, which keeps float16's small gradients from vanishing (Micikevicius et al., "Mixed precision training", 2017).

The loss is multiplied by a scale before the backward pass, and the gradients are divided by it after. The scale is found on the
way: a step whose gradients overflow is left out and halves it; 2,000 steps without an overflow double it. All of that stays on
the device, so that no step waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

FIRST, GROWTH, BACKOFF, INTERVAL = 2.0**16, 2.0, 0.5, 2000  # those of torch.amp.GradScaler; powers of two lose no bit


class Scaling:
    """Where the scale stands.

    scale: float32, one number · grown: steps without an overflow since it changed · skipped: steps of the run that were left out
    """

    def __init__(self, device: torch.device) -> None:
        """Begins with a scale of 65,536."""
        self.scale = torch.full((), FIRST, device=device)
        self.grown = torch.zeros((), dtype=torch.int32, device=device)
        self.skipped = torch.zeros((), dtype=torch.int32, device=device)

    def up(self, loss: torch.Tensor) -> torch.Tensor:
        """What the backward pass begins with."""
        return loss * self.scale

    def undo(self, gradients: Sequence[torch.Tensor], loss: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Divide the gradients by the scale and choose the next one; loss: of the step, not scaled.

        Two numbers that are 1 or 0: whether a gradient is not finite, and whether that is none of the scale's doing, because the
        loss is not finite itself or because there is nothing left to halve.
        """
        overflow = torch.zeros_like(self.scale)
        torch._amp_foreach_non_finite_check_and_unscale_(list(gradients), overflow, self.scale.reciprocal())
        lost = overflow * torch.logical_or(~loss.isfinite(), self.scale <= 1)
        torch._amp_update_scale_(self.scale, self.grown, overflow, GROWTH, BACKOFF, INTERVAL)
        self.skipped += overflow.to(torch.int32)
        return overflow, lost

    @property
    def memory(self) -> dict[str, torch.Tensor]:
        """What a checkpoint holds of it."""
        return {"scale": self.scale, "grown": self.grown, "skipped": self.skipped}
