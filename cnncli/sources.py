"""SOURCE on the command line: a built-in network, a net.yaml, or a run folder; each becomes a `Network`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from cnncli.errors import DataError, RequestError
from cnncli.layers import Shape, dims
from cnncli.models import adaptations, edition, models, network
from cnncli.network import Network
from cnncli.report import report

if TYPE_CHECKING:
    from cnncli.netfile import Written


class Loaded(NamedTuple):
    """A network, what had to be adapted to its input (`fc1 6,400 → 256 inputs at 96×96`), and remarks: row → figure → words."""

    network: Network
    adapted: tuple[str, ...] = ()
    remarks: Mapping[str, Mapping[str, str]] = MappingProxyType({})


def load(
    source: str,
    *,
    input: Shape | None = None,
    arguments: Mapping[str, object] | None = None,
    strict: bool = False,
) -> Loaded:
    """The network that `source` names, at the input shape C×H×W; `strict` refuses to adapt it.

    Raises `UnknownName`, `RequestError` or `DataError`.
    """
    name, own = source, dict(arguments or {})
    if "input" in own:
        raise RequestError("input is an option, not an argument of the network; write --input CxHxW")
    if Path(source).suffix.lower() in {".yaml", ".yml"}:
        return _of_file(Path(source), input, own, strict=strict)
    if _is_a_run(source):
        return Loaded(_of_run(Path(source), input, own))
    found = network(name, input=input, **own)
    adapted = tuple(adaptations(name, input, own)) if input or "classes" in own else ()
    if strict and adapted:
        raise RequestError(f"{name}: {adapted[0]}; leave --strict out to adapt it, or write --input {_made_for(name)}")
    return Loaded(found, adapted, {} if adapted else edition(name)[2].remarks)


def _made_for(name: str) -> str:
    return "x".join(map(str, edition(name)[2].input))


def _of_file(file: Path, input: Shape | None, arguments: Mapping[str, object], *, strict: bool) -> Loaded:
    """The network in a net.yaml; its numbers are the file's, its input may be another of as many axes."""
    from cnncli.netfile import read
    from cnncli.solve import at

    written = read(file)
    place, found = written.document.place, replace(written.network, origin=written.where)
    for key in arguments:
        flag = "--classes" if key == "classes" else f"{key}="
        raise RequestError(f"{place}: {flag} means nothing to a file; write the number in it{_last(written)}")
    if input is None:
        return Loaded(found)
    tensors = list(found.inputs.values())
    if len(tensors) > 1:
        raise RequestError(
            f"{place}: --input gives one shape, the network takes {len(tensors)}; change them in the file"
        )
    if len(input) != len(tensors[0].shape):
        raise RequestError(f"{place}: the network takes an input like {dims(tensors[0].shape)}, not {dims(input)}")
    given = at(found, input)
    adapted = tuple(_differences(found, given, f"at {dims(input)}"))
    if strict and adapted:
        raise RequestError(f"{place}: {adapted[0]}; leave --strict out to adapt it, or leave --input out")
    return Loaded(given, adapted)


def _last(written: Written) -> str:
    """Where the last layer with a width stands: `, fc3 on line 18`."""
    wide = [node.name for node in written.network.nodes if {"out_features", "out_channels"} & set(node.layer.config)]
    return f", {wide[-1]} on line {written.where(wide[-1], 'out_features').rpartition(':')[2]}" if wide else ""


def _differences(usual: Network, given: Network, why: str) -> Iterator[str]:
    """Which arguments that the file leaves open are others at another input: `fc1 in_features 400 → 256 at 1×24×24`."""
    before = {row.name: row.layer.config for row in report(usual).rows}
    for row in report(given).rows:
        for name, value in row.layer.config.items():
            old = before.get(row.name, {}).get(name, value)
            if old != value:
                yield f"{row.name} {name} {old} → {value} {why}"


def _is_a_run(source: str) -> bool:
    if "/" in source or "\\" in source:
        return True
    return Path(source).is_dir() and source.partition("@")[0] not in models()


def _of_run(folder: Path, input: Shape | None, own: Mapping[str, object]) -> Network:
    """The network of a run folder: as its recipe has it, for the classes and the images of its data."""
    from cnncli.datasets import dataset
    from cnncli.recipe import input_size
    from cnncli.recipe import load as load_recipe
    from cnncli.trained import network_for

    recipe = folder / "recipe.yaml"
    if not recipe.is_file():
        raise DataError(f"{folder} is no run folder: it holds no recipe.yaml; name a network, or a folder below runs/")
    found = load_recipe(str(recipe))
    classes = own.get("classes", len(dataset(found.data.name).classes))
    if not isinstance(classes, int):
        raise RequestError(f"classes takes a whole number, not {classes!r}")
    arguments = {**found.model.arguments, **{key: value for key, value in own.items() if key != "classes"}}
    return network_for(found.model.name, input or input_size(found), arguments, classes)
