"""Recipes: where they are, how one is read and checked, and how it is written down again.

A recipe is YAML (`recipe_schema` says which keys it has). What it names must exist and fit together, so that a wrong one
is refused, with its line, before torch is imported and before any data are looked for.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cnncli.errors import DataError, RequestError, UnknownName, nearest
from cnncli.formats.strict_yaml import Document, KeyPath, dump, not_text, read
from cnncli.network import Network
from cnncli.recipe.augment import Augmentation, Crop, Cutout, Jitter, RandAugment, Rotate, Scale, Shift
from cnncli.recipe.complaint import complaint
from cnncli.recipe.data import Data
from cnncli.recipe.draft import Draft
from cnncli.recipe.freeze import freeze
from cnncli.recipe.keys import suggestion
from cnncli.recipe.optimizer import Adadelta, Adam, AdamW, AnyOptimizer, RMSprop, Sgd
from cnncli.recipe.overrides import apply
from cnncli.recipe.recipe import Model, Recipe, Stop, Train
from cnncli.recipe.schedule import AnySchedule, Constant, Cosine, Linear, OneCycle, Step
from cnncli.registry import letters, same_letters
from cnncli.sources.pretrained import located
from cnncli.text import truncate

__all__ = [
    "Adadelta",
    "Adam",
    "AdamW",
    "AnyOptimizer",
    "AnySchedule",
    "Augmentation",
    "Constant",
    "Cosine",
    "Crop",
    "Cutout",
    "Data",
    "Jitter",
    "Linear",
    "Model",
    "OneCycle",
    "RMSprop",
    "RandAugment",
    "Recipe",
    "Rotate",
    "Scale",
    "Sgd",
    "Shift",
    "Step",
    "Stop",
    "Train",
    "as_written",
    "available",
    "checked",
    "input_size",
    "load",
    "network_of",
    "network_path",
    "recipe_file",
    "recipes_folder",
    "renamed",
    "resolved",
]


def load(name_or_path: str, overrides: Sequence[str] = (), *, networks: Iterable[str] = ()) -> Recipe:
    """The shipped recipe of that name, or the recipe in that file, with `overrides` (`key=value`) set.

    networks: names that are no recipe but a network, so that the error can say how one is trained. Raises `RequestError`
    (exit code 2) for an unknown name and for whatever is wrong in the recipe, `DataError` (3) for a file that cannot be read.
    """
    file = recipe_file(name_or_path, list(networks))
    return checked(_at_home(_draft(read(file)), file.parent), overrides)


def as_written(file: Path) -> Recipe:
    """The recipe in a run's file, whether or not its data and its network are still there; raises `DataError`."""
    try:
        recipe = Recipe.model_validate(read(file).value)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "the whole"
        raise DataError(
            f"{truncate(file.as_posix())} is no recipe of this version of cnncli, see {truncate(where, 60)}"
        ) from error
    return renamed(recipe, network_path(recipe.model.name, file.parent))


def network_path(name: str, home: Path) -> str:
    """What a recipe in the folder `home` calls `name`: the path from the root, if that is a file's.

    A relative path is meant from `home` where such a file is there, else from the current folder. A file that lay beside the
    recipe is found there, though its old path says that the folder was called otherwise.
    """
    from cnncli.sources.networks import is_file

    if not is_file(name):
        return name
    beside = home / (Path(name).name if Path(name).is_absolute() and not Path(name).exists() else name)
    return str((beside if beside.is_file() else Path(name)).absolute())


def resolved(recipe: Recipe, home: Path | None = None) -> str:
    """`recipe` as YAML with every key written out, in the schema's order; `load` reads the same recipe back.

    home: the folder that it is to lie in; a network's file in there is named from there, so that the folder can be moved.
    """
    file = Path(recipe.model.name)
    if home is not None and file.parent == home.absolute():
        recipe = renamed(recipe, file.name)
    return dump(recipe.model_dump(mode="json"))


def renamed(recipe: Recipe, network: str) -> Recipe:
    """`recipe` for the same network under another name."""
    return recipe.model_copy(update={"model": recipe.model.model_copy(update={"name": network})})


def input_size(recipe: Recipe) -> tuple[int, int, int] | None:
    """The C×H×W that the network is to take, None for the size it usually has.

    Images with colours keep them, though the network usually takes grey ones; grey images become RGB where it takes that.
    """
    from cnncli.data import dataset
    from cnncli.sources.networks import usual_input

    usual, side = usual_input(recipe.model.name), recipe.data.resize
    channels = max(usual[0], dataset(recipe.data.name).shape[0])
    size = (channels, side or usual[1], side or usual[2])
    return None if size == tuple(usual) else size


def network_of(recipe: Recipe) -> Network:
    """The network that `recipe` names, for the classes of its data set and the size of its images, layers frozen as it says."""
    return freeze(_network(recipe), recipe.model.frozen)


def _network(recipe: Recipe) -> Network:
    from cnncli.data import dataset
    from cnncli.sources.networks import network_for

    classes = len(dataset(recipe.data.name).classes)
    return network_for(recipe.model.name, input_size(recipe), recipe.model.arguments, classes)


def available() -> list[str]:
    """The names of the shipped recipes."""
    return sorted(file.stem for file in recipes_folder().glob("*.yaml"))


def recipes_folder() -> Path:
    """Where the shipped recipes are: beside the modules in an installed wheel, at the top of the source tree else.

    Raises `DataError` where they are in neither place.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "recipes", package.parent / "recipes"):
        if any(folder.glob("*.yaml")):
            return folder
    raise DataError(f"{truncate(str(package), 300)}: the recipes shipped with cnncli are missing; install it again")


def recipe_file(name: str, networks: Sequence[str] = ()) -> Path:
    """The file of the recipe with that name, or at that path; raises as `load` does."""
    from cnncli.models import models
    from cnncli.sources.built_in import elsewhere

    file, names = Path(name), available()
    _refuse_no_recipe(name)
    if file.suffix in {".yaml", ".yml"} or "/" in name or "\\" in name:
        if file.stem in names and not file.exists():
            raise DataError(f"{truncate(name, 300)}: there is no such file; the shipped recipe is called {file.stem!r}")
        return file
    if found := same_letters(name, names):
        return recipes_folder() / f"{found}.yaml"
    if name.partition("@")[0] in networks:
        raise RequestError(f"{name!r} is a network, not a recipe; say what to train it on, as in --data digits")
    if networks:
        cure = "" if nearest(name, {*names, *networks}) else elsewhere(name)
        raise UnknownName("recipe or network", name, () if cure else {*names, *networks}, cure=cure)
    of_it = [each for each in names if each.startswith(f"{name.lower()}-")]
    family = sorted((each for each in models() if letters(each).startswith(letters(name))), key=len)
    network = f"none is for it; a network is trained without: cnncli train {family[0]} --data digits" if family else ""
    cure = f"write {' or '.join(of_it)}" if of_it else network
    raise UnknownName("recipe", name, () if cure else names, cure=cure)


def _refuse_no_recipe(name: str) -> None:
    """Raise `RequestError` for a run folder, a data set, or a line in one word where a recipe should be."""
    from cnncli.data import datasets
    from cnncli.models import models
    from cnncli.registry import synonyms

    shown = truncate(repr(name), 300)
    if os.path.isfile(os.path.join(name, "recipe.yaml")):  # noqa: PTH113, PTH118  (a Path raises where a name is too long)
        raise RequestError(f"{shown} is a run; write cnncli resume {shlex.quote(name)}, or name its recipe.yaml")
    if own := synonyms.one_of(name, synonyms.SETS, datasets()):
        raise RequestError(f"{shown} is a data set; write cnncli train lenet --data {own}")
    network, sign, data = next(((*name.partition(sign),) for sign in "+/,&@" if sign in name), (name, "", ""))
    own = synonyms.one_of(data, synonyms.SETS, datasets()) if sign else None
    if own and same_letters(network, {*available(), *models()}) and not os.path.exists(name):  # noqa: PTH110
        raise RequestError(f"{shown} is two words; write cnncli train {shlex.quote(network)} --data {own}")
    if name.split(" ", 1)[0] in available() and " " in name:
        raise RequestError(f"{shown} is one word; write it without the quotes: cnncli train {truncate(name, 300)}")
    if os.path.exists(name) and (os.path.isdir(name) or Path(name).suffix.lower() not in {".yaml", ".yml"}):  # noqa: PTH110, PTH112
        what = "a folder" if Path(name).is_dir() else "a file"
        raise RequestError(f"{shown} is {what} and no recipe; write a recipe's name or .yaml, as in cnncli train lenet")


def _draft(document: Document) -> Draft:
    """The draft in a file; its first key must say that it is a recipe."""
    draft = Draft({}, {path: f"{document.place}:{line}" for path, line in document.lines.items()})
    values = document.value
    if values is None:
        raise draft.refusal((), "is empty; begin with kind: recipe")
    if not isinstance(values, dict) or "kind" not in values:
        raise draft.refusal((), "is no recipe; its first key must be kind: recipe")
    kind = values["kind"]
    if kind == "network":
        raise draft.refusal(("kind",), "describes a network, not a training; a recipe begins with kind: recipe")
    if kind != "recipe":
        raise draft.refusal(("kind",), f"{truncate(repr(kind), 40)} is not a kind of file; write kind: recipe")
    if next(iter(values)) != "kind":
        raise draft.refusal(("kind",), "must be the first key, to say what the file is; move it to the top")
    return Draft(values, draft.places)


def _at_home(draft: Draft, home: Path) -> Draft:
    """The draft of a file in the folder `home`, its network named from the root."""
    name, key = draft.at(("model", "name")), ("model", "name")
    if not isinstance(name, str):
        return draft
    return draft.having(key, network_path(name, home), draft.places.get(key, draft.places[()]))


def checked(draft: Draft, overrides: Sequence[str]) -> Recipe:
    """The recipe that `draft` becomes with `overrides` set; raises `RequestError` with the place of what is wrong."""
    draft = _with_init(apply(draft, overrides, _arguments))
    try:
        recipe = Recipe.model_validate(draft.values)
    except ValidationError as error:
        raise complaint(error, draft) from None
    recipe = _with_weights(_with_data(recipe, draft), draft)
    recipe = renamed(recipe, network_path(recipe.model.name, Path()))
    _check_names(recipe, draft)
    _check_network(recipe, draft)
    return recipe


def _check_names(recipe: Recipe, draft: Draft) -> None:
    """Refuse a path that the resolved recipe could not hold, so that nobody could read it back."""
    names = {("data", "name"): recipe.data.name, ("model", "name"): recipe.model.name}
    for path, name in (names | {("model", "weights"): recipe.model.weights or ""}).items():
        if wrong := not_text(name):
            raise draft.refusal(path, f"{truncate(name)} {wrong}; rename it")


def _arguments(draft: Draft) -> list[str]:
    """The network's own arguments, as far as they are known, less the number of classes, which is the data set's to say."""
    name = draft.at(("model", "name"))
    if not isinstance(name, str):
        return []  # refused later, for what it is
    from cnncli.sources.networks import arguments_of

    try:
        return arguments_of(name) or []
    except RequestError as error:
        raise draft.refusal(("model", "name"), str(error)) from None


def _with_init(draft: Draft) -> Draft:
    """A library's network draws its first weights as its authors have it, unless the recipe says how."""
    from cnncli.sources import is_library

    name, section = draft.at(("model", "name")), draft.values.get("train", {})
    if not isinstance(name, str) or not is_library(name) or not isinstance(section, dict) or "init" in section:
        return draft
    return draft.having(("train", "init"), "default", f"train.init=default, for {truncate(name, 60)}")


def _with_data(recipe: Recipe, draft: Draft) -> Recipe:
    """Refuse a data source that is not there, and one without a validation split where `stop` needs one.

    A folder gets its path from the root, so that the recipe reruns from any other.
    """
    from cnncli.data import dataset

    try:
        source = dataset(recipe.data.name)
    except RequestError as error:
        raise draft.refusal(("data", "name"), str(error)) from None
    if recipe.stop.patience is not None and not recipe.data.val and source.val is None:
        wrong = "needs a validation split; write data.val: 0.1 as well, or patience: null"
        raise draft.refusal(("stop", "patience"), wrong)
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"name": source.name})})


def _with_weights(recipe: Recipe, draft: Draft) -> Recipe:
    """A file of weights gets its path from the root too; whether it is there is asked when a run begins."""
    if recipe.model.weights is None:
        return recipe
    try:
        source = located(recipe.model.weights)
    except RequestError as error:
        raise draft.refusal(("model", "weights"), str(error)) from None
    return recipe.model_copy(update={"model": recipe.model.model_copy(update={"weights": source})})


def _check_network(recipe: Recipe, draft: Draft) -> None:
    """Refuse an argument the network does not take, a value it cannot have, and a size that it cannot be built at.

    A network with another number of outputs than the data have classes is refused too (a built-in one adapts).
    """
    from cnncli.analysis.report import resolved as all_sizes
    from cnncli.sources.networks import arguments_of

    model = recipe.model
    known = arguments_of(model.name)
    for key in model.arguments:
        if known is not None and key not in known:
            raise draft.refusal(("model", key), _no_argument(key, model.name, known))
    try:
        network = _network(recipe)
        all_sizes(network)
    except RequestError as error:
        raise draft.refusal(_culprit(recipe), str(error)) from None
    try:
        freeze(network, model.frozen)
    except RequestError as error:
        raise draft.refusal(("model", "frozen"), str(error)) from None


def _no_argument(key: str, name: str, known: Sequence[str]) -> str:
    if key == "classes":
        return "follows from the data set; remove it"
    near = nearest(key, known)
    meant = suggestion(("model", key)) or ""
    if near is None and meant.endswith(f".{key}"):  # a key of another section, not one that looks a little like it
        near = meant
    cure = f"did you mean {near!r}?" if near else f"its own are {', '.join(known) or 'none'}"
    return f"{truncate(name, 40)} has no such argument; {cure}"


def _culprit(recipe: Recipe) -> KeyPath:
    """The key that keeps a network from being written down, as far as one alone does."""
    from cnncli.models import network
    from cnncli.sources import is_library

    if is_library(recipe.model.name):
        return ("model",)
    for key, value in recipe.model.arguments.items():
        argument: dict[str, Any] = {key: value}
        try:
            network(recipe.model.name, **argument)
        except RequestError:
            return ("model", key)
    return ("data", "resize") if recipe.data.resize else ("model",)
