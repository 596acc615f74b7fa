"""Attention."""

from __future__ import annotations

from typing import Any

import torch

from cnncli.layers.attention import MultiheadAttention
from cnncli.layers.product import DotProductAttention
from cnncli.tracing.said import Reader, Said, weights


def scaled_dot_product_attention(
    reader: Reader,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    **_: object,
) -> Said:
    """Queries, keys and values; a mask only where it depends on the input or is learned."""
    masks = (
        (attn_mask,) if attn_mask is not None and (not reader.constant(attn_mask) or reader.learned(attn_mask)) else ()
    )
    return Said(DotProductAttention(dropout_p=dropout_p, is_causal=is_causal), (query, key, value, *masks))


def multi_head_attention_forward(
    reader: Reader,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: torch.Tensor | None,
    in_proj_bias: torch.Tensor | None,
    bias_k: torch.Tensor | None,
    bias_v: torch.Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: torch.Tensor,
    out_proj_bias: torch.Tensor | None,
    need_weights: bool = True,
    **named: Any,
) -> Said | None:
    """Self-attention without masks as one row; all else as the parts it is made of."""
    alike = query is key and key is value and query.dim() == 3
    masked = named.get("attn_mask") is not None or named.get("key_padding_mask") is not None
    apart = bias_k is not None or bias_v is not None or add_zero_attn or in_proj_weight is None
    static = named.get("static_k") is not None or named.get("static_v") is not None
    if not alike or masked or apart or static or need_weights or (in_proj_bias is None) != (out_proj_bias is None):
        return None
    layer = MultiheadAttention(
        embed_dim=embed_dim_to_check, num_heads=num_heads, dropout=dropout_p, bias=in_proj_bias is not None
    )
    projections = {"out_proj.weight": out_proj_weight} | (
        {} if out_proj_bias is None else {"out_proj.bias": out_proj_bias}
    )
    return Said(layer, (query,), weights(in_proj_weight=in_proj_weight, in_proj_bias=in_proj_bias) | projections)


CALLS = {
    "scaled_dot_product_attention": scaled_dot_product_attention,
    "multi_head_attention_forward": multi_head_attention_forward,
}
