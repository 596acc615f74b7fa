"""One function for each thing that goes wrong: from what was seen so far to what is to be said of it, or None."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from cnncli.diagnostics import remedies
from cnncli.diagnostics.case import Case
from cnncli.diagnostics.finding import Finding
from cnncli.diagnostics.observation import BATCH_NORM, RELU, SQUASHING, WEIGHTS, Layer
from cnncli.text import truncate

Rule = Callable[[Case], Finding | None]

GUESSING, EXPLODING = "guessing", "exploding"
PLAIN_KINDS = {"blank", "unnormalised", "batch-norm", "fading", EXPLODING, "dead", "saturated", "frozen"}
DEAD = 0.9  # of a layer's units
SATURATED = 0.8  # of a layer's outputs
ENOUGH = 8  # images, below which a unit may well be 0 for all of them
FACTOR = 100  # by which gradients fall from the last layer to the first; 62 in a sigmoid LeNet that learns
PACE = 2e-3  # of its weights that a step moves some layer by, at least, if it is to learn within some epochs
SHORT = 0.01  # of its weights that no step moves any layer by where the rate is too low from the beginning
BLOWN = 2.0  # times the loss of guessing
RESTLESS = 1.005  # times the loss of guessing; labels that mean nothing keep it within 0.3 %
FADED = 0.01  # of the input's deviation
GAP = 0.15  # of accuracy
LASTING = 3  # epochs


def findings(case: Case) -> list[Finding]:
    """What there is to say after the epoch and was not said before, the causes before what they cause."""
    said = {found.kind for found in case.earlier}
    return [found for rule in RULES if (found := rule(case)) is not None and found.kind not in said]


def exploding(case: Case) -> Finding | None:
    """The loss is far above that of guessing."""
    loss, level = case.last.train.loss, case.facts.guessing
    if not 0 < BLOWN * level < loss or case.taken < 50:
        return None
    words = (
        f"the loss of the epoch is {loss:.4g}, {loss / level:.3g} times that of guessing ({level:.4g}): "
        f"steps at optimizer.lr {case.last.lr:.3g} are so long that they throw the weights about"
    )
    return _found(case, EXPLODING, None, words, remedies.lower_rate(case), loss=loss, guessing=level)


def dead(case: Case) -> Finding | None:
    """ReLUs that are 0 whatever the image."""
    seen = case.history.last
    layers = case.lasting(RELU, "idle", DEAD)
    if not layers or seen is None or seen.images < ENOUGH:
        return None
    layer, share = _worst(layers)
    words = (
        f"{_share(share)} of the units of {layer.name} are 0 for all {seen.images:,} images of the batch{_others(layers)}: "
        "dead ReLUs pass no gradient and seldom come back"
    )
    return _found(case, "dead", layer, words, remedies.lower_rate(case), share=share, layers=len(layers))


def saturated(case: Case) -> Finding | None:
    """Sigmoids and tanhs at their ends."""
    layers = case.lasting(SQUASHING, "idle", SATURATED)
    if not layers:
        return None
    layer, share = _worst(layers)
    words = (
        f"{_share(share)} of the outputs of {layer.name} are where the {layer.type} is flat{_others(layers)}, "
        "with less than 5 % of its largest slope: almost no gradient passes"
    )
    blown = case.last.train.loss > case.facts.guessing
    cure = remedies.lower_rate(case) if blown else remedies.stronger_signal(case)
    return _found(case, "saturated", layer, words, cure, share=share, layers=len(layers))


def frozen(case: Case) -> Finding | None:
    """Gradients are there, and no weight moves."""
    last = case.history.last
    rows = [row for _, row in case.weighted]
    if last is None or not any(row.gradient for row in rows) or case.history.moved:
        return None
    gradient = max(row.gradient or 0.0 for row in rows)
    words = (
        f"no step up to {last.step + 1:,} moved a weight of {len(rows)} layers, though there are gradients (the largest "
        f"{gradient:.2g}): "
        f"at optimizer.lr {case.last.lr:.3g} steps are shorter than float32 can write"
    )
    return _found(case, "frozen", None, words, f"optimizer.lr={_usual(case):g}", gradient=gradient, lr=case.last.lr)


def slow(case: Case) -> Finding | None:
    """Steps too short to get anywhere."""
    small = case.pace is not None and 0 < case.pace < PACE and max(case.paces) < SHORT
    if not case.guesses or case.pace is None or not small or _plain(case):
        return None
    words = (
        f"a step moves no layer by more than {100 * case.pace:.2g} % of its weights (the median of the steps looked at); "
        f"about 1 % is usual: optimizer.lr {case.recipe.optimizer.lr:.3g} is too low"
    )
    return _found(case, "slow", None, words, remedies.higher_rate(case), pace=case.pace)


def vanishing(case: Case) -> Finding | None:
    """Gradients that get lost on the way to the input."""
    if not case.guesses or case.fall is None or case.fall[2] < FACTOR or _plain(case) or slow(case):
        return None
    first, last, factor, step = case.fall
    words = (
        f"gradients fall on their way to the input: relative to its weights, that of {first.name} was {_times(factor)} times "
        f"smaller than that of {last.name} at step {step + 1:,}, so the first layers hardly move"
    )
    return _found(case, "vanishing", first, words, remedies.stronger_signal(case), factor=factor, step=step + 1)


def fading(case: Case) -> Finding | None:
    """Outputs that are the same whatever the image."""
    last = case.history.observations[0] if case.history.observations else None
    if not case.guesses or last is None or not last.input_deviation:
        return None
    rows = [pair for pair in zip(case.history.layers, last.seen, strict=True) if pair[0].role == WEIGHTS]
    least = FADED * min(1.0, last.input_deviation)
    faded = [(layer, row.deviation) for layer, row in rows if row.deviation is not None and row.deviation < least]
    if not faded:
        return None
    layer, deviation = faded[0]
    words = (
        f"signals fade on their way through: the input's deviation is {last.input_deviation:.2g}, that of the outputs of "
        f"{layer.name} {deviation:.2g} at step {last.step + 1:,}, so the last layers see no difference between images"
    )
    return _found(case, "fading", layer, words, remedies.stronger_signal(case), deviation=deviation)


def fast(case: Case) -> Finding | None:
    """Steps so long that the loss is worse than that of guessing, by what they throw the weights about."""
    loss, level = case.last.train.loss, case.facts.guessing
    if not case.guesses or loss < RESTLESS * level or case.pace is None or _cause(case, (slow, vanishing)):
        return None
    words = (
        f"the loss is {loss:.4g}, above that of guessing ({level:.4g}), and a step moves some layer by {100 * case.pace:.2g} % "
        f"of its weights: optimizer.lr {case.recipe.optimizer.lr:.3g} is too high"
    )
    return _found(case, "fast", None, words, remedies.lower_rate(case), loss=loss, pace=case.pace)


def shuffled_labels(case: Case) -> Finding | None:
    """Nothing is wrong with the network, and nothing is learned."""
    if not case.guesses or case.pace is None or _cause(case, (slow, vanishing, fast)):
        return None
    first = case.weighted[0] if case.weighted else None
    alive = f"gradients reach {first[0].name} ({first[1].gradient:.2g})" if first else "gradients flow"
    words = (
        f"{alive}, a step moves the weights by {100 * case.pace:.2g} %, no layer is stuck, and still nothing is learned: "
        "the labels seem not to belong to their images"
    )
    return _found(case, "shuffled-labels", None, words, remedies.see_labels(case), pace=case.pace)


def guessing(case: Case) -> Finding | None:
    """No better than a guess."""
    if not case.guesses:
        return None
    cause = _cause(case, (slow, vanishing, fast, shuffled_labels))
    level, last = case.facts.guessing, case.last
    words = (
        f"after {last.epoch} epochs ({last.step:,} steps) the loss is {last.train.loss:.4g} and train acc {last.train.acc:.3f}; "
        f"guessing among {len(case.facts.classes):,} classes gives {level:.4g} and {case.facts.chance:.3f}"
    )
    cure = cause.remedy if cause else remedies.higher_rate(case)
    numbers = {"loss": last.train.loss, "guessing": level, "acc": last.train.acc}
    return _found(case, GUESSING, None, words, cure, **numbers)


def batch_of_one(case: Case) -> Finding | None:
    """Batch normalisation that has nothing to compare with."""
    seen = case.history.last
    layers = [layer for layer, row in case.rows(BATCH_NORM) if row.gradient is not None]
    if not layers or seen is None or seen.images > 1:
        return None
    words = (
        f"{layers[0].name} normalises each image by itself{_more(len(layers) - 1)}: data.batch_size is {seen.images}, so a "
        "batch's mean and deviation are those of one image, and evaluation uses others"
    )
    return _found(case, "batch-norm", layers[0], words, "data.batch_size=32", images=seen.images)


def unnormalised(case: Case) -> Finding | None:
    """Inputs that nobody has brought to mean 0 and deviation 1."""
    seen = case.history.observations[0] if case.history.observations else None
    mean, deviation = (seen.input_mean, seen.input_deviation) if seen else (None, None)
    if mean is None or deviation is None or deviation == 0:
        return None
    low, high = (0.1, 10.0) if case.recipe.data.normalize == "standard" else (0.5, 2.0)
    if low <= deviation <= high and abs(mean) <= high * deviation / 2:
        return None
    words = (
        f"the network's inputs have mean {mean:.3g} and deviation {deviation:.3g}, not 0 and 1 "
        f"(data.normalize is {case.recipe.data.normalize})"
    )
    return _found(case, "unnormalised", None, words, "data.normalize=standard", mean=mean, deviation=deviation)


def blank(case: Case) -> Finding | None:
    """Images without a difference."""
    seen = case.history.observations[0] if case.history.observations else None
    if seen is None or seen.input_deviation is None or seen.input_deviation > 1e-4:
        return None
    mean, deviation = seen.input_mean or 0.0, seen.input_deviation
    words = f"the images do not vary: the values of the first batch have mean {mean:.3g} and deviation {deviation:.2g}"
    return _found(case, "blank", None, words, remedies.see_labels(case), deviation=seen.input_deviation)


def constant_labels(case: Case) -> Finding | None:
    """One class only."""
    if case.facts.chance < 0.999 or sum(case.facts.labels) < 2:
        return None
    name = truncate(case.facts.classes[case.facts.labels.index(max(case.facts.labels))], 40)
    count, images = max(case.facts.labels), sum(case.facts.labels)
    words = f"the labels do not vary: {count:,} of {images:,} training images are of class {name!r}, which is all there is to learn"
    return _found(case, "constant-labels", None, words, remedies.see_labels(case), share=case.facts.chance)


def overfit(case: Case) -> Finding | None:
    """Far better on what it has seen."""
    late = case.epochs[-LASTING:]
    gaps = [epoch.train.acc - epoch.test.acc for epoch in late]
    if len(case.epochs) < LASTING + 1 or case.taken < 100 or min(gaps) < GAP:
        return None
    train, test = case.last.train.acc, case.last.test.acc
    words = (
        f"train acc {train:.3f} is far above test acc {test:.3f}, and was for {LASTING} epochs: the network learns its "
        f"{sum(case.facts.labels):,} training images by heart"
    )
    return _found(case, "overfit", None, words, remedies.less_overfitting(case), train=train, test=test)


PLAIN: tuple[Rule, ...] = (blank, unnormalised, batch_of_one, fading, exploding, dead, saturated, frozen)
"""What is seen for itself; where the run guesses, one of these is the likeliest cause."""
RULES: tuple[Rule, ...] = (constant_labels, *PLAIN, slow, vanishing, fast, shuffled_labels, guessing, overfit)
"""Of the four after the plain ones, at most one holds, and none where a plain one holds or held."""


def _plain(case: Case) -> Finding | None:
    """The likeliest plain thing that is wrong, or else one that was: what killed a network need not show any more."""
    now = (found for rule in PLAIN if (found := rule(case)) is not None)
    before = (found for found in case.earlier if found.kind in PLAIN_KINDS)
    return next(chain(now, before), None)


def _cause(case: Case, others: tuple[Rule, ...]) -> Finding | None:
    """Of guessing: a plain one, or else the first of `others` that holds."""
    found = _plain(case)
    return found or next((other for rule in others if (other := rule(case)) is not None), None)


def _found(case: Case, kind: str, layer: Layer | None, words: str, remedy: str, **numbers: float) -> Finding:
    plain = {name: float(number) for name, number in numbers.items()}
    return Finding(kind, case.last.epoch, layer.name if layer else None, words, remedy, plain)


def _worst(layers: list[tuple[Layer, float]]) -> tuple[Layer, float]:
    return max(layers, key=lambda pair: pair[1])


def _others(layers: list[tuple[Layer, float]]) -> str:
    return f" ({len(layers) - 1} other layer{'s are' if len(layers) > 2 else ' is'} like it)" if len(layers) > 1 else ""


def _more(count: int) -> str:
    return f", and {count} other layer{'s do' if count > 1 else ' does'} too" if count else ""


def _times(factor: float) -> str:
    return f"{factor:,.0f}" if factor < 1e9 else f"{factor:.2g}"


def _share(share: float) -> str:
    return "all" if share == 1 else f"{100 * share:.1f} %"


def _usual(case: Case) -> float:
    """A rate at which the optimizer usually learns something."""
    return {"sgd": 0.1, "adadelta": 1.0}.get(case.recipe.optimizer.name, 0.001)
