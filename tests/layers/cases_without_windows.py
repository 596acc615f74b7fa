"""Random cases of all other layers."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.layers.draws import Draw, Drawn, any_shape, number, read_channels, some_of


def linear(draw: Draw) -> Drawn:
    """Linear layers over the last of one to four axes."""
    shape = any_shape(draw, 0 if draw.wild else 1)
    width = shape[-1] if shape else 1
    arguments = {"out_features": number(draw, 1, 6), **read_channels(draw, "in_features", width)}
    return arguments | some_of(draw, bias=st.booleans()), [shape]


def channel_norm(draw: Draw, axes: tuple[int, ...]) -> Drawn:
    """Batch and instance normalisation of inputs with one of `axes` spatial axes."""
    many = draw(st.sampled_from([*axes, 4] if draw.wild else axes))
    shape = (draw(st.integers(1, 5)), *(draw(st.integers(1, 4)) for _ in range(many)))
    arguments = read_channels(draw, "num_features", shape[0])
    options = {"momentum": st.sampled_from([0.1, None]), "affine": st.booleans(), "track_running_stats": st.booleans()}
    return arguments | some_of(draw, **options), [shape]


def group_norm(draw: Draw) -> Drawn:
    """Group normalisation."""
    groups = draw(st.integers(1, 3))
    channels = groups * draw(st.integers(1, 3))
    shape = (channels, *any_shape(draw, 1, 3))  # a vector with as many groups as numbers has no variance to divide by
    if draw.wild and draw(st.integers(0, 2)) == 0:
        groups = draw(st.integers(-1, 4))
    arguments = {"num_groups": groups, **read_channels(draw, "num_channels", channels)}
    return arguments | some_of(draw, affine=st.booleans()), [shape]


def layer_norm(draw: Draw) -> Drawn:
    """Layer normalisation."""
    shape = any_shape(draw, 1)
    last = draw(st.integers(1, len(shape)))
    wanted: Any = shape[-last:]
    if last == 1 and draw(st.booleans()):
        wanted = shape[-1]
    if draw.wild and draw(st.booleans()):
        wanted = any_shape(draw, 1)
    return {"normalized_shape": wanted} | some_of(draw, elementwise_affine=st.booleans(), bias=st.booleans()), [shape]


def response_norm(draw: Draw) -> Drawn:
    """Local response normalisation."""
    shape = any_shape(draw, 1 if draw.wild else 2)
    options = {
        "alpha": st.sampled_from([1e-4, 0.5]),
        "beta": st.sampled_from([0.75, 1.0, 2.0]),
        "k": st.sampled_from([1.0, 2.0]),
    }
    return {"size": number(draw, 1, 5)} | some_of(draw, **options), [shape]


def in_place(draw: Draw, **options: st.SearchStrategy[Any]) -> Drawn:
    """Activations that may work in place."""
    return some_of(draw, inplace=st.booleans(), **options), [any_shape(draw)]


def plain(draw: Draw, **options: st.SearchStrategy[Any]) -> Drawn:
    """Activations that may not."""
    return some_of(draw, **options), [any_shape(draw)]


def hardtanh(draw: Draw) -> Drawn:
    """Hardtanh with a range."""
    low = st.sampled_from([-2.0, -1.0, 1.0, 2.0] if draw.wild else [-2.0, -0.5])
    return in_place(draw, min_val=low, max_val=st.sampled_from([0.5, 1.0, 3.0]))


def prelu(draw: Draw) -> Drawn:
    """PReLU with one slope or one a channel."""
    shape = any_shape(draw)
    number = draw(st.sampled_from([1, shape[0] if shape else 1, *([0, 2, 3] if draw.wild else [])]))
    return {"num_parameters": number} | some_of(draw, init=st.sampled_from([0.1, 0.5])), [shape]


def softmax(draw: Draw) -> Drawn:
    """Softmax along any axis."""
    shape = any_shape(draw, 1)
    dims = [place for place in range(-len(shape), len(shape) + 1) if place]
    return {"dim": draw(st.sampled_from([*dims, 7, -7] if draw.wild else dims))}, [shape]


def drop(draw: Draw, *, rank: int | None = None) -> Drawn:
    """Dropout of numbers or channels."""
    p = st.sampled_from([0.0, 0.2, 0.5, 1.0, *([-0.1, 1.5] if draw.wild else [])])
    shape = any_shape(draw) if rank is None else any_shape(draw, rank, rank)
    return some_of(draw, p=p, inplace=st.booleans()), [shape]


def stochastic(draw: Draw) -> Drawn:
    """Stochastic depth."""
    p = st.sampled_from([0.0, 0.2, 1.0, *([-0.1, 1.5] if draw.wild else [])])
    mode = st.sampled_from(["row", "batch", *(["column"] if draw.wild else [])])
    return {"p": draw(p), "mode": draw(mode)}, [any_shape(draw, 1)]


def flatten(draw: Draw) -> Drawn:
    """Flattening some axes."""
    shape = any_shape(draw, 1)
    first, last = sorted(draw(st.tuples(*[st.integers(1, len(shape))] * 2)))
    if draw.wild:
        first, last = draw(st.tuples(*[st.integers(-5, 5)] * 2))
        first = first or 1
    return draw(st.sampled_from([{"start_dim": first, "end_dim": last}, {}])), [shape]


def unflatten(draw: Draw) -> Drawn:
    """Splitting an axis."""
    sizes = list(any_shape(draw, 1, 3))
    total = 1
    for size in sizes:
        total *= size
    lead, tail = any_shape(draw, 0, 2), any_shape(draw, 0, 2)
    if draw(st.booleans()):
        sizes[draw(st.integers(0, len(sizes) - 1))] = -1
    if draw.wild and draw(st.booleans()):
        sizes[0] = draw(st.integers(-2, 4))
    shape = (*lead, total, *tail)
    dim = draw(st.sampled_from([len(lead) + 1, len(lead) - len(shape)]))
    return {"dim": 9 if draw.wild and draw(st.integers(0, 5)) == 0 else dim, "unflattened_size": tuple(sizes)}, [shape]


def reshape(draw: Draw) -> Drawn:
    """Other shapes of as many numbers."""
    factors = draw(st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=5))

    def grouped() -> list[int]:
        sizes = [1]
        for factor in draw(st.permutations(factors)):
            if draw(st.booleans()) or sizes[-1] * factor > 12:
                sizes.append(1)
            sizes[-1] *= factor
        return sizes

    shape, wanted = grouped(), grouped()
    if draw(st.booleans()):
        wanted[draw(st.integers(0, len(wanted) - 1))] = -1
    if draw.wild and draw(st.booleans()):
        wanted[-1] = draw(st.integers(-2, 4))
    return {"shape": tuple(wanted)}, [tuple(shape)]


def permute(draw: Draw) -> Drawn:
    """Other orders of the axes."""
    shape = any_shape(draw, 1)
    order = [0, *draw(st.permutations(range(1, len(shape) + 1)))]
    if draw(st.booleans()):
        order[-1] -= len(order)
    if draw.wild and draw(st.booleans()):
        order[draw(st.integers(1, len(order) - 1))] = draw(st.integers(-5, 5))
    return {"dims": tuple(order)}, [shape]


def part(draw: Draw) -> Drawn:
    """Parts of an axis, counted from either end."""
    shape = any_shape(draw, 1, size=7)
    dim = draw(st.integers(1, len(shape)))
    size = shape[dim - 1]
    start = draw(st.integers(-size, size - 1))
    stop = draw(st.one_of(st.none(), st.integers(start % size + 1, size + 2)))
    if draw.wild:
        start, stop = draw(st.tuples(st.integers(-9, 9), st.one_of(st.none(), st.integers(-9, 9))))
    return {"dim": draw(st.sampled_from([dim, dim - len(shape) - 1])), "start": start, "stop": stop}, [shape]


def shuffle(draw: Draw) -> Drawn:
    """Channel shuffles."""
    groups = draw(st.integers(1, 3))
    channels = groups * draw(st.integers(1, 3))
    shape = (channels, *any_shape(draw, 0 if draw.wild else 1, 3))
    return {"groups": number(draw, 1, 4) if draw.wild else groups}, [shape]


def concat(draw: Draw) -> Drawn:
    """Several inputs that differ along one axis."""
    shape = any_shape(draw, 1)
    dim = draw(st.integers(1, len(shape)))
    shapes = []
    for _ in range(draw(st.integers(1, 4))):
        other = list(shape)
        other[dim - 1] = draw(st.integers(1, 4))
        if draw.wild and draw(st.integers(0, 5)) == 0:
            other[-1] += 1
        shapes.append(tuple(other))
    if draw.wild and draw(st.integers(0, 4)) == 0:
        dim = draw(st.sampled_from([6, -7]))
    return (
        {} if dim == 1 else {"dim": draw(st.sampled_from([dim, dim - len(shape) - 1])) if abs(dim) < 6 else dim}
    ), shapes


def elementwise(draw: Draw, *, inplace: bool) -> Drawn:
    """Several inputs that broadcast."""
    shape = any_shape(draw, 1)
    shapes = []
    for _ in range(draw(st.integers(2, 4))):
        other = tuple(draw(st.sampled_from([size, 1])) for size in shape)
        if draw.wild and draw(st.integers(0, 5)) == 0:
            other = tuple(draw(st.integers(1, 5)) for _ in shape)
        shapes.append(other)
    if inplace and not draw.wild:
        shapes[0] = shape
    return some_of(draw, inplace=st.booleans()) if inplace else {}, shapes


def attention(draw: Draw) -> Drawn:
    """Self-attention."""
    heads = draw(st.integers(1, 3))
    width = heads * draw(st.integers(1, 4))
    shape = (draw(st.integers(1, 6)), width)
    if draw.wild and draw(st.integers(0, 2)) == 0:
        heads = draw(st.integers(1, 5))
    arguments = {"num_heads": heads, **read_channels(draw, "embed_dim", width)}
    return arguments | some_of(draw, bias=st.booleans(), dropout=st.sampled_from([0.0, 0.1])), [shape]


def rbf(draw: Draw) -> Drawn:
    """Distances to bitmaps."""
    width = draw(st.sampled_from([84, 83, 10])) if draw.wild else 84
    return {**read_channels(draw, "in_features", 84), **_rbf_more(draw)}, [(width,)]


def _rbf_more(draw: Draw) -> dict[str, Any]:
    return some_of(draw, out_features=st.integers(1 - draw.wild, 26), negative=st.booleans())
