"""A run that was trained, brought back for use: its network with its weights, and what its images and classes are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cnncli.analysis.solve_network import at
from cnncli.files import run_folder as folder
from cnncli.formats.net_yaml import parse as parse_network
from cnncli.formats.strict_yaml import parse
from cnncli.network import Network
from cnncli.sources.networks import network_for, scoring
from cnncli.sources.recipes import Recipe
from cnncli.training import checkpoint
from cnncli.training import device as devices
from cnncli.training.images import Finish, Scale, finish
from cnncli.training.model import make_module
from cnncli.training.request import without_best, without_checkpoint

WHICH = {"last": (folder.LAST, folder.PREVIOUS), "best": (folder.BEST,)}


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A trained network.

    which: last or best, the checkpoint its weights are from · epochs: that it was trained for · module: in evaluation mode, on
    `finish.device` · finish: makes uint8 images ready for it · note: what a user should know, or ""
    """

    path: Path
    which: str
    recipe: Recipe
    network: Network
    module: nn.Module
    classes: tuple[str, ...]
    scale: Scale
    finish: Finish
    epochs: int
    note: str = ""

    @property
    def size(self) -> tuple[int, int, int]:
        """C×H×W of its images."""
        return self.finish.size


def opened(path: Path, which: str | None = None, device: str = "auto") -> Opened:
    """The run in the folder `path`. which: last or best; None is best where the run has a validation split, else last.

    From the checkpoint alone: what the run was trained on, and the file that its network was written in, may be gone. Raises
    `DataError` where there is no whole checkpoint, `RequestError` for a device or checkpoint that is not there.
    """
    where = devices.device(device)
    chosen = which or ("best" if (path / folder.CHECKPOINTS / folder.BEST).exists() else "last")
    saved, note = _saved(path, chosen)
    recipe = Recipe.model_validate(parse(saved["recipe"], "the checkpoint's recipe").value)
    network = _network(saved, recipe)
    module = make_module(recipe.model, network, len(saved["classes"]))
    module.load_state_dict(weights(saved))
    memory_format = devices.memory_format(recipe.train.memory_format, where)
    scale = Scale(mean=tuple(saved["mean"]), deviation=tuple(saved["deviation"]))
    channels, height, width = saved["input"]
    return Opened(
        path=path,
        which=chosen,
        recipe=recipe,
        network=network,
        module=module.to(where).to(memory_format=memory_format).eval().requires_grad_(requires_grad=False),
        classes=tuple(saved["classes"]),
        scale=scale,
        finish=finish(scale, size=(channels, height, width), device=where, memory_format=memory_format),
        epochs=len(saved["epochs"]),
        note=note,
    )


def weights(saved: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The weights in a checkpoint that are used after training: their running mean, where the recipe keeps one."""
    found: dict[str, torch.Tensor] = saved.get("ema") or saved["model"]
    return found


def _network(saved: dict[str, Any], recipe: Recipe) -> Network:
    """The network that was trained, as it was then."""
    size, name = tuple(saved["input"]), recipe.model.name
    if saved["network"] is None:
        return network_for(name, size, recipe.model.arguments, len(saved["classes"]))
    return at(scoring(parse_network(saved["network"], name).network), size)


def _saved(path: Path, which: str) -> tuple[dict[str, Any], str]:
    """What the checkpoint holds, and a word on it where another was damaged."""
    found = checkpoint.latest(path / folder.CHECKPOINTS, WHICH[which])
    if found is None and which == "best":
        raise without_best(path)
    if found is None:
        raise without_checkpoint(path)
    content, name, wrong = found
    return content, f"{wrong}; {name} is used instead" if wrong else ""
