"""Torch's functions by name, and what is known about each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from math import prod
from types import FunctionType
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


METADATA = _names(
    """
    shape size dim ndim ndimension numel nelement stride storage_offset element_size dtype device layout
    requires_grad requires_grad_ grad_fn grad is_leaf names get_device data_ptr untyped_storage storage has_names
    retains_grad item tolist __len__ __bool__ __int__ __float__ __index__ __complex__ __contains__ __format__
    __repr__ __hash__ __array__ numpy set_grad_enabled can_cast promote_types result_type equal allclose
    is_same_size register_hook retain_grad backward itemsize assert version nbytes output_nr
    """
)
"""What asks about a tensor, and makes none."""

READING = _names(
    "item tolist __bool__ __int__ __float__ __index__ __complex__ __array__ numpy equal allclose is_nonzero"
)
"""What takes numbers out of a tensor: what a module does next may depend on them."""
SIZED = _names("nonzero argwhere unique unique_consecutive masked_select bincount histc torchvision.nms")
"""What makes as many numbers as there are of some kind in a tensor."""

ELEMENTWISE = _names(
    """
    add sub rsub mul div neg pow rpow exp exp2 expm1 log log2 log10 log1p sqrt rsqrt square reciprocal abs absolute
    sign sgn floor ceil round trunc frac sin cos tan asin acos atan atan2 arctan2 sinh cosh tanh sigmoid logit erf
    erfc erfinv clamp clip clamp_min clamp_max minimum maximum fmin fmax where masked_fill lerp addcmul addcdiv eq
    ne lt le gt ge logical_and logical_or logical_not logical_xor bitwise_and bitwise_or bitwise_not bitwise_xor
    isnan isinf isfinite nan_to_num remainder fmod floor_divide floordiv mod and or xor invert not relu relu6
    hardtanh leaky_relu rrelu elu selu celu gelu silu mish hardswish hardsigmoid logsigmoid log_sigmoid softplus
    softsign tanhshrink softshrink hardshrink threshold to float double half bfloat16 int long short bool type
    type_as clone zeros_like ones_like full_like rand_like randn_like empty_like dropout alpha_dropout
    feature_dropout feature_alpha_dropout dropout1d dropout2d dropout3d bernoulli zero fill copy fill_ angle hypot
    xlogy true_divide subtract multiply divide negative positive sinc deg2rad rad2deg heaviside float_power ldexp
    logaddexp logaddexp2 conj resolve_conj resolve_neg real imag uniform normal masked_scatter put truediv to_copy
    nextafter copysign fake_quantize_per_tensor_affine fake_quantize_per_channel_affine quantize_per_tensor
    quantize_per_channel dequantize int_repr quantized.add quantized.add_relu quantized.mul quantized.mul_relu
    quantized.add_scalar quantized.mul_scalar quantized.hardswish quantized.leaky_relu quantized.sigmoid
    """
)
"""One number out of those at the same place; nothing is multiplied and added up."""

REDUCTIONS = _names(
    """
    mean sum amax amin max min prod logsumexp nansum nanmean any all argmax argmin std var norm vector_norm
    linalg_vector_norm std_mean var_mean median nanmedian mode count_nonzero aminmax cumsum cumprod cummax cummin
    logcumsumexp norm_except_dim frobenius_norm nuclear_norm renorm histc fused_moving_avg_obs_fake_quant
    """
)
"""Sums, means and extremes."""

MOVES = _names(
    """
    cat concat concatenate stack hstack vstack dstack column_stack roll flip fliplr flipud rot90 gather scatter
    scatter_add index_select index_add index_copy index_fill index_put take take_along_dim getitem setitem repeat
    repeat_interleave tile pad constant_pad_nd pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle
    unfold fold im2col col2im one_hot meshgrid tril triu diag diagonal diag_embed sort argsort topk kthvalue unique
    searchsorted bucketize masked_select nonzero block_diag cartesian_prod combinations broadcast_tensors
    tensor_split new_tensor new_zeros new_ones new_full new_empty view_as_complex view_as_real complex polar
    split_with_sizes scatter_reduce as_strided expand broadcast_to select narrow reshape view flatten permute
    transpose embedding embedding_bag movedim unflatten ravel
    squeeze unsqueeze view_as reshape_as contiguous detach alias data unsafe_view atleast_1d atleast_2d atleast_3d expand_as
    pack_padded_sequence pad_packed_sequence slice index zeros ones full empty quantized.cat
    split chunk unsafe_chunk unsafe_split unbind t T mT H mH swapaxes swapdims moveaxis adjoint matrix_H hsplit vsplit dsplit
    """
)
"""What moves numbers about."""

WINDOWS = _names(
    """
    max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d lp_pool1d lp_pool2d lp_pool3d
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d
    adaptive_max_pool3d max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices
    fractional_max_pool2d fractional_max_pool3d max_unpool1d max_unpool2d max_unpool3d interpolate upsample
    upsample_nearest upsample_bilinear batch_norm instance_norm group_norm layer_norm rms_norm local_response_norm
    normalize softmax log_softmax softmin gumbel_softmax glu prelu adaptive_max_pool1d_with_indices
    adaptive_max_pool2d_with_indices adaptive_max_pool3d_with_indices grid_sample grid_sampler grid_sampler_2d
    grid_sampler_3d native_batch_norm native_batch_norm_legit native_batch_norm_legit_no_training native_layer_norm
    native_group_norm torchvision.roi_align torchvision.roi_pool torchvision.ps_roi_align torchvision.ps_roi_pool
    torchvision.nms
    """
)
"""Pooling, normalisation, resizing, sampling, softmax, the choice among boxes: no MACs by convention."""

LOSSES = _names(
    """
    mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits cross_entropy
    cross_entropy_loss nll_loss nll_loss2d nll_loss_nd kl_div poisson_nll_loss gaussian_nll_loss
    hinge_embedding_loss margin_ranking_loss soft_margin_loss multilabel_margin_loss multi_margin_loss
    multilabel_soft_margin_loss cosine_embedding_loss triplet_margin_loss cosine_similarity pairwise_distance
    """
)
"""Means and sums over what is taken number by number."""

COSTLY = _names(
    """
    conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d convolution linear matmul mm bmm mv dot
    addmm addmv addbmm baddbmm einsum tensordot chain_matmul multi_dot scaled_dot_product_attention
    multi_head_attention_forward lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell inner
    vdot kron outer ger conv_tbc vmap grad grad_and_value vjp jvp
    """
)
"""What torch's flop counter counts, directly or in what it is made of."""

FREE = ELEMENTWISE | REDUCTIONS | MOVES | WINDOWS | LOSSES
"""What multiplies and accumulates nothing."""


FRESH = _names(
    """
    new_tensor new_zeros new_ones new_full new_empty zeros_like ones_like full_like empty_like rand_like randn_like
    randint_like
    """
)
"""What makes a tensor that takes sizes from another, and no numbers."""


PRICED: dict[str, Callable[..., int]] = {
    "torchvision.deform_conv2d": lambda _, weight, *__: prod(weight.shape[1:]),
    "affine_grid_generator": lambda theta, *_: theta.shape[-1],
}
"""MACs for each number that comes out, of what torch's flop counter leaves out."""


class Operation(NamedTuple):
    """One of torch's functions. name: without underscores · inplace: it overwrites its first argument · known: it is torch's own

    and called so, not somebody else's function of the same name · composed: written in Python, of other functions
    """

    name: str
    inplace: bool
    known: bool
    composed: bool

    @property
    def free(self) -> bool:
        """It multiplies and accumulates nothing."""
        return self.known and self.name in FREE

    @property
    def costly(self) -> bool:
        """Torch's flop counter knows what it costs."""
        return self.known and self.name in COSTLY

    @property
    def metadata(self) -> bool:
        """It makes no tensor."""
        return self.known and (self.name in METADATA or self.name.startswith("is_"))


_DISPATCHED = {
    getattr(functional, f"{kind}_pool{axes}d"): f"{kind}_pool{axes}d"
    for kind in ("max", "adaptive_max", "fractional_max")
    for axes in (1, 2, 3)
    if hasattr(functional, f"{kind}_pool{axes}d")
}
"""Functions that choose between two by an argument, and have no name of their own."""


@cache
def operation(function: Callable[..., Any]) -> Operation:
    """What is known about a function that was called on tensors."""
    name = _DISPATCHED.get(function) or _name(function)
    composed = isinstance(function, FunctionType)
    module = getattr(function, "__module__", None) or ""
    known = function in _DISPATCHED or not composed or module.partition(".")[0] == "torch"
    if isinstance(function, torch._ops.OpOverload | torch._ops.OpOverloadPacket):
        known = str(function).startswith(_TORCHS) or name in FREE or name in PRICED
    plain, inplace = _plain(name)
    return Operation(plain, inplace, known, composed and function not in _DISPATCHED)


def _name(function: Callable[..., Any]) -> str:
    if isinstance(function, torch._ops.OpOverload | torch._ops.OpOverloadPacket):
        full = str(function)
        return full.split(".")[1] if full.startswith(_TORCHS) else full
    name: str = getattr(function, "__name__", type(function).__name__)
    owner = getattr(function, "__self__", None)
    return getattr(owner, "__name__", name) if name in {"__get__", "__set__", "__delete__"} else name


def _plain(name: str) -> tuple[str, bool]:
    """`__iadd__` is add in place, `relu_` relu in place, `__radd__` add."""
    if not (name.startswith("__") and name.endswith("__")):
        return name.lstrip("_").rstrip("_"), name.endswith("_")
    if name in METADATA:
        return name, False
    short = name.strip("_")
    if short == "setitem":
        return short, True
    if hasattr(Tensor, f"__i{short[1:]}__") and short.startswith("i") and short not in {"invert", "index", "int"}:
        return _SAME.get(short[1:], short[1:]), True
    return _SAME.get(short, short), False


_TORCHS = ("aten.", "prims.")
_SAME = {
    "radd": "add",
    "rmul": "mul",
    "truediv": "div",
    "rdiv": "div",
    "rtruediv": "div",
    "rmatmul": "matmul",
    "concat": "cat",
    "concatenate": "cat",
}


@contextmanager
def unasked() -> Iterator[None]:
    """While entered, functions of torch.nn.functional do not ask whether someone else wants to handle them."""
    names = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
    asked = {name: getattr(functional, name) for name in names}
    for name in names:
        setattr(functional, name, _never)
    try:
        yield
    finally:
        for name, function in asked.items():
            setattr(functional, name, function)


def _never(*_: object) -> bool:
    return False
