"""The network in a net.yaml; its numbers are the file's, its input may be another of as many axes. Free of torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cnncli.analysis.report import report
from cnncli.errors import RequestError
from cnncli.layers import dims
from cnncli.network import Network
from cnncli.sources.request import Loaded, Request

if TYPE_CHECKING:
    from cnncli.formats.net_yaml import Written


def read(request: Request) -> Loaded:
    """The network as the file has it, at the input that was asked for."""
    from cnncli.analysis.solve_network import at
    from cnncli.formats.net_yaml import read as written_in

    written, shape = written_in(Path(request.source)), request.shape()
    place, found = written.document.place, replace(written.network, origin=written.where)
    request.takes_no_arguments(place, "a file", f"write the number in it{_last(written)}")
    if shape is None:
        return Loaded(found)
    tensors = list(found.inputs.values())
    if len(tensors) > 1:
        raise RequestError(
            f"{place}: --input gives one shape, the network takes {len(tensors)}; change them in the file"
        )
    if len(shape) != len(tensors[0].shape):
        raise RequestError(
            f"{place}: the network takes an input like {dims(tensors[0].shape)}, not {dims(shape) or 'a single number'}"
        )
    given = at(found, shape)
    adapted = tuple(_differences(found, given, f"at {dims(shape)}"))
    if request.strict and adapted:
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
