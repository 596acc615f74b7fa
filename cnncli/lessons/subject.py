"""What a lesson looks into: a trained run, or a network with random or published weights. Imports torch inside functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cnncli.errors import RequestError
from cnncli.files import run_folder as folder
from cnncli.layers import Shape, dims
from cnncli.models import models
from cnncli.network import Network
from cnncli.sources import Request, is_tensor_table, load
from cnncli.sources.request import Given, Loaded
from cnncli.text import truncate

if TYPE_CHECKING:
    import torch
    from torch import nn

    from cnncli.runs.judging.request import Trained
    from cnncli.runs.load import Opened

ZOO = "torchvision:"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A source, read as far as that goes without torch.

    run: None for what is no trained run · pretrained: torchvision's name of published weights, "" for random ones
    """

    request: Request
    loaded: Loaded
    run: Trained | None = None
    pretrained: str = ""

    @property
    def source(self) -> str:
        """As it was written, a run in runs/ by its folder."""
        return self.request.source

    @property
    def network(self) -> Network:
        """As it was asked for."""
        return self.loaded.network


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A network that can be run.

    weights: where its numbers come from, in words · run: None for what was not trained here · mean, deviation: of each channel,
    what pixels from 0 to 1 are normalised by · classes: by number, () where nobody has named them · note: what a user should know
    """

    network: Network
    module: nn.Module
    weights: str
    run: Opened | None
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    classes: tuple[str, ...] = ()
    note: str = ""

    @property
    def size(self) -> Shape:
        """C×H×W of its images."""
        return self.network.input

    def finished(self, pixels: torch.Tensor) -> torch.Tensor:
        """uint8 images N×C×H×W of its size, as the network takes them: normalised as in training."""
        import torch

        if self.run is not None:
            return self.run.finish(pixels)
        mean, deviation = (torch.tensor(values).view(-1, 1, 1) for values in (self.mean, self.deviation))
        return (pixels.float() / 255 - mean) / deviation


def asked(
    source: str,
    *,
    inputs: Given | None = None,
    arguments: Mapping[str, object] | None = None,
    which: str | None = None,
) -> Asked:
    """What `source` names: a run (by its folder, or its name in runs/) or any other source; raises as `sources.load` does.

    arguments: the network's own; `weights=DEFAULT` asks for torchvision's · which: a run's checkpoint
    """
    from cnncli.runs.judging.request import trained

    own = dict(arguments or {})
    if is_tensor_table(source):
        raise RequestError(f"{truncate(source, 80)} holds tensors without a network; name a network or a run")
    pretrained = _pretrained(source, own.pop("weights", None))
    if pretrained and pretrained.removeprefix(ZOO) not in models():
        own["weights"] = "DEFAULT"  # the network that they were trained in
    place = _folder(source)
    request = Request(place.as_posix() if place else source, inputs or {}, own)
    if place is None:
        _refuse_which(source, which)
        return Asked(request=request, loaded=_whole(load(request)), pretrained=pretrained)
    _refuse_other(inputs, own)
    return Asked(request=request, loaded=load(request), run=trained(str(place), which, "cpu"))


def taken(network: Network) -> Asked:
    """A network that a program has, to be looked into with random weights."""
    return Asked(request=Request(network.name), loaded=Loaded(network))


def _folder(source: str) -> Path | None:
    """The run folder that `source` names, by its path or its name in runs/."""
    known = source.partition("@")[0] in models()
    for path in (Path(source), folder.RUNS / source):
        if not known and (path / folder.RECIPE).is_file():
            return path
    return None


def _refuse_other(inputs: Given | None, own: Mapping[str, object]) -> None:
    """Raise `RequestError` for what would make another network of a trained one."""
    if inputs:
        raise RequestError("--input means nothing to a trained run, which keeps its size; leave it out")
    for key in own:
        raise RequestError(f"{key}= means nothing to a trained run, whose network is as it was trained; leave it out")


def _refuse_which(source: str, which: str | None) -> None:
    if which is not None:
        raise RequestError(
            f"--which {which}: {truncate(source, 80)} is no trained run and has no checkpoints; leave it out"
        )


def _whole(loaded: Loaded) -> Loaded:
    """`loaded`; raises `RequestError` where a module could not be recorded to its end, or takes several inputs."""
    if loaded.fault is not None:
        raise RequestError(f"{loaded.network.name}: {loaded.fault.message}")
    if len(loaded.network.inputs) != 1:
        raise RequestError(
            f"{loaded.network.name}: it takes {len(loaded.network.inputs)} inputs, one image can be looked at"
        )
    return loaded


def _pretrained(source: str, weights: object) -> str:
    if weights is None:
        return ""
    if not source.startswith(ZOO):
        raise RequestError("weights= are torchvision's; write it with torchvision:NAME, or name a trained run")
    if weights != "DEFAULT":
        raise RequestError(f"weights={truncate(str(weights), 40)} is not known; write weights=DEFAULT")
    return source


def subject(asked: Asked, seed: int = 0) -> Subject:
    """The network with its weights, in eval mode on the CPU. seed: what random weights are drawn from.

    Raises `DataError` for a checkpoint or weights that cannot be read, `RequestError` for what cannot be built.
    """
    if asked.run is not None:
        return _of_run(asked.run)
    module = module_of(asked, asked.network, seed)
    note, of = "", Published()
    if asked.pretrained:
        note, of = _fill(asked, module), _published(asked.pretrained)
    _never_in_place(module)
    return Subject(
        network=asked.network,
        module=module.eval().requires_grad_(requires_grad=False),
        weights=f"weights of {asked.pretrained}" if asked.pretrained else f"random weights, seed {seed}",
        run=None,
        mean=of.mean,
        deviation=of.deviation,
        classes=of.classes,
        note=note,
    )


def _never_in_place(module: nn.Module) -> None:
    """What is kept of one row stays what it was."""
    for each in module.modules():
        if hasattr(each, "inplace"):
            setattr(each, "inplace", False)  # noqa: B010  (torch's modules do not declare it)


def _of_run(run: Trained) -> Subject:
    from cnncli.runs.load import opened

    found = opened(run.path, run.which, "cpu")
    _never_in_place(found.module)
    epochs = f"{found.epochs} epoch{'s' * (found.epochs != 1)}"
    return Subject(
        network=found.network,
        module=found.module,
        weights=f"{found.path.as_posix()}, {found.which} checkpoint, {epochs}",
        run=found,
        mean=found.scale.mean,
        deviation=found.scale.deviation,
        classes=found.classes,
        note=found.note,
    )


def module_of(asked: Asked, network: Network, seed: int = 0) -> nn.Module:
    """A library's own module, else the one that `network` describes; its weights drawn from `seed`."""
    import torch

    from cnncli.build import build
    from cnncli.sources import is_library, made

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if asked.loaded.module is None or not is_library(asked.source):
            return build(replace(network, nodes=tuple(node for node in network.nodes if not node.layer.idles)))
        return made(asked.request)


def _fill(asked: Asked, module: nn.Module) -> str:
    from cnncli.training.weights import load_pretrained

    return "; ".join(load_pretrained(asked.pretrained, asked.network, module))


class Published(NamedTuple):
    """What is known of weights: what pixels are normalised by, and the classes' names."""

    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)
    classes: tuple[str, ...] = ()


def _published(source: str) -> Published:
    """What torchvision says of its weights."""
    from torchvision import models as zoo  # type: ignore[import-untyped]

    weights = zoo.get_model_weights(source.removeprefix(ZOO)).DEFAULT
    transform = weights.transforms()
    return Published(tuple(transform.mean), tuple(transform.std), tuple(weights.meta.get("categories", ())))


def image_size(size: Shape, source: str) -> tuple[int, int, int]:
    """C×H×W of a network that looks at one image of 1 or 3 channels; raises `RequestError` for any other."""
    if len(size) != 3 or size[0] not in {1, 3}:
        raise RequestError(f"{truncate(source, 80)} takes {dims(size)}, which is no image of 1 or 3 channels")
    channels, height, width = size
    return channels, height, width
