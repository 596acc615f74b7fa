"""Normalisation."""

from __future__ import annotations

import torch
from torch import nn

from cnncli.layers import Layer, Shape
from cnncli.layers.norm import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    GroupNorm,
    InstanceNorm2d,
    LayerNorm,
    LocalResponseNorm,
)
from cnncli.layers.rms_norm import RMSNorm
from cnncli.tracing.said import Reader, Said, weights

BATCH_NORMS: dict[int, type[BatchNorm1d | BatchNorm2d | BatchNorm3d]] = {
    2: BatchNorm1d,
    3: BatchNorm1d,
    4: BatchNorm2d,
    5: BatchNorm3d,
}
"""By the number of axes, the batch among them."""


def batch_norm(
    reader: Reader,
    input: torch.Tensor,
    running_mean: torch.Tensor | None = None,
    running_var: torch.Tensor | None = None,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Said | None:
    """Each channel over the batch and all positions."""
    if (weight is None) != (bias is None) or input.dim() not in BATCH_NORMS:
        return None
    if isinstance(reader.module, nn.modules.batchnorm._BatchNorm):
        momentum = reader.module.momentum  # type: ignore[assignment]  # None, a cumulative mean, is handed over as 0.0
    layer = BATCH_NORMS[input.dim()](
        num_features=input.shape[1],
        eps=eps,
        momentum=momentum,
        affine=weight is not None,
        track_running_stats=running_mean is not None,
    )
    own = weights(weight=weight, bias=bias, running_mean=running_mean, running_var=running_var)
    return Said(layer, (input,), own, alike=True)


def torch_batch_norm(
    reader: Reader,
    input: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Said | None:
    """torch.batch_norm, whose arguments stand in another order."""
    return batch_norm(reader, input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    reader: Reader,
    input: torch.Tensor,
    running_mean: torch.Tensor | None = None,
    running_var: torch.Tensor | None = None,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Said | None:
    """Each channel of each example."""
    if (weight is None) != (bias is None) or input.dim() != 4:
        return None
    layer = InstanceNorm2d(
        num_features=input.shape[1],
        eps=eps,
        momentum=momentum,
        affine=weight is not None,
        track_running_stats=running_mean is not None,
    )
    return Said(layer, (input,), weights(weight=weight, bias=bias, running_mean=running_mean, running_var=running_var))


def group_norm(
    reader: Reader,
    input: torch.Tensor,
    num_groups: int,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    eps: float = 1e-5,
    *_: object,
) -> Said | None:
    """Groups of channels."""
    if (weight is None) != (bias is None):
        return None
    layer = GroupNorm(num_groups=num_groups, num_channels=input.shape[1], eps=eps, affine=weight is not None)
    return Said(layer, (input,), weights(weight=weight, bias=bias))


def layer_norm(
    reader: Reader,
    input: torch.Tensor,
    normalized_shape: Shape,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    eps: float = 1e-5,
    *_: object,
) -> Said | None:
    """The last axes."""
    if weight is None and bias is not None:
        return None
    layer = LayerNorm(
        normalized_shape=tuple(normalized_shape),
        eps=eps,
        elementwise_affine=weight is not None,
        bias=bias is not None or weight is None,
    )
    return Said(layer, (input,), weights(weight=weight, bias=bias))


def rms_norm(
    reader: Reader,
    input: torch.Tensor,
    normalized_shape: Shape,
    weight: torch.Tensor | None = None,
    eps: float | None = None,
) -> Said:
    """The last axes, without a mean."""
    layer = RMSNorm(normalized_shape=tuple(normalized_shape), eps=eps, elementwise_affine=weight is not None)
    return Said(layer, (input,), weights(weight=weight))


def local_response_norm(
    reader: Reader,
    input: torch.Tensor,
    size: int,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 1.0,
) -> Said:
    """Neighbouring channels."""
    layer: Layer = LocalResponseNorm(size=size, alpha=alpha, beta=beta, k=k)
    return Said(layer, (input,))


CALLS = {
    "batch_norm": batch_norm,
    "torch.batch_norm": torch_batch_norm,
    "instance_norm": instance_norm,
    "group_norm": group_norm,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "local_response_norm": local_response_norm,
}
