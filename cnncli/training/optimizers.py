"""The optimizers: the functional forms of torch's, with the defaults of its classes.

The classes do the same, but building the first one imports the compiler (1.3 s), and a step takes twice as long.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.optim.adadelta import adadelta
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from cnncli.sources.recipes import Adadelta, Adam, AdamW, AnyOptimizer, RMSprop, Sgd

_MEMORY: dict[type[AnyOptimizer], tuple[str, ...]] = {
    Sgd: ("momentum_buffer",),
    Adam: ("exp_avg", "exp_avg_sq", "step"),
    AdamW: ("exp_avg", "exp_avg_sq", "step"),
    RMSprop: ("square_avg", "momentum_buffer", "step"),
    Adadelta: ("square_avg", "acc_delta", "step"),
}
_FUSED_ON = {"cpu", "cuda", "mps"}  # where torch has kernels that update all weights at once


class Optimizer:
    """Moves weights in place.

    Attributes:
        memory: what it keeps from step to step, a tensor for each weight under torch's own name for it.
    """

    def __init__(self, chosen: AnyOptimizer, weights: Sequence[torch.Tensor]) -> None:
        """Start with nothing in memory; each of `weights` has a gradient at every step."""
        self.chosen = chosen
        self.weights = list(weights)
        self.memory = {
            name: [torch.zeros((), device=w.device) if name == "step" else torch.zeros_like(w) for w in weights]
            for name in _MEMORY[type(chosen)]
        }
        if isinstance(chosen, Sgd | RMSprop) and not chosen.momentum:
            del self.memory["momentum_buffer"]
        self._fused = self.weights[0].device.type in _FUSED_ON and isinstance(chosen, Sgd | Adam | AdamW)

    @torch.no_grad()
    def step(self, lr: float, skip: torch.Tensor) -> None:
        """Take a step against the gradients, or none where `skip`, a float32 number on the device, is 1."""
        if not self._fused and skip.item():  # the fused kernels look for themselves; on a GPU nobody has to wait then
            return
        gradients = [weight.grad for weight in self.weights if weight.grad is not None]
        flag = skip if self._fused else None
        match self.chosen:
            case Sgd():
                self._sgd(self.chosen, gradients, lr, flag)
            case Adam() | AdamW():
                self._adam(self.chosen, gradients, lr, flag)
            case RMSprop() | Adadelta():
                self._unfused(self.chosen, gradients, lr)

    def clear(self) -> None:
        """Forget the gradients."""
        for weight in self.weights:
            weight.grad = None

    def _sgd(self, chosen: Sgd, gradients: list[torch.Tensor], lr: float, skip: torch.Tensor | None) -> None:
        sgd(
            self.weights,
            gradients,
            [*self.memory.get("momentum_buffer", [None] * len(gradients))],
            fused=self._fused,
            found_inf=skip,
            weight_decay=chosen.weight_decay,
            momentum=chosen.momentum,
            lr=lr,
            dampening=0.0,
            nesterov=chosen.nesterov,
            maximize=False,
        )

    def _adam(self, chosen: Adam | AdamW, gradients: list[torch.Tensor], lr: float, skip: torch.Tensor | None) -> None:
        update = adamw if isinstance(chosen, AdamW) else adam
        update(
            self.weights,
            gradients,
            self.memory["exp_avg"],
            self.memory["exp_avg_sq"],
            [],
            self.memory["step"],
            fused=self._fused,
            found_inf=skip,
            amsgrad=False,
            beta1=chosen.beta1,
            beta2=chosen.beta2,
            lr=lr,
            weight_decay=chosen.weight_decay,
            eps=chosen.eps,
            maximize=False,
        )

    def _unfused(self, chosen: RMSprop | Adadelta, gradients: list[torch.Tensor], lr: float) -> None:
        squares, steps = self.memory["square_avg"], self.memory["step"]
        decay = chosen.weight_decay
        if isinstance(chosen, RMSprop):
            rmsprop(
                self.weights, gradients, squares, [], self.memory.get("momentum_buffer", []), steps,
                foreach=True, lr=lr, alpha=chosen.alpha, eps=chosen.eps, weight_decay=decay,
                momentum=chosen.momentum, centered=False,
            )  # fmt: skip
        else:
            adadelta(
                self.weights, gradients, squares, self.memory["acc_delta"], steps,
                foreach=True, lr=lr, rho=chosen.rho, eps=chosen.eps, weight_decay=decay, maximize=False,
            )  # fmt: skip
