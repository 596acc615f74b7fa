"""Where a recipe gets its network from: a built-in one by its name, a library's (`torchvision:NAME`, `timm:NAME`), or a net.yaml.

Free of torch, but for a library's, which has to be run to be known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncli.analysis.report import report
from cnncli.errors import DataError, RequestError
from cnncli.layers import Shape, Tensor, dims
from cnncli.layers.activation import Identity, LogSoftmax, Softmax
from cnncli.models import edition, model, models, network
from cnncli.network import Network, source
from cnncli.sources import Loaded, Request, is_library, load, made

if TYPE_CHECKING:
    from torch import nn

_POOLS = (("max-pool", "max"), ("avg-pool", "average"), ("subsampling", "trainable"))


def is_file(name: str) -> bool:
    """Whether a network's name is the path of a net.yaml."""
    return Path(name).suffix.lower() in {".yaml", ".yml"}


def is_network(name: str) -> bool:
    """Whether a name is a built-in network's, a library's, or the path of a file that says it is a network."""
    return _says_network(Path(name)) if is_file(name) else is_library(name) or name.partition("@")[0] in models()


def _says_network(file: Path) -> bool:
    """Whether the first words of the file are `kind: network`; what else is in it is looked at later."""
    try:
        with file.open("rb") as opened:
            lines = opened.read(10_000).decode("utf-8", "replace").splitlines()
    except OSError:
        return False
    words = [line.split("#")[0].split() for line in lines]
    return next((found for found in words if found), []) == ["kind:", "network"]


def arguments_of(name: str) -> list[str] | None:
    """The arguments that a recipe may give the network, its number of classes left out; None: only its library knows them.

    Raises `RequestError`.
    """
    if is_library(name):
        return None
    return [] if is_file(name) else [key for key in edition(name)[2].arguments if key != "classes"]


def usual_input(name: str) -> Shape:
    """C×H×W that the network is made for; raises `RequestError`, and `DataError` for a file that cannot be read."""
    if not is_file(name) and not is_library(name):
        return edition(name)[2].input
    tensors = list((_written(name) if is_file(name) else _of_library(name).network).inputs.values())
    if len(tensors) != 1 or len(tensors[0].shape) != 3:
        shapes = " and ".join(dims(tensor.shape) for tensor in tensors)
        raise RequestError(f"{name}: only a network of one image C×H×W can be trained, its input is {shapes}")
    return tensors[0].shape


def network_for(name: str, input: Shape | None, arguments: Mapping[str, Any], classes: int) -> Network:
    """The network to train, one output for each of `classes`; raises `RequestError`, `DataError` as above.

    A file's numbers are its own: another number of outputs is refused, not adapted.
    """
    if is_library(name):
        return _to_train(name, input, arguments, classes)
    if not is_file(name):
        return scoring(network(name, input=input, **{**arguments, "classes": classes}))
    from cnncli.analysis.solve_network import at

    written = scoring(_written(name))
    found = at(written, input) if input else written
    return with_scores(name, found, classes, f"make the last layer {classes} wide")


def scoring(found: Network) -> Network:
    """`found` as a classifier, whose largest output wins: the distances of an RBF layer at its end become negative."""
    ends = {maker for name in found.outputs if (maker := (source(name, found.names) or (name, 0))[0])}
    nodes = tuple(
        node._replace(layer=node.layer.with_arguments(negative=True))
        if node.name in ends and node.layer.kind == "rbf"
        else node
        for node in found.nodes
    )
    return found if nodes == found.nodes else replace(found, nodes=nodes)


def with_scores(name: str, found: Network, classes: int, cure: str) -> Network:
    """`found`; raises `RequestError` where it does not give one number for each of `classes`."""
    if len(found.outputs) != 1:
        raise RequestError(f"{name}: it has {len(found.outputs)} outputs, one can be trained; {cure}")
    maker, place = source(found.outputs[0], found.names) or (found.outputs[0], 0)
    shapes = [row.call.outputs[place].shape for row in report(found).rows if row.name == maker]
    if shapes and shapes[0] != (classes,):
        raise RequestError(f"{name}: its output is {dims(shapes[0])}, the data have {classes} classes; {cure}")
    return found


def module_for(name: str, input: Shape, arguments: Mapping[str, Any], classes: int) -> nn.Module | None:
    """A library's own module with first weights, to train as the network of `network_for`; None where that is to be built.

    Draws its weights from torch's random numbers.
    """
    if not is_library(name) or _of_library(name, input, tuple(arguments.items()), classes).module is None:
        return None
    return made(Request(name, {"0": Tensor(input)}, {**arguments, "classes": classes}))


def _to_train(name: str, input: Shape | None, arguments: Mapping[str, Any], classes: int) -> Network:
    """A library's network as it is in training, when it may give more than in evaluation."""
    given = (name, input, tuple(arguments.items()), classes)
    found = _of_library(*given)
    if found.module is not None:
        found = _of_library(*given, training=True)
    return with_scores(name, found.network, classes, "an argument may set that, as in model.aux_logits=false")


@lru_cache(maxsize=8)
def _of_library(
    name: str,
    input: Shape | None = None,
    arguments: tuple[tuple[str, Any], ...] = (),
    classes: int | None = None,
    *,
    training: bool = False,
) -> Loaded:
    """What the library has under that name; raises `RequestError` where it cannot be run on such an input."""
    inputs = {} if input is None else {"0": Tensor(input)}
    given = dict(arguments) if classes is None else {**dict(arguments), "classes": classes}
    found = load(Request(name, inputs, given, training=training))
    if found.fault is not None:
        raise RequestError(f"{name}: {found.fault.message}")
    return found


def title_of(name: str, network: Network) -> str:
    """What the network that a recipe calls `name` is called in a heading: `LeNet`, `LeNet (classic)`, a file's own name."""
    if is_file(name):
        return network.name
    if is_library(name):
        return name.partition(":")[2]
    own, chosen, _ = edition(name)
    return model(own).title + ("" if chosen == model(own).default else f" ({chosen})")


def described(name: str, network: Network) -> str:
    """`LeNet · d2l edition · relu, max pooling`: title and edition, and what is between the layers with weights."""
    title = model(network.name).title if network.edition else title_of(name, network)
    edition = f"{network.edition} edition" if network.edition else ""
    return " · ".join(part for part in (title, edition, between(network)) if part)


def in_short(name: str, network: Network) -> str:
    """`lenet@d2l · relu, max pooling`: the same in a table."""
    own = f"{network.name}@{network.edition}" if network.edition else network.name if is_file(name) else name
    return " · ".join(part for part in (own, between(network)) if part)


def between(network: Network) -> str:
    """`relu, max pooling`: the activations and the pools with a window, in the order of their first use."""
    kinds = dict.fromkeys(node.layer.kind for node in network.nodes if isinstance(node.layer, Identity))
    acting = [kind.replace("-", " ") for kind in kinds if kind not in {Identity.kind, Softmax.kind, LogSoftmax.kind}]
    pools = dict.fromkeys(word for node in network.nodes for kind, word in _POOLS if node.layer.kind.startswith(kind))
    return ", ".join([*acting, *([f"{' and '.join(pools)} pooling"] if pools else [])])


def _written(name: str) -> Network:
    file = Path(name)
    if not file.is_file():
        raise DataError(f"{name}: there is no such file; a network of one's own is a net.yaml")
    return load(Request(name)).network
