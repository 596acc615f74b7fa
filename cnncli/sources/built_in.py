"""A network of `cnncli/models/`: `lenet`, `alexnet@paper`. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cnncli.analysis.report import report
from cnncli.errors import RequestError, UnknownName, nearest
from cnncli.layers import Layer, Shape, dims
from cnncli.layers.parsing import channels_first, typed, without_batch
from cnncli.models import Edition, edition, models, network
from cnncli.registry import letters, same_letters, synonyms
from cnncli.sources.registered import registered
from cnncli.sources.request import Loaded, Request
from cnncli.text import truncate


def read(request: Request) -> Loaded:
    """The network, adapted to the input and the classes that were asked for."""
    name, own, shape = request.source, dict(request.arguments), request.shape()
    if "input" in own:
        raise RequestError("input is an option, not an argument of the network; write --input CxHxW")
    usual = _edition(name)[2].input
    if shape is not None and (other := _other_shape(shape, usual)):
        raise RequestError(f"{name} takes C×H×W such as {dims(usual)}, not {dims(shape)}; {other}")
    found = network(name, input=shape, **own)
    adapted = tuple(adaptations(name, shape, own)) if shape or "classes" in own else ()
    if request.strict and adapted:
        raise RequestError(f"{name}: {adapted[0]}; leave --strict out to adapt it, or write --input {typed(usual)}")
    return Loaded(found, adapted, {} if adapted else edition(name)[2].remarks)


def _other_shape(shape: Shape, usual: Shape) -> str:
    """The input that was meant by one with a batch, with the channels last, or by a height and width alone; "" for others."""
    first = channels_first(shape)
    if first and shape[0] not in {1, 3, usual[0]}:
        return f"channels come first: --input {typed(first)}"
    if len(shape) == len(usual) + 1:
        return without_batch(shape)
    if len(shape) == 2 and shape[0] in {1, 3} and shape[1] > 4 * shape[0]:
        return f"write --input {typed((*shape, shape[1]))}"
    if len(shape) in {1, 2}:
        return f"write --input {typed((usual[0], shape[0], shape[-1]))}"
    return ""


def _edition(name: str) -> tuple[str, str, Edition]:
    """As `edition` has it; raises `UnknownName` that knows more places to look."""
    try:
        return edition(name)
    except UnknownName as error:
        where, _, chosen = name.partition("@")
        if chosen and same_letters(where, models()):
            there = same_letters(where, registered("torchvision"))
            if letters(chosen) in {"torchvision", "pytorch", "torch"} and there:
                raise UnknownName(
                    "edition", chosen, (), where=f"{where}: ", cure=f"write torchvision:{there}"
                ) from None
            raise
        cure = elsewhere(where)
        if cure:
            raise UnknownName("network", truncate(name, 100), (), cure=cure) from None
        raise error from None


def elsewhere(name: str) -> str:
    """What to write for a name that no built-in network has; "" where it may be a slip of the keyboard, or is nothing known."""
    if advice := synonyms.meant(synonyms.NO_NETWORKS, name):
        return advice
    here = [f"{name}{suffix}" for suffix in (".yaml", ".py", ".onnx") if Path(f"{name}{suffix}").is_file()]
    if Path("runs", name, "recipe.yaml").is_file():
        here = [f"runs/{name}"]
    family = sorted(
        (known for known in models() if letters(known).startswith(letters(name))), key=lambda known: (len(known), known)
    )
    if here or family:
        return "write " + " or ".join((here or family)[:6])
    last = name.rpartition(".")[2]
    for library in ("torchvision", "timm"):
        if found := same_letters(last, registered(library)):
            return f"write {library}:{found}"
    if nearest(name, models()):
        return ""
    near = sorted(
        (each for each in registered("torchvision") if letters(each).startswith(letters(last))),
        key=lambda each: (len(each), each),
    )
    return (
        f"write torchvision:{near[0]}" + (f", or another of its {len(near)}" if len(near) > 1 else "")
        if near
        else _ANOTHER
    )


_ANOTHER = "cnncli models ls lists them; others are torchvision:NAME, timm:NAME, FILE.py:Class, net.yaml, net.onnx"


def adaptations(source: str, input: Shape | None, arguments: Mapping[str, object]) -> list[str]:
    """How the specs of `network(source, input=input, **arguments)` differ from the edition's, for its input and classes.

    One line a layer: `fc1 6,400 → 256 inputs at 96×96`, `fc3 10 → 26 outputs for 26 classes`. The network's own arguments
    adapt nothing: they are the network that was asked for. Raises as `network` does.
    """
    own = {key: value for key, value in arguments.items() if key != "classes"}
    usual, given = network(source, input=None, **own), network(source, input=input, **arguments)
    if usual == given:
        return []
    shape, edition_shape = given.inputs["input"].shape, usual.inputs["input"].shape
    at = f"at {dims(shape[1:] if shape[0] == edition_shape[0] else shape)}"
    before = {row.name: row.layer for row in report(usual).rows}
    changes = ((row.name, _change(before[row.name], row.layer)) for row in report(given).rows)
    reasons = {"inputs": at, "outputs": f"for {arguments.get('classes')} classes"}
    return [f"{name} {change} {reasons[change.split()[-1]]}" for name, change in changes if change]


def _change(before: Layer, after: Layer) -> str:
    """`6,400 → 256 inputs`; outputs where they changed, whether or not the inputs did; empty where nothing did."""
    old, new = before.config, after.config
    for names, what in ((("out_channels", "out_features"), "outputs"), (("in_channels", "in_features"), "inputs")):
        for name in names:
            if old.get(name) != new.get(name):
                return f"{old[name]:,} → {new[name]:,} {what}"
    return ""
