"""What a command line asks to train or to resume, as a recipe; refused if it is wrong, before torch is imported."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from cnncli.errors import DataError, RequestError
from cnncli.files import run_folder as folder
from cnncli.formats.strict_yaml import Value
from cnncli.models import models
from cnncli.recipe.overrides import override
from cnncli.registry import same_letters
from cnncli.sources import is_code, is_library, spelled
from cnncli.sources.networks import is_file, is_network
from cnncli.sources.pretrained import check
from cnncli.sources.recipes import Recipe, as_written, available, load, renamed, resolved
from cnncli.sources.run_folder import find_run, resume_command, run_recipe
from cnncli.text import truncate
from cnncli.training.default_recipe import default_recipe, usual_lr

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:[0-9]{1,3})?")

TOO_HIGH = 10  # times the learning rate that suits a network
HIGHEST = 1e6  # learning rate of a range test

Options = Mapping[str, tuple[str, object]]


class Request(NamedTuple):
    """What to train.

    Attributes:
        recipe: what to train and how.
        name: what its run folders are called after.
        note: what a user should know, in lines, or "".
        network: the text of the net.yaml that the network is written in, "" where it is in none. A run keeps a copy, so that its
            folder is complete in itself.
        code: the command that wrote that text, where no file of the user's holds it.
    """

    recipe: Recipe
    name: str
    note: str = ""
    network: str = ""
    code: str = ""

    @property
    def text(self) -> str:
        """The recipe as the run folder is to hold it, every key written out."""
        return resolved(renamed(self.recipe, folder.NETWORK) if self.network else self.recipe)

    def new_run(self) -> tuple[Recipe, Path]:
        """Return the recipe to train by, and the new run folder; raises `DataError` where that cannot be written."""
        path = folder.new_folder(self.name, self.text, self.network)
        return (renamed(self.recipe, str((path / folder.NETWORK).absolute())) if self.network else self.recipe), path

    @contextmanager
    def temporary_recipe(self) -> Iterator[Recipe]:
        """Yield the recipe for a dry run, which keeps nothing."""
        if not self.code:
            yield self.recipe
            return
        with TemporaryDirectory(prefix="cnncli-") as home:
            file = Path(home) / folder.NETWORK
            file.write_text(self.network, encoding="utf-8")
            yield renamed(self.recipe, str(file))


def train_request(source: str, arguments: Sequence[str], options: Options, device: str = "auto") -> Request:
    """Parse what `cnncli train` is asked to do.

    Args:
        source: a recipe, by name or path, or a network, which gets the default recipe. A name that is both means the recipe;
            `lenet@d2l` is the network.
        arguments: `key=value`, to set in the recipe.
        options: dotted key → (flag, value), None where it was not given.
        device: to train on.

    Raises:
        RequestError: something in it is wrong.
        DataError: a file cannot be read.
    """
    check_device(device)
    source = spelled(same_letters(source, available()) or source)
    overrides = [
        *_not_in_options(arguments, options),
        *(f"{key}={value}" for key, (_, value) in options.items() if value is not None),
    ]
    _, data = options.get("data.name", ("", None))
    others = [text for text in overrides if not text.startswith("data.name=")]
    if data is not None and is_code(source):
        request = _your_code(source, str(data), others)
    elif data is not None and source not in available() and is_network(source):
        recipe = default_recipe(source, str(data), others)
        request = Request(recipe, _short(source), _default_note(source, recipe), _network_text(recipe))
    elif is_code(source) or is_library(source):
        raise RequestError(
            f"{truncate(source, 100)} is a network, not a recipe; say what to train it on, as in --data digits"
        )
    else:
        recipe = load(source, overrides, networks=list(models()))
        request = Request(recipe, Path(source).stem, network=_network_text(recipe))
    check(request.recipe.model.weights)
    return request


def _your_code(source: str, data: str, overrides: Sequence[str]) -> Request:
    from cnncli.training.own_code import as_net_yaml

    traced = as_net_yaml(source, data, overrides)
    with TemporaryDirectory(prefix="cnncli-") as home:
        file = Path(home) / folder.NETWORK
        file.write_text(traced.text, encoding="utf-8")
        recipe = default_recipe(str(file), data, traced.left)
        note = f"{_default_note(source, recipe)}\n{traced.note}"
    return Request(recipe, _short(source.removesuffix(".py")), note, traced.text, traced.command)


def _default_note(source: str, recipe: Recipe) -> str:
    """Say how a network without a recipe is trained, and whether the learning rate asked for suits another optimizer."""
    optimizer, suits = recipe.optimizer, usual_lr(recipe)
    high = optimizer.name == "adamw" and optimizer.lr > TOO_HIGH * suits
    return (
        f"no recipe for {truncate(source, 60)}: {optimizer.name} at {optimizer.lr:g}, schedule {recipe.schedule.name}, batches of "
        f"{recipe.data.batch_size}, {recipe.train.init} weights, {recipe.train.epochs} epochs; key=value sets another"
        + (
            f"\nlr {optimizer.lr:g} is high for adamw, {suits:g} suits this network; for SGD: optimizer.name=sgd"
            if high
            else ""
        )
    )


def _network_text(recipe: Recipe) -> str:
    """Return the text of the file that the network is written in, "" where it is in none."""
    name = recipe.model.name
    return Path(name).read_text(encoding="utf-8", errors="surrogateescape") if is_file(name) else ""


def check_device(name: str) -> None:
    """Raise `RequestError` for what is no device on any machine."""
    if not _DEVICE.fullmatch(name):
        kind, colon, number = name.lower().partition(":")
        instead = {"gpu": "cuda", "nvidia": "cuda", "metal": "mps"}.get(kind, kind) + colon + number
        instead = f"cuda:{name}" if name.isdigit() else instead if _DEVICE.fullmatch(instead) else ""
        cure = f"write {instead}" if instead else "write auto, cpu, cuda, cuda:1 or mps"
        raise RequestError(f"--device {truncate(repr(name))} is no device; {cure}")


def check_range(low: float, high: float) -> None:
    """Raise `RequestError` for learning rates that cannot rise from the one to the other."""
    if not 0 < low < high <= HIGHEST:
        raise RequestError(
            f"--from {low:g} --to {high:g}: rates rise from a positive one to a higher, {HIGHEST:g} at most; "
            "write --from 1e-5 --to 10"
        )


def _short(source: str) -> str:
    """Return what run folders are called after: a file's name, or a library's without what no folder may be called."""
    return Path(source).stem if is_file(source) else re.sub(r"[^\w.@-]+", "-", source.rpartition(":")[2])


def _not_in_options(arguments: Sequence[str], options: Options) -> list[str]:
    """Return the arguments that no option repeats; raises `RequestError` where one sets the same thing differently."""
    flags = {
        name: (flag, value)
        for key, (flag, value) in options.items()
        if value is not None
        for name in {key, key.rpartition(".")[2] if key != "data.name" else key}
    }
    left = []
    for text in arguments:
        read = override(text)
        if read.key not in flags:
            left.append(text)
            continue
        flag, value = flags[read.key]
        if read.value != value:
            raise RequestError(
                f"{flag} {truncate(str(value))} and {read.text} contradict each other; write one of them"
            )
    return left


# What may change when a run is resumed: how long it is, and what changes no number.
FREE = (
    "train.epochs",
    "train.checkpoint_steps",
    "train.checkpoint_seconds",
    "data.cache",
    "data.workers",
    "stop.when_dead",
)

FOLDER = "folder:"  # begins the name of images that may be moved


class ResumeRequest(NamedTuple):
    """What to resume: the run folder, the recipe to continue by, and the device, None for the same as before."""

    path: Path
    recipe: Recipe
    device: str | None


def resume_request(arguments: Sequence[str], device: str | None = None) -> ResumeRequest:
    """Parse the arguments of `cnncli resume`.

    Args:
        arguments: a run folder, or none for the newest, and `key=value` to set in its recipe.
        device: to continue on, None for the same as before.

    Raises:
        DataError: there is no such run.
        RequestError: a run cannot change that key on its way.
    """
    check_device(device or "auto")
    names = [text for text in arguments if "=" not in text or Path(text).is_dir()]
    pairs = [text for text in arguments if text not in names]
    if len(names) > 1:
        raise RequestError(f"{truncate(names[1])} is not key=value; name one run, and what to change as in epochs=20")
    path = find_run(names[0]) if names else folder.newest()
    recipe, wanted = as_written(path / folder.RECIPE), run_recipe(path, pairs)
    changed = changes(recipe, wanted)
    if changed:
        instead = f"{again(path)} {' '.join(map(shlex.quote, pairs))}"
        raise RequestError(f"a run that goes on keeps its recipe, here {changed}; for another run: {instead}")
    return ResumeRequest(path, wanted, device)


def without_best(path: Path) -> RequestError:
    """Return the error for a run whose best checkpoint is asked for and does not exist."""
    return RequestError(f"{path.as_posix()} has no best.pt: it has no validation split (data.val); write --which last")


def without_checkpoint(path: Path) -> DataError:
    """Return the error for a run that has no checkpoint yet."""
    return DataError(f"{path.as_posix()} has no checkpoint yet; train it first: {resume_command(path)}")


def again(path: Path) -> str:
    """Return the command that trains a run's recipe from the beginning."""
    return f"cnncli train {shlex.quote((path / folder.RECIPE).as_posix())}"


def changes(old: Recipe, new: Recipe) -> str:
    """Return the keys that differ, those in `FREE` apart, as `key old → new`; empty where there are none.

    One folder of images may be another: whether they hold the same images is checked when they are read.
    """
    return ", ".join(
        f"{truncate(key)} {_shown(before)} → {_shown(after)}"
        for key, (before, after) in differences(old, new).items()
        if key not in FREE
        and not (key == "data.name" and str(before).startswith(FOLDER) and str(after).startswith(FOLDER))
    )


def differences(old: Recipe, new: Recipe) -> dict[str, tuple[Value, Value]]:
    """Return the dotted keys that have another value in `new`: the old and the new, None where there is no such key."""
    before, after = (dict(_flat(recipe.model_dump(mode="json"))) for recipe in (old, new))
    return {
        key: (before.get(key), after.get(key))
        for key in {**before, **after}
        if before.get(key) != after.get(key) or (key in before) != (key in after)
    }


def _flat(values: Mapping[str, Value], prefix: str = "") -> Iterable[tuple[str, Value]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shown(value: Value) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else truncate(str(value), 40)
