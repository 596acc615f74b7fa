"""One layer on its own: from a kind and its arguments to a resolved spec, and one use of it where an input is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields

from cnncli.errors import RequestError, ShapeError, UnknownName, nearest
from cnncli.layers import Call, Layer, Shape, Tensor, dims, layer_kind, layer_kinds, make
from cnncli.layers.parsing import channels_first, typed, without_batch
from cnncli.registry import letters, synonyms

ABBREVIATIONS = {
    "cin": ("in_channels", "in_features", "num_features", "num_channels"),
    "cout": ("out_channels", "out_features"),
    "k": ("kernel_size",),
    "pad": ("padding",),
}
"""The fields that an option sets: what goes in and comes out has another name in each family."""


def kind_of(name: str, elsewhere: Callable[[str], str] = lambda _: "") -> type[Layer]:
    """The spec called `name`, by a class of torch.nn or by another name too.

    elsewhere: what to type where the name is that of something else, or ""; raises `UnknownName`, with what to type
    """
    try:
        return layer_kind(name)
    except UnknownName:
        kinds = layer_kinds()
        by_class = {letters(spec.__name__): spec for spec in kinds.values()}
        own = name.rpartition(".")[2] if letters(name).startswith(_PACKAGES) else name
        found = (
            by_class.get(letters(own)) or kinds.get(synonyms.meant(synonyms.KINDS, own) or "") or kinds.get(own.lower())
        )
        if found:
            return found
        cure = synonyms.meant(synonyms.NO_KINDS, own) or elsewhere(name)
        if not cure and nearest(name, kinds) is None:
            cure = f"there are {len(kinds)}, as in cnncli params conv --cin 6 --cout 16 --k 5: linear, max-pool, batch-norm …"
        raise UnknownName("layer kind", name, () if cure else kinds, cure=cure) from None


_PACKAGES = ("nn", "torch", "tf", "keras", "layers", "tensorflow")
"""How a layer's name begins in a program, before its last dot."""


def positional(kind: type[Layer], values: Sequence[object]) -> dict[str, object]:
    """Arguments in torch.nn's order by their names: `6 16 5` of a convolution; raises `RequestError` for more than it has."""
    names = [field.name for field in fields(kind)]
    if "kernel_size" in names and "padding" in names:  # what follows has another order in each of torch's families
        names = names[: names.index("padding") + 1]
    if len(values) > len(names):
        takes = f"{', '.join(names)} in this order, and others by name" if names else "no arguments"
        raise RequestError(f"{kind.kind} takes {takes}; {len(values)} values are too many")
    return dict(zip(names, values, strict=False))


def field_called(kind: type[Layer], name: str) -> str:
    """The field of `kind` that `name` is, by an option's name or another program's too; `name` itself where it is none."""
    known = [field.name for field in fields(kind)]
    for candidate in (name, *synonyms.OPTIONS.get(letters(name), ())):
        for field in (candidate, *ABBREVIATIONS.get(candidate, ())):
            if field in known:
                return field
    return name


def _refuse_missing(kind: type[Layer], arguments: Mapping[str, object], *, input: bool) -> None:
    """Raise `RequestError` where what a layer must be told is not among `arguments`, with a whole line that has it."""
    known = fields(kind)
    ins = set() if input else set(ABBREVIATIONS["cin"])
    missing = [
        each.name for each in known if each.name not in arguments and (each.default is MISSING or each.name in ins)
    ]
    if not missing:
        return
    shown = {each.name: arguments.get(each.name, _EXAMPLES.get(each.name, "…")) for each in known}
    flags = {name: f"--{flag}" for flag, names in ABBREVIATIONS.items() for name in names}
    told = [
        f"{flags[name]} {_written(value)}" if name in flags else f"{name}={_written(value)}"
        for name, value in shown.items()
        if name in arguments or name in missing
    ]
    raise RequestError(f"{kind.kind} needs {' and '.join(missing)}; write cnncli params {kind.kind} {' '.join(told)}")


def _written(value: object) -> str:
    return typed(value) if isinstance(value, tuple) else str(value).lower() if isinstance(value, bool) else str(value)


_EXAMPLES: dict[str, object] = {
    "in_channels": 6,
    "out_channels": 16,
    "kernel_size": 5,
    "in_features": 400,
    "out_features": 120,
    "num_features": 64,
    "num_channels": 64,
    "num_groups": 8,
    "embed_dim": 64,
    "num_heads": 8,
    "normalized_shape": 64,
    "output_size": 1,
    "size": 5,
    "upscale_factor": 2,
    "groups": 2,
    "padding": 1,
    "shape": 400,
    "dims": "2x0x1",
    "dim": 1,
    "unflattened_size": "16x5x5",
    "table": "…",
}


def argument_name(kind: type[Layer], name: str, flag: str) -> str:
    """The field of `kind` that an option sets, `name` being its usual one; raises `RequestError` where it has none."""
    known = [field.name for field in fields(kind)]
    for candidate in ABBREVIATIONS.get(name, (name,)):
        if candidate in known:
            return candidate
    takes = f"it takes {', '.join(known)}" if known else "it takes no arguments"
    raise RequestError(f"{flag} means nothing to {kind.kind}; {takes}")


def single_layer(kind: type[Layer], arguments: Mapping[str, object], shape: Shape | None) -> tuple[Layer, Call]:
    """The layer, and its use on an input of `shape`, C×H×W or (with the channels given) H×W; without one, an empty `Call`.

    Raises `RequestError` for wrong arguments and `ShapeError` where the layer cannot take the input.
    """
    _refuse_missing(kind, arguments, input=shape is not None)
    layer = make(kind, arguments)
    channels = next((value for name in ABBREVIATIONS["cin"] if (value := getattr(layer, name, None))), None)
    if shape is None:
        return layer, Call((), ())
    inputs = (Tensor(_with_channels(layer, shape, channels)),)
    try:
        layer = layer.resolve(inputs)
        return layer, Call(inputs, layer.outputs(inputs))
    except ShapeError as error:
        raise ShapeError(
            f"{kind.kind} at {dims(shape)}: {error.reason}",
            fix=_other_shape(layer, shape, channels) or error.fix or smaller(layer, shape[1:]),
        ) from error


def _other_shape(layer: Layer, shape: Shape, channels: int | None) -> str:
    """The input that was meant by one with a batch, with the channels last or with a single side; "" for others."""
    axes: int = getattr(layer, "axes", 0)
    first = channels_first(shape)
    if axes == 2 and first and channels in {None, first[0]}:
        return f"channels come first: --input {typed(first)}"
    if axes and len(shape) == axes + 2:
        return without_batch(shape)
    if axes > 1 and len(shape) == 1:
        return f"write --input {typed((channels or 3, *shape * axes))}"
    return ""


def smaller(layer: Layer, sizes: Shape) -> str:
    """The largest kernel that fits into an input of `sizes`; "" where the layer's does."""
    windows = getattr(layer, "windows", ())
    if len(windows) != len(sizes) or all(window.fits(size) for window, size in zip(windows, sizes, strict=True)):
        return ""
    most = (
        (size + each.before + each.after - 1) // each.dilation + 1 for each, size in zip(windows, sizes, strict=True)
    )
    return f"take --k {min(most)} at most"


def _with_channels(layer: Layer, shape: Shape, channels: int | None) -> Shape:
    """H×W becomes C×H×W where the layer's channels are known; a pool counts one."""
    axes: int | None = getattr(layer, "axes", None)
    if axes is None or len(shape) != axes:
        return shape
    return (channels or 1, *shape)
