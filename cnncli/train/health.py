"""Whether the numbers are still finite, without waiting for the device at every step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

EVERY = 50  # steps from one question to the device to the next


class Health:
    """Looks at every gradient before it is used.

    broken: 0, and 1 from the first gradient on that holds an infinity or a NaN: from then on no step moves a weight, so
    the weights stay those before the step that would have spoilt them
    """

    def __init__(self, device: torch.device) -> None:
        self.broken = torch.zeros((), device=device)
        self._sound = torch.zeros((), device=device)
        self._one = torch.ones((), device=device)

    def look(self, gradients: Sequence[torch.Tensor]) -> None:
        """Take note of one step's gradients."""
        # One pass over all of them, the one that torch.amp.GradScaler makes (LeNet, CPU: 11 μs; their norm takes 70 μs).
        torch._amp_foreach_non_finite_check_and_unscale_(list(gradients), self.broken, self._one)
        self._sound += 1 - self.broken

    def broke_after(self) -> int | None:
        """How many of the steps looked at were sound, if one was not; waits for the device."""
        return int(self._sound.item()) if self.broken.item() else None


def finite(tensors: Iterable[torch.Tensor]) -> bool:
    """Whether all of them are; waits for the device."""
    return bool(torch.stack([tensor.isfinite().all() for tensor in tensors]).all().item())
