"""torchvision's classifiers, each with the weights whose figures torchvision publishes and at their crop."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torchvision
from torch import nn

GIVEN: dict[str, dict[str, Any]] = {
    "googlenet": {"init_weights": False, "aux_logits": False, "transform_input": True},
    "inception_v3": {"init_weights": False, "transform_input": True},
}
"""What the builders of published weights pass on; random weights are slow to make and not looked at."""


class Published(NamedTuple):
    """A builder's name, one of its weights, and the side of their crop in pixels."""

    name: str
    weights: Any
    side: int

    def __str__(self) -> str:
        """`vit_b_16 IMAGENET1K_V1`."""
        return f"{self.name} {self.weights.name}"

    def module(self) -> nn.Module:
        """The module, not trained; without memory behind its weights where its builder can do without."""
        given = dict(GIVEN.get(self.name, {}))
        if self.name.startswith("vit"):
            given["image_size"] = self.side
        device = "cpu" if self.name.startswith("regnet") else "meta"  # regnet computes its widths with tensors
        with torch.device(device):
            module: nn.Module = torchvision.models.get_model(self.name, weights=None, **given)
        return module


def published() -> list[Published]:
    """Every weights of every classification builder."""
    names = torchvision.models.list_models(module=torchvision.models)
    return [
        Published(name, weights, weights.transforms().crop_size[0])
        for name in names
        for weights in torchvision.models.get_model_weights(name)
    ]
