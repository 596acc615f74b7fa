"""Where a recipe gets its network from: a built-in one by its name, or a net.yaml by its path. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnncli.errors import DataError, RequestError
from cnncli.layers import Shape, dims
from cnncli.models import edition, model, models, network
from cnncli.network import Network
from cnncli.report import report


def is_file(name: str) -> bool:
    """Whether a network's name is the path of a net.yaml."""
    return Path(name).suffix.lower() in {".yaml", ".yml"}


def is_network(name: str) -> bool:
    """Whether a name is a built-in network's, or the path of a file that says it is a network."""
    return _says_network(Path(name)) if is_file(name) else name.partition("@")[0] in models()


def _says_network(file: Path) -> bool:
    """Whether the first words of the file are `kind: network`; what else is in it is looked at later."""
    try:
        with file.open("rb") as opened:
            lines = opened.read(10_000).decode("utf-8", "replace").splitlines()
    except OSError:
        return False
    words = [line.split("#")[0].split() for line in lines]
    return next((found for found in words if found), []) == ["kind:", "network"]


def arguments_of(name: str) -> list[str]:
    """The arguments that a recipe may give the network, its number of classes left out; raises `RequestError`."""
    return [] if is_file(name) else [key for key in edition(name)[2].arguments if key != "classes"]


def usual_input(name: str) -> Shape:
    """C×H×W that the network is made for; raises `RequestError`, and `DataError` for a file that cannot be read."""
    if not is_file(name):
        return edition(name)[2].input
    tensors = list(_written(name).inputs.values())
    if len(tensors) != 1 or len(tensors[0].shape) != 3:
        shapes = " and ".join(dims(tensor.shape) for tensor in tensors)
        raise RequestError(f"{name}: only a network of one image C×H×W can be trained, its input is {shapes}")
    return tensors[0].shape


def network_for(name: str, input: Shape | None, arguments: Mapping[str, Any], classes: int) -> Network:
    """The network to train, one output for each of `classes`; raises `RequestError`, `DataError` as above.

    A file's numbers are its own: another number of outputs is refused, not adapted.
    """
    if not is_file(name):
        return network(name, input=input, **{**arguments, "classes": classes})
    from cnncli.solve import at

    written = _written(name)
    found = at(written, input) if input else written
    rows = report(found).rows
    last = rows[-1].call.y.shape if rows and rows[-1].name == found.nodes[-1].name else (classes,)
    if len(found.outputs) != 1 or last != (classes,):
        raise RequestError(
            f"{name}: its output is {dims(last)}, the data have {classes} classes; make the last layer {classes} wide"
        )
    return found


def title_of(name: str) -> str:
    """What the network is called in a heading: `LeNet`, `LeNet (classic)`, a file's own name."""
    if is_file(name):
        return _written(name).name
    own, chosen, _ = edition(name)
    return model(own).title + ("" if chosen == model(own).default else f" ({chosen})")


def _written(name: str) -> Network:
    from cnncli.sources import Request, load

    file = Path(name)
    if not file.is_file():
        raise DataError(f"{name}: there is no such file; a network of one's own is a net.yaml")
    return load(Request(name)).network
