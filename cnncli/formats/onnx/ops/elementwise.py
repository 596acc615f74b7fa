"""Activations, sums, products and reductions; and which operations multiply and accumulate nothing."""

from __future__ import annotations

from collections.abc import Callable
from math import isclose
from typing import Any

from cnncli.formats.onnx.values import Op, Said, Value
from cnncli.layers import Layer, Saved
from cnncli.layers.activation import (
    CELU,
    ELU,
    GELU,
    SELU,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    Identity,
    LeakyReLU,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from cnncli.layers.merge import Add, Concat, Mul
from cnncli.layers.traced import Reduce


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ELEMENTWISE = _words(
    """
    Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu Clip
    Cos Cosh DequantizeLinear Div DynamicQuantizeLinear Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish
    Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow QuantizeLinear Reciprocal
    Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor Bernoulli
    RandomNormalLike RandomUniformLike EyeLike Dropout
    """
)
"""One number out of those at the same place."""
FREE = ELEMENTWISE | _words(
    """
    ArgMax ArgMin AveragePool BatchNormalization BitCast BlackmanWindow CenterCropPad Col2Im Compress Concat
    ConcatFromSequence Constant ConstantOfShape CumProd CumSum DepthToSpace Expand Flatten Gather GatherElements GatherND
    GlobalAveragePool GlobalLpPool GlobalMaxPool GroupNormalization HammingWindow HannWindow Hardmax InstanceNormalization LRN
    LayerNormalization LogSoftmax LpNormalization LpPool MaxPool MaxRoiPool MaxUnpool MeanVarianceNormalization Multinomial
    NegativeLogLikelihoodLoss NonZero OneHot Optional OptionalGetElement OptionalHasElement Pad RMSNormalization RandomNormal
    RandomUniform Range ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare RegexFullMatch Reshape Resize ReverseSequence Scatter ScatterElements ScatterND SequenceAt
    SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength Shape Size Slice Softmax
    SoftmaxCrossEntropyLoss SpaceToDepth Split SplitToSequence Squeeze StringConcat StringNormalizer StringSplit TensorScatter
    TfIdfVectorizer Tile TopK Transpose Trilu Unique Unsqueeze Upsample
    """
)
"""What multiplies and accumulates nothing by the contract: normalising, pooling and moving about are not MACs."""

KEEPS: dict[str, Saved] = {
    **dict.fromkeys(("Div", "Min", "Max", "Pow", "Mod"), Saved(inputs=(0, 1))),
    **dict.fromkeys(("Exp", "Sqrt", "Reciprocal"), Saved(output=True)),
    **dict.fromkeys(
        ("Erf", "Log", "Sin", "Cos", "Abs", "Softsign", "HardSigmoid", "Clip", "Swish"), Saved(inputs=(0,))
    ),
}
"""What autograd would keep of those that no spec describes; of the others (sums, comparisons, rounding) nothing."""

PLAIN: dict[str, Callable[[Op], Layer]] = {
    "Relu": lambda _: ReLU(),
    "Sigmoid": lambda _: Sigmoid(),
    "Tanh": lambda _: Tanh(),
    "HardSwish": lambda _: Hardswish(),
    "Mish": lambda _: Mish(),
    "Softplus": lambda _: Softplus(),
    "Selu": lambda _: SELU(),
    "Identity": lambda _: Identity(),
    "Elu": lambda op: ELU(alpha=op.number("alpha", 1.0)),
    "Celu": lambda op: CELU(alpha=op.number("alpha", 1.0)),
    "LeakyRelu": lambda op: LeakyReLU(negative_slope=op.number("alpha", 0.01)),
    "Gelu": lambda op: GELU(approximate=op.word("approximate", "none")),
}
"""Activations of one input."""


def _plain(make: Callable[[Op], Layer]) -> Callable[[Op], Said]:
    return lambda op: Said(make(op), (op.x,))


def hard_sigmoid(op: Op) -> Said | None:
    """Torch's slope is a sixth."""
    sixth = isclose(op.attributes.get("alpha", 0.2), 1 / 6, rel_tol=1e-5) and op.attributes.get("beta", 0.5) == 0.5
    return Said(Hardsigmoid(), (op.x,)) if sixth else None


def swish(op: Op) -> Said | None:
    """SiLU where it is not scaled."""
    return Said(SiLU(), (op.x,)) if op.attributes.get("alpha", 1.0) == 1 else None


def clip(op: Op) -> Said | None:
    """Between two limits: ReLU and ReLU6 by their names."""
    low, high = op.values(1, "min"), op.values(2, "max")
    if (low, high) == (0, None):
        return Said(ReLU(), (op.x,))
    if (low, high) == (0, 6):
        return Said(ReLU6(), (op.x,))
    return None if low is None or high is None else Said(Hardtanh(min_val=float(low), max_val=float(high)), (op.x,))


def prelu(op: Op) -> Said | None:
    """One learned slope, or one for each channel."""
    slope = op.constant(1)
    channels = op.x.seen.tensor.shape[:1]
    return (
        Said(PReLU(num_parameters=slope.numel), (op.x,), {"weight": slope})
        if (slope.numel,) in {(1,), channels}
        else None
    )


def _softmax(kind: type[Softmax]) -> Callable[[Op], Said | None]:
    def softmax(op: Op) -> Said | None:
        rank = len(op.x.shape)
        axis = op.attributes.get("axis", 1 if op.version < 13 else -1) % rank
        if op.version < 13 and any(size != 1 for size in op.x.shape[axis + 1 :]):
            return None  # all axes from this one on together
        return Said(kind(dim=op.x.seen.dim_of_example(axis)), (op.x,))

    return softmax


def _meet(kind: type[Layer]) -> Callable[[Op], Said | None]:
    def meet(op: Op) -> Said | None:
        values = tuple(value for value in op.inputs if value is not None)
        fits = len(values) > 1 and all(value.flows or value.learned for value in values)
        return Said(kind(), values) if fits else None

    return meet


def concat(op: Op) -> Said | None:
    """Side by side, where that is not along the batch."""
    values = tuple(value for value in op.inputs if value is not None)
    flowing = next(value for value in values if value.flows)
    return Said(Concat(dim=flowing.seen.dim_of_example(op.attributes["axis"])), values)


def _reduce(name: str, dtype: str | None = None) -> Callable[[Op], Said | None]:
    def reduce(op: Op) -> Said | None:
        axes: Any = op.values(1, "axes", ()) if dtype is None else [op.attributes.get("axis", 0)]
        if not axes and op.attributes.get("noop_with_empty_axes"):
            return Said(None, (op.x,))
        dims = tuple(sorted(op.x.seen.dim_of_example(axis) for axis in axes or range(len(op.x.shape))))
        keep = bool(op.attributes.get("keepdims", 1))
        return Said(Reduce(operation=name, dim=dims, keepdim=keep, dtype=dtype), (op.x,))

    return reduce


def cast(op: Op) -> Said | None:
    """Nothing, where the numbers stay of their kind."""
    return Said(None, (op.x,)) if op.makes().tensor.dtype == op.x.dtype else None


def matters(value: Value) -> bool:
    """Whether an operand is worth naming: it flows, or is more than a single number."""
    return value.flows or value.numel > 1


OPS: dict[str, Callable[[Op], Said | None]] = {
    **{name: _plain(make) for name, make in PLAIN.items()},
    "HardSigmoid": hard_sigmoid,
    "Swish": swish,
    "Clip": clip,
    "PRelu": prelu,
    "Softmax": _softmax(Softmax),
    "LogSoftmax": _softmax(LogSoftmax),
    "Add": _meet(Add),
    "Sum": _meet(Add),
    "Mul": _meet(Mul),
    "Concat": concat,
    "Cast": cast,
    "ReduceMean": _reduce("mean"),
    "ReduceSum": _reduce("sum"),
    "ReduceMax": _reduce("amax"),
    "ReduceMin": _reduce("amin"),
    "ReduceProd": _reduce("prod"),
    "ReduceLogSumExp": _reduce("logsumexp"),
    "ReduceL1": _reduce("l1_norm"),
    "ReduceL2": _reduce("norm"),
    "ReduceSumSquare": _reduce("sum_square"),
    "ReduceLogSum": _reduce("log_sum"),
    "ArgMax": _reduce("argmax", "int64"),
    "ArgMin": _reduce("argmin", "int64"),
}
