"""Normalisations, and dropout."""

from __future__ import annotations

from typing import Any

from cnncli.formats.onnx.values import Op, Said, Value
from cnncli.layers.dropout import Dropout
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

BATCH_NORMS: dict[int, type[Any]] = {2: BatchNorm1d, 3: BatchNorm1d, 4: BatchNorm2d, 5: BatchNorm3d}
"""By axes, the batch included."""


def batch_norm(op: Op) -> Said | None:
    """BatchNormalization as it runs after training."""
    kind = BATCH_NORMS.get(len(op.x.shape))
    if kind is None or op.attributes.get("training_mode") or not op.lone:
        return None
    names = ("weight", "bias", "running_mean", "running_var")
    weights = {name: op.constant(place) for place, name in enumerate(names, start=1)}
    momentum = round(1 - op.number("momentum", 0.9), 6)  # ONNX keeps this much, torch lets this much in
    return Said(kind(num_features=op.x.shape[1], eps=op.number("epsilon", 1e-5), momentum=momentum), (op.x,), weights)


def instance_norm(op: Op) -> Said | None:
    """InstanceNormalization of an image."""
    layer = InstanceNorm2d(num_features=op.x.shape[1], eps=op.number("epsilon", 1e-5), affine=True)
    return Said(layer, (op.x,), _affine(op)) if len(op.x.seen.tensor.shape) == 3 else None


def group_norm(op: Op) -> Said | None:
    """GroupNormalization with a scale for each channel, as from version 21 on."""
    groups, channels = op.attributes["num_groups"], op.x.shape[1]
    if op.constant(1).shape != (channels,):
        return None
    return Said(
        GroupNorm(num_groups=groups, num_channels=channels, eps=op.number("epsilon", 1e-5)), (op.x,), _affine(op)
    )


def layer_norm(op: Op) -> Said | None:
    """LayerNormalization over the last axes."""
    axis = op.attributes.get("axis", -1)
    op.x.seen.dim_of_example(axis)
    sizes, weights = op.x.shape[axis % len(op.x.shape) :], _affine(op)
    if any(value.shape != sizes for value in weights.values()) or not op.lone:
        return None
    layer = LayerNorm(normalized_shape=sizes, eps=op.number("epsilon", 1e-5), bias="bias" in weights)
    return Said(layer, (op.x,), weights)


def rms_norm(op: Op) -> Said | None:
    """RMSNormalization over the last axes."""
    axis = op.attributes.get("axis", -1)
    op.x.seen.dim_of_example(axis)
    sizes = op.x.shape[axis % len(op.x.shape) :]
    scale = op.constant(1)
    return (
        Said(RMSNorm(normalized_shape=sizes, eps=op.number("epsilon", 1e-5)), (op.x,), {"weight": scale})
        if scale.shape == sizes
        else None
    )


def local_response_norm(op: Op) -> Said:
    """LRN."""
    settings = {"alpha": 1e-4, "beta": 0.75, "bias": 1.0}
    alpha, beta, k = (op.number(name, otherwise) for name, otherwise in settings.items())
    return Said(LocalResponseNorm(size=op.attributes["size"], alpha=alpha, beta=beta, k=k), (op.x,))


def dropout(op: Op) -> Said | None:
    """Dropout, which hands its input on."""
    ratio = op.values(1, "ratio", 0.5)
    return Said(Dropout(p=round(float(ratio), 6)), (op.x,)) if op.lone else None


def _affine(op: Op) -> dict[str, Value]:
    weights = {"weight": op.constant(1)}
    return weights if op.get(2) is None else weights | {"bias": op.constant(2)}


OPS = {
    "BatchNormalization": batch_norm,
    "InstanceNormalization": instance_norm,
    "GroupNormalization": group_norm,
    "LayerNormalization": layer_norm,
    "RMSNormalization": rms_norm,
    "LRN": local_response_norm,
    "Dropout": dropout,
}
