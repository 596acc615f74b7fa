"""Learning a kernel from an image and what the kernel made of it: D2L section 7.2.4, and the same with a photograph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cnncli.errors import RequestError, ShapeError, UnknownName
from cnncli.lessons.descent import Descent, Squares, Theory, descend, squares

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cnncli.lessons.descent import Floats

STRIP = 64  # rows of the output that become windows at once: 64·4,000·9 doubles are 18 MB
LEFT = 0.01  # of the distance from the optimum in the slowest direction, where no number of steps is asked for
MOST_STEPS = 200_000


@dataclass(frozen=True, eq=False)
class Task:
    """What is given: `image`, H×W, and `target`, H'×W'; and what is sought: a kernel h×w, and a bias where there is to be one.

    name: of the kernel that made the target, empty for the textbook's edges · kernel: it
    """

    image: NDArray[np.float64]
    target: NDArray[np.float64]
    size: tuple[int, int]
    bias: bool = True
    name: str = ""
    kernel: Floats | None = None

    def windows(self) -> Iterator[tuple[Floats, Floats]]:
        """Strips of A and y: a row of A is what the kernel reads for one element of y, row by row, and a 1 for the bias."""
        import numpy as np

        (h, w), high = self.size, len(self.target)
        for top in range(0, high, STRIP):
            strip = self.image[top : min(top + STRIP, high) + h - 1]
            rows = np.lib.stride_tricks.sliding_window_view(strip, self.size).reshape(-1, h * w)
            ones = np.ones((len(rows), 1 if self.bias else 0))
            yield np.hstack([rows, ones]), self.target[top : top + STRIP].ravel()

    def split(self, weights: Floats) -> tuple[Floats, float | None]:
        """The kernel and the bias in a vector of all weights."""
        count = self.size[0] * self.size[1]
        return weights[:count].reshape(self.size), float(weights[count]) if self.bias else None

    def predict(self, weights: Floats) -> Floats:
        """What a kernel makes of the image, H'×W'."""
        import numpy as np

        return np.concatenate([rows @ weights for rows, _ in self.windows()]).reshape(self.target.shape)


class Prepared(NamedTuple):
    """A task as a sum of squares over all windows, and the theory of it."""

    task: Task
    squares: Squares
    theory: Theory


class Learned(NamedTuple):
    """What was given, and the run from it. chosen: whether the rate was taken from the theory"""

    task: Task
    theory: Theory
    run: Descent
    seed: int
    chosen: bool

    @property
    def steps(self) -> int:
        """How many were asked for."""
        return len(self.run.losses)


def textbook(*, bias: bool = True) -> Task:
    """6×8 pixels, white with a black band in columns 2 to 5; its edges, 1 from white to black and −1 from black to white."""
    import numpy as np

    image = np.ones((6, 8))
    image[:, 2:6] = 0
    target = np.zeros((6, 7))
    target[:, 1], target[:, 5] = 1, -1
    return Task(image, target, (1, 2), bias)


def photograph(image: Floats, name: str, *, bias: bool = True) -> Task:
    """An image, H×W from 0 to 1, and what the kernel called `name` makes of it. Raises `UnknownName`, `ShapeError`."""
    import numpy as np

    from cnncli.lessons.kernels import KERNELS

    name = name.strip().lower().replace("_", "-")
    if name not in KERNELS:
        raise UnknownName("kernel", name, KERNELS, where="--target: ")
    kernel = np.array(KERNELS[name].matrix, dtype=float)
    (h, w), (high, wide) = kernel.shape, image.shape
    if high < h or wide < w:
        raise ShapeError(
            f"--image: {high}×{wide} pixels are fewer than {name}, which is {h}×{w}", fix="take a larger image"
        )
    if not bias and not image.any():
        raise RequestError(
            "--image: it is black all over, which says nothing about a kernel; take another, or leave --no-bias out"
        )
    empty = Task(image, np.zeros((high - h + 1, wide - w + 1)), (h, w), bias=False)
    return Task(image, empty.predict(kernel.ravel()), (h, w), bias, name, kernel)


def prepared(task: Task) -> Prepared:
    """The task with all that can be said before the first step."""
    return Prepared(task, *squares(task.windows))


def learn(given: Prepared, *, seed: int = 0, lr: float | None = 0.01, steps: int | None = 30) -> Learned:
    """Gradient descent from normally distributed weights, as the textbook starts (its random numbers are torch's, these numpy's).

    lr: None is the fastest by the theory · steps: None is as many as bring the slowest direction to `LEFT` of its distance
    """
    import numpy as np

    start = np.random.default_rng(seed).standard_normal(len(given.theory.optimum))
    if steps is None:
        steps = min(MOST_STEPS, _rounded_up(given.theory.steps_to(LEFT)))
    run = descend(given.squares, start, given.theory.fastest_lr if lr is None else lr, steps)
    return Learned(given.task, given.theory, run, seed, lr is None)


def _rounded_up(steps: int) -> int:
    """To two digits."""
    unit: int = 10 ** max(0, len(str(steps)) - 2)
    return -(-steps // unit) * unit
