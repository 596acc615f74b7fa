"""Products of two tensors that both flow: matrix products, contractions, and attention on projections made elsewhere."""

from __future__ import annotations

from math import prod

from cnncli.arithmetic.formula import Formula, formula
from cnncli.arithmetic.receptive_field import Field, union
from cnncli.errors import ShapeError
from cnncli.layers import OWN, Call, Layer, Saved, Shape, Tensor, dims, spec
from cnncli.layers.traced import Measured, everything


@spec
class MatMul(Measured):
    """The matrix product of two tensors over their last axes, …×n×k and …×k×m to …×n×m (torch.matmul).

    A vector stands for a row on the left and for a column on the right. Torch's flop counter leaves out a matrix times a vector;
    here it counts like any other product.
    """

    home = OWN

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """…×n×m; raises `ShapeError` where the factors do not fit."""
        a, b = _two(inputs)
        left, right = _matrix(a.shape, column=False), _matrix(b.shape, column=True)
        front = _broadcast(left[:-2], right[:-2])
        if left[-1] != right[-2] or front is None:
            raise ShapeError(f"cannot multiply {dims(a.shape)} by {dims(b.shape)}", fix="the inner sizes must agree")
        rows = left[-2:-1] if len(a.shape) > 1 else ()
        columns = right[-1:] if len(b.shape) > 1 else ()
        batch = a.batch if a.batch is not None else b.batch
        return (Tensor((*front, *rows, *columns), a.dtype, batch),)

    def macs(self, call: Call) -> int:
        """Output elements × k."""
        return call.y.numel * call.x.shape[-1]

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """A row of the first factor and a column of the second are read in full."""
        left, right = fields
        if len(call.inputs[0].shape) < 2 or len(call.inputs[1].shape) < 2:
            return everything(fields, len(call.y.shape))
        return union([left.mixing(-1), right.mixing(-2)])

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """MACs."""
        if not call.inputs:
            return ()
        put = {"outputs": call.y.numel, "k": call.x.shape[-1]}
        return (formula("MACs", "outputs · k", self.macs(call), put, "k: the sizes that are multiplied and added up"),)

    @property
    def brief(self) -> str:
        """`matmul`."""
        return "matmul"


@spec
class Einsum(Measured):
    """A contraction of two tensors in Einstein's notation, the batch left out where both have it (torch.einsum)."""

    home = OWN

    equation: str

    def _sizes(self, inputs: tuple[Tensor, ...]) -> tuple[list[str], str, dict[str, int]]:
        left, _, result = self.equation.partition("->")
        terms = left.split(",")
        sizes: dict[str, int] = {}
        for term, tensor in zip(terms, inputs, strict=True):
            for letter, size in zip(term, tensor.shape, strict=True):
                if sizes.setdefault(letter, size) != size and 1 not in (size, sizes[letter]):
                    raise ShapeError(f"einsum {self.equation}: {letter} is {sizes[letter]:,} and {size:,}")
                sizes[letter] = max(sizes[letter], size)
        return terms, result, sizes

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The sizes of the letters behind the arrow."""
        a, b = _two(inputs)
        _, result, sizes = self._sizes(inputs)
        batch = a.batch if a.batch is not None else b.batch
        return (Tensor(tuple(sizes[letter] for letter in result), a.dtype, batch),)

    def macs(self, call: Call) -> int:
        """The product of the sizes of all letters, once those that stand in one factor alone and not in the result are added up.

        Without a letter of both factors that is added up, nothing is accumulated: 0, as torch multiplies element by element.
        """
        terms, result, sizes = self._sizes(call.inputs)
        left, right = (set(term) for term in terms)
        added = {letter for letter in left & right - set(result) if sizes[letter] > 1}
        stay = left & right | set(result)
        return prod(sizes[letter] for letter in (left | right) & stay) if added else 0

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:
        """Everything is read along the letters that are added up."""
        terms, result, _ = self._sizes(call.inputs)
        return union([_laid(field, term, result) for field, term in zip(fields, terms, strict=True)])

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """MACs, where anything is accumulated."""
        if not call.inputs or not self.macs(call):
            return ()
        terms, result, sizes = self._sizes(call.inputs)
        left, right = (set(term) for term in terms)
        letters = sorted((left | right) & (left & right | set(result)))
        return (formula("MACs", "·".join(letters), self.macs(call), {letter: sizes[letter] for letter in letters}),)

    @property
    def brief(self) -> str:
        """`einsum nij,nj->ni`."""
        return f"einsum {self.equation}"


@spec
class DotProductAttention(Layer):
    """softmax(q·kᵀ/√d)·v for queries …×L×d, keys …×S×d and values …×S×e (torch.nn.functional.scaled_dot_product_attention).

    A fourth input is a mask. With fewer heads of keys and values than of queries, each serves several (grouped queries).
    """

    kind = "attention"
    home = OWN

    dropout_p: float = 0.0
    is_causal: bool = False

    def outputs(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """…×L×e."""
        if not 3 <= len(inputs) <= 4:
            raise ShapeError(f"attention takes queries, keys and values, got {len(inputs)} inputs")
        q, k, v = inputs[:3]
        fits = min(len(each.shape) for each in (q, k, v)) > 1 and q.shape[-1] == k.shape[-1]
        if not fits or k.shape[-2] != v.shape[-2]:
            raise ShapeError(f"attention cannot pair {dims(q.shape)}, {dims(k.shape)} and {dims(v.shape)}")
        return (q.like((*q.shape[:-1], v.shape[-1])),)

    def macs(self, call: Call) -> int:
        """For every pair of a query and a key, d to compare them and e to weigh the value; a causal mask saves none."""
        q, k, v = call.inputs[:3]
        return prod(q.shape[:-1]) * k.shape[-2] * (q.shape[-1] + v.shape[-1])

    def field(self, fields: tuple[Field, ...], call: Call) -> Field | None:  # noqa: ARG002
        """A query's place sees what all keys see."""
        q, k, v, *mask = fields
        shown = [field.mixing(-1) for field in mask]
        return union([q.mixing(-1), k.mixing(-1).mixing(-2), v.mixing(-2), *shown])

    def kept(self, call: Call) -> Saved:
        """Queries, keys, values, the result, and for each query what softmax was divided by (float32)."""
        q = call.x
        if self.dropout_p:  # step by step: the attention after softmax, after dropout, and its mask besides
            pairs = prod(q.shape[:-1]) * call.inputs[1].shape[-2]
            return Saved(inputs=(2,), per_example=(2 * q.numel + 3 * pairs) * q.nbytes // q.numel)
        return Saved(inputs=(0, 1, 2), output=True, per_example=4 * prod(q.shape[:-1]))

    def formulas(self, call: Call) -> tuple[Formula, ...]:
        """MACs."""
        if not call.inputs:
            return ()
        q, k, v = call.inputs[:3]
        put = {"L": q.shape[-2], "S": k.shape[-2], "d": q.shape[-1], "e": v.shape[-1], "h": prod(q.shape[:-2])}
        note = "h heads compare L queries with S keys and weigh S values"
        return (formula("MACs", "h · L·S·(d + e)", self.macs(call), put, note),)

    @property
    def brief(self) -> str:
        """`attention`."""
        return "attention causal" if self.is_causal else self.kind


def _laid(field: Field, term: str, result: str) -> Field:
    """The field of a factor with an axis for each letter of the result, in its order; everything is seen along all others."""
    for axis in reversed(range(len(term))):
        if term[axis] not in result:
            field = field.mixing(axis).dropped(axis)
    letters = [letter for letter in term if letter in result]
    for letter in result:
        if letter not in letters:
            letters.append(letter)
            field = field.inserted(-1)
    return field.permuted([letters.index(letter) for letter in result])


def _two(inputs: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    if len(inputs) != 2:
        raise ShapeError(f"a product takes two inputs, got {len(inputs)}")
    if not inputs[0].shape or not inputs[1].shape:
        raise ShapeError("a product takes vectors or matrices, one of the inputs is a single number")
    return inputs[0], inputs[1]


def _matrix(shape: Shape, *, column: bool) -> Shape:
    if len(shape) > 1:
        return shape
    return (*shape, 1) if column else (1, *shape)


def _broadcast(left: Shape, right: Shape) -> Shape | None:
    """The sizes that both broadcast to, the last ones first; None where they cannot."""
    rank = max(len(left), len(right))
    pairs = list(zip((1,) * (rank - len(left)) + left, (1,) * (rank - len(right)) + right, strict=True))
    return tuple(map(max, pairs)) if all(1 in pair or pair[0] == pair[1] for pair in pairs) else None
