"""Learning a kernel: the textbook's numbers, torch's autograd, and a theory that is put to the test on both sides of its limit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cnncli.errors import RequestError, ShapeError, UnknownName
from cnncli.lessons import descent
from cnncli.lessons.edge_detect import Learned, Task, learn, photograph, prepared, textbook

SEEDS = range(200)
EDGES = [textbook(bias=True), textbook(bias=False)]
IMAGES = arrays(np.float64, st.tuples(st.integers(6, 12), st.integers(6, 12)), elements=st.floats(0, 1, width=32))


def learned(task: Task, seed: int = 0, lr: float | None = 0.01, steps: int | None = 30) -> Learned:
    """A run with its theory."""
    return learn(prepared(task), seed=seed, lr=lr, steps=steps)


def test_the_textbooks_image() -> None:
    """Row by row: white, a black band, white; 1 where it turns black, −1 where it turns white."""
    assert EDGES[0].image.tolist() == [[1, 1, 0, 0, 0, 0, 1, 1]] * 6
    assert EDGES[0].target.tolist() == [[0, 1, 0, 0, 0, -1, 0]] * 6


@pytest.mark.parametrize(
    ("task", "eigenvalues", "limit", "fastest"),
    [(EDGES[0], [12, 19.693, 124.307], 0.01609, 0.01467), (EDGES[1], [12, 60], 0.0333, 0.0278)],
    ids=["bias", "no bias"],
)
def test_the_theory(task: Task, eigenvalues: list[float], limit: float, fastest: float) -> None:
    """The Hessian's eigenvalues, the largest stable rate, the fastest, and the exact optimum: [1, −1], 0, with no error left."""
    theory = prepared(task).theory
    assert theory.eigenvalues == pytest.approx(eigenvalues, abs=5e-4)
    assert theory.max_stable_lr == pytest.approx(limit, abs=5e-5)
    assert theory.fastest_lr == pytest.approx(fastest, abs=5e-5)
    assert theory.optimum == pytest.approx([1, -1, 0][: len(eigenvalues)], abs=1e-12)
    assert theory.least == pytest.approx(0, abs=1e-24)


@pytest.mark.parametrize("task", EDGES, ids=["bias", "no bias"])
def test_it_learns_whatever_the_seed(task: Task) -> None:
    """For 200 seeds the kernel is within 0.1 of [1, −1], and the loss falls at least threefold in any five steps."""
    given = prepared(task)
    for seed in SEEDS:
        run = learn(given, seed=seed).run
        losses = np.array(run.losses, dtype=float)
        assert np.abs(run.learned[:2] - [1, -1]).max() < 0.1
        assert (losses[5:] * 3 <= losses[:-5]).all()


@pytest.mark.parametrize("task", EDGES, ids=["bias", "no bias"])
@pytest.mark.parametrize("seed", range(5))
def test_the_limit_holds_on_both_sides(task: Task, seed: int) -> None:
    """A thousand steps just below it end at the optimum, just above it they run away."""
    limit = prepared(task).theory.max_stable_lr
    below, above = (learned(task, seed, part * limit, 1000).run.losses for part in (0.98, 1.02))
    assert below[-1] is not None
    assert below[-1] < 1e-20
    assert above[-1] is None or above[-1] > 1e20


@pytest.mark.parametrize("task", EDGES, ids=["bias", "no bias"])
@pytest.mark.parametrize("seed", range(5))
def test_the_gradient_is_torchs(task: Task, seed: int) -> None:
    """Thirty steps with torch's conv2d and autograd from the same start: the same losses, the same weights."""
    run = learned(task, seed).run
    kernel, bias = task.split(run.weights[0])
    weight = torch.tensor(kernel[None, None], requires_grad=True)
    extra = torch.tensor([bias or 0.0], dtype=torch.float64, requires_grad=bias is not None)
    x, y = (torch.from_numpy(each[None, None]) for each in (task.image, task.target))
    losses = []
    for _ in range(30):
        loss = ((torch.nn.functional.conv2d(x, weight, extra) - y) ** 2).sum()
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            for each in (weight, extra) if extra.requires_grad else (weight,):
                each.sub_(0.01 * each.grad)
                each.grad = None
    assert run.losses == pytest.approx(losses, rel=1e-9)
    assert run.learned[:2] == pytest.approx(weight.detach().flatten().tolist(), abs=1e-12)
    assert run.learned[2:] == pytest.approx(extra.detach().tolist() if bias is not None else [], abs=1e-12)


@settings(deadline=None, max_examples=50)
@drawn(IMAGES, st.sampled_from(["sobel-x", "laplacian", "box", "sharpen"]), st.booleans(), st.floats(0.1, 1.5))
def test_the_theory_foretells_every_loss(image: np.ndarray, name: str, bias: bool, part: float) -> None:  # noqa: FBT001
    """From the start and the eigenvalues alone, at rates on both sides of the limit and on images that do not determine the kernel."""
    image[0, 0] = 1.0
    task = photograph(image, name, bias=bias)
    found = learned(task, lr=part * prepared(task).theory.max_stable_lr, steps=40)
    foretold = found.theory.losses(found.run.weights[0], found.run.lr, 40)
    assert found.run.losses == pytest.approx(foretold.tolist(), rel=1e-6, abs=1e-12)


@settings(deadline=None, max_examples=25)
@drawn(IMAGES, st.sampled_from(["sobel-y", "gaussian5"]), st.booleans())
def test_many_rows_in_few_are_the_same_steps(image: np.ndarray, name: str, bias: bool) -> None:  # noqa: FBT001
    """Weights and losses with all windows, and with as many rows as there are weights."""
    image[0, 0] = 1.0
    task = photograph(image, name, bias=bias)
    with pytest.MonkeyPatch.context() as patch:
        whole = learned(task, lr=None, steps=20).run
        patch.setattr(descent, "MANY", 0)
        few = learned(task, lr=None, steps=20).run
    assert few.weights == pytest.approx(whole.weights, abs=1e-8)
    assert few.losses == pytest.approx(whole.losses, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", ["sobel-x", "laplacian", "sharpen", "gaussian5"])
def test_a_filter_is_learned_back(name: str) -> None:
    """On noise above 64 rows, so that there are strips: the optimum is the filter, and descent comes within a hundredth of it."""
    image = np.random.default_rng(0).random((150, 90))
    task = photograph(image, name)
    found = learned(task, lr=None, steps=None)
    assert task.kernel is not None
    assert found.theory.optimum == pytest.approx([*task.kernel.ravel(), 0], abs=1e-9)
    assert task.split(found.run.learned)[0] == pytest.approx(task.kernel, abs=0.05)
    assert task.predict(found.theory.optimum) == pytest.approx(task.target, abs=1e-9)


def test_a_run_that_overflows_says_where() -> None:
    """The losses are None from there on, and the weights end there."""
    run = learned(EDGES[0], lr=1, steps=1000).run
    first = run.losses.index(None)
    assert run.overflowed
    assert len(run.weights) == first + 1
    assert all(loss is None for loss in run.losses[first:])
    assert all(loss is not None and np.isfinite(loss) for loss in run.losses[:first])


def test_what_cannot_be_learned_is_refused() -> None:
    """An unknown kernel, an image that is too small, one that is black."""
    with pytest.raises(UnknownName, match="did you mean 'sobel-x'"):
        photograph(np.ones((9, 9)), "sobelx")
    with pytest.raises(ShapeError, match="2×9 pixels are fewer than"):
        photograph(np.ones((2, 9)), "sobel-x")
    with pytest.raises(RequestError, match="black all over"):
        photograph(np.zeros((9, 9)), "sobel-x", bias=False)


def test_a_flat_image_does_not_determine_the_kernel() -> None:
    """All windows alike: one direction of ten is left to learn, and the prediction still becomes the target."""
    task = photograph(np.full((9, 9), 0.5), "box")
    found = learned(task, lr=None, steps=None)
    assert found.theory.undetermined == 9
    assert task.predict(found.run.learned) == pytest.approx(task.target, abs=1e-9)
