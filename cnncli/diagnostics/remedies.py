"""What to try, as it is written behind `cnncli train`."""

from __future__ import annotations

from shlex import quote

from cnncli.diagnostics.case import Case
from cnncli.text import truncate

SQUASHED = {"sigmoid", "tanh"}


def lower_rate(case: Case) -> str:
    """A tenth."""
    return f"optimizer.lr={case.recipe.optimizer.lr / 10:g}"


def higher_rate(case: Case) -> str:
    """Ten times."""
    return f"optimizer.lr={case.recipe.optimizer.lr * 10:g}"


def stronger_signal(case: Case) -> str:
    """What carries activations and gradients through more layers, the mildest first, of what the network takes."""
    facts, given = case.facts, case.recipe.model.arguments
    if case.recipe.train.init == "default":
        return "train.init=xavier"
    if "activation" in facts.arguments and given.get("activation", "sigmoid") in SQUASHED:
        return "model.activation=relu"
    if "norm" in facts.arguments and given.get("norm", "none") == "none":
        return "model.norm=batch"
    return "train.init=kaiming" if case.recipe.train.init != "kaiming" else "optimizer.name=adamw optimizer.lr=0.001"


def less_overfitting(case: Case) -> str:
    """More images, then images that differ from epoch to epoch, then smaller weights."""
    recipe = case.recipe
    if recipe.data.limit is not None:
        return "data.limit=null"
    if not recipe.data.augment:
        return "'data.augment=[{shift: 2}]'"
    return f"optimizer.weight_decay={recipe.optimizer.weight_decay * 10 or 5e-4:g}"


def see_labels(case: Case) -> str:
    """The images beside their labels."""
    return f"cnncli data info {quote(truncate(case.recipe.data.name))} --out samples.png"
