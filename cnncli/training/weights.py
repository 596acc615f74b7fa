"""Starting from weights that were trained before: read, compared with the network, and put in where they fit."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cnncli.analysis.report import report
from cnncli.data.download import SILENCE, patience
from cnncli.errors import DataError, RequestError, UnknownName
from cnncli.files import reason
from cnncli.formats.tensors import is_safetensors
from cnncli.formats.tensors import read as listed
from cnncli.layers import dims
from cnncli.network import Network
from cnncli.sources.pretrained import ZOO, check
from cnncli.text import truncate

Tensors = Mapping[str, torch.Tensor]
_WRAPPED = (
    "ema",
    "state_dict",
    "model_state_dict",
    "model",
)  # where programs keep weights in what they save, the best first
_PREFIXES = ("module.", "_orig_mod.")  # what DistributedDataParallel and torch.compile put before names
_COUNTER = "num_batches_tracked"  # of a normalisation; older files lack it


def start_from(source: str, network: Network, module: nn.Module) -> tuple[str, ...]:
    """Put the weights of `source`, as `starting.located` has it, into `module`, built from `network`; what a user should know.

    Every tensor of the network must be there in its shape. Only the last layer may have been made for another number of classes:
    then it keeps the weights it has, and that is said. Raises `RequestError` where they do not fit, `DataError` where they cannot
    be read or fetched.
    """
    found, own = tensors(source), module.state_dict()
    head = _head(network)
    anew = _other_classes(found, own, head)
    fitting = {name: found[name] for name in own if name in found and name not in anew}
    _refuse(source, found, {name: tensor for name, tensor in own.items() if name not in anew})
    module.load_state_dict(fitting, strict=False)
    return tuple(_notes(source, found, own, anew, head))


def tensors(source: str) -> Tensors:
    """The weights by name; raises as `start_from` does."""
    if source.startswith(ZOO):
        return _of_torchvision(source)
    check(source)
    path = Path(source)
    listed(path)  # raises, in one line, for whatever is wrong with the file
    if is_safetensors(path):
        from safetensors.torch import load_file

        return load_file(path)
    return _plain(_unwrapped(torch.load(path, map_location="cpu", weights_only=True)))


def _of_torchvision(source: str) -> Tensors:
    from torchvision import models as zoo  # type: ignore[import-untyped]

    name = source.removeprefix(ZOO)
    if name not in zoo.list_models(zoo):
        raise UnknownName("torchvision model", truncate(name, 40), zoo.list_models(zoo), where="model.weights: ")
    try:
        with patience(SILENCE):
            found: Tensors = zoo.get_model_weights(name).DEFAULT.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError, HTTPException, EOFError) as error:
        raise DataError(
            f"model.weights: {source}: the download failed ({reason(error)}); write the path of a file"
        ) from error
    return found


def _unwrapped(content: Any) -> Any:  # noqa: ANN401  (whatever the file holds)
    """The state dict in what a training program saved."""
    wrapped = [
        content[key] for key in _WRAPPED if isinstance(content, Mapping) and isinstance(content.get(key), Mapping)
    ]
    return wrapped[0] if wrapped else content


def _plain(content: Any) -> Tensors:  # noqa: ANN401  (whatever the file holds)
    """Its tensors, without a prefix that all of them have."""
    named = content if isinstance(content, Mapping) else {}
    found = {str(name): value for name, value in named.items() if isinstance(value, torch.Tensor)}
    for prefix in _PREFIXES:
        if found and all(name.startswith(prefix) for name in found):
            found = {name.removeprefix(prefix): value for name, value in found.items()}
    return found


def _head(network: Network) -> str:
    """The last layer with weights, which has an output for each class."""
    return [row.name for row in report(network).rows if row.layer.weights][-1]


def _other_classes(found: Tensors, own: Tensors, head: str) -> set[str]:
    """The tensors of the last layer, where `found` has them for another number of classes and they differ in nothing else."""
    names = {name for name in own if name.rpartition(".")[0] == head}
    if not names <= set(found) or all(found[name].shape == own[name].shape for name in names):
        return set()
    return names if all(found[name].shape[1:] == own[name].shape[1:] for name in names) else set()


def _refuse(source: str, found: Tensors, wanted: Tensors) -> None:
    """Raise `RequestError` where `found` lacks one of the `wanted`, or has it in another shape."""
    shown = truncate(source, 300)
    lacking = [name for name in wanted if name not in found and not name.endswith(_COUNTER)]
    if lacking:
        more = f" and {len(lacking) - 1:,} more" if len(lacking) > 1 else ""
        its = next(iter(found), None)
        raise RequestError(
            f"model.weights: {shown} lacks {lacking[0]}{more}; its first is {truncate(its, 60)}" if its is not None
            else f"model.weights: {shown} holds no weights by name"
        )  # fmt: skip
    for name, tensor in wanted.items():
        if name in found and found[name].shape != tensor.shape:
            has, takes = dims(tuple(found[name].shape)), dims(tuple(tensor.shape))
            raise RequestError(
                f"model.weights: {shown}: {name} is {has}, the network's is {takes}; change model or data to fit"
            )


def _notes(source: str, found: Tensors, own: Tensors, anew: set[str], head: str) -> list[str]:
    shown, notes = truncate(source, 300), []
    if anew:
        had, has = (next(iter(tensors[name] for name in sorted(anew))).shape[0] for tensors in (found, own))
        notes.append(f"{shown}: {head} is drawn anew, for {has:,} classes instead of {had:,}")
    unused = [name for name in found if name not in own]
    if unused:
        more = f" and {len(unused) - 1:,} more" if len(unused) > 1 else ""
        notes.append(f"{shown}: {truncate(unused[0], 60)}{more} left out, the network has no such tensor")
    return notes
