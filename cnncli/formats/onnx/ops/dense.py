"""Fully connected layers, matrix products, contractions, embeddings and attention."""

from __future__ import annotations

from cnncli.formats.onnx.values import Op, Said, Value
from cnncli.layers import Saved
from cnncli.layers.embedding import Embedding
from cnncli.layers.linear import Linear
from cnncli.layers.product import DotProductAttention, Einsum, MatMul

BOTH = Saved(inputs=(0, 1))
"""What autograd keeps of a product: each factor, for the gradient of the other."""


def gemm(op: Op) -> Said | None:
    """Gemm on a constant matrix, laid out either way."""
    matrix, bias = op.constant(1), op.get(2)
    scaled = op.attributes.get("alpha", 1.0) != 1 or (bias is not None and op.attributes.get("beta", 1.0) != 1)
    if scaled or op.attributes.get("transA"):
        return None
    outs, ins = matrix.shape if op.attributes.get("transB") else matrix.shape[::-1]
    if bias is not None and (bias.flows or bias.numel != outs):
        return None
    layer = Linear(in_features=ins, out_features=outs, bias=bias is not None)
    return Said(layer, (op.x,), {"weight": matrix} | ({"bias": bias} if bias else {}))


def matmul(op: Op) -> Said | None:
    """A product of two that flow; on a constant matrix a fully connected layer, with the bias that is added next."""
    a, b = op.inputs[0], op.inputs[1]
    if a is None or b is None:
        return None
    if not (a.flows and not b.flows and len(b.shape) == 2 and len(a.shape) > 1 and b.sources):
        return Said(MatMul(keeps=BOTH), (a, b))
    ins, outs = b.shape
    bias = _added(op, outs)
    layer = Linear(in_features=ins, out_features=outs, bias=bias is not None)
    if bias is None or op.next is None:
        return Said(layer, (a,), {"weight": b})
    return Said(layer, (a,), {"weight": b, "bias": bias}, op.next[0])


def _added(op: Op, outs: int) -> Value | None:
    """The bias that the next node adds, where it does nothing else."""
    if op.next is None or op.next[0].op_type != "Add" or op.next[0].domain:
        return None
    other = op.next[1]
    return other if other.sources and not other.flows and other.shape == (outs,) else None


def einsum(op: Op) -> Said | None:
    """A contraction of two tensors; the batch is left out of the equation where it is a letter of its own."""
    equation = op.word("equation", "").replace(" ", "")
    left, arrow, result = equation.partition("->")
    terms = left.split(",")
    if "." in equation or not arrow or len(terms) != 2 or any(len(set(term)) < len(term) for term in (*terms, result)):
        return None
    operands = tuple(value for value in op.inputs if value is not None)
    batch = set()
    for term, value in zip(terms, operands, strict=True):
        if value.seen.folded is not None:
            return None
        if value.seen.batch is not None:
            batch.add(term[value.seen.batch])
    if len(batch) > 1 or not batch <= set(result):
        return None
    gone = str.maketrans("", "", "".join(batch))
    return Said(Einsum(equation=f"{left}->{result}".translate(gone), keeps=BOTH), operands)


def gather(op: Op) -> Said | None:
    """Rows of a constant table, at places that flow."""
    table, places = op.constant(0), op.get(1)
    if places is None or not places.flows or op.attributes.get("axis", 0) or len(table.shape) != 2:
        return None
    layer = Embedding(num_embeddings=table.shape[0], embedding_dim=table.shape[1], dtype=table.dtype)
    return Said(layer, (places,), {"weight": table})


def attention(op: Op) -> Said | None:
    """Attention on queries, keys and values of one head an axis, …×L×d."""
    given = [op.get(place) for place in range(4)]
    flowing = tuple(value for value in given if value is not None)
    if len(flowing) < 3 or any(len(value.shape) != 4 for value in flowing[:3]) or not op.lone or op.get(4) is not None:
        return None
    return Said(DotProductAttention(is_causal=bool(op.attributes.get("is_causal", 0))), flowing)


OPS = {"Gemm": gemm, "MatMul": matmul, "Einsum": einsum, "Attention": attention}
TABLES = gather
"""Of a Gather that does not move what flows, but reads a table."""
