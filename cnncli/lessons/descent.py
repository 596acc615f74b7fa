"""Least squares by gradient descent, with the gradient written out, and the theory that says beforehand what it will do.

The loss is L(w) = |A·w − y|²: its gradient is 2·Aᵀ·(A·w − y), its Hessian 2·Aᵀ·A. Along an eigenvector of the Hessian with
eigenvalue λ, a step of rate r multiplies the distance from the optimum by 1 − r·λ: Goh, "Why momentum really works", 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil, log
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NOTHING = 1e-12  # of the largest eigenvalue: what is smaller is rounding, and its direction changes no loss
MANY = 1000  # rows


class Squares(NamedTuple):
    """L(w) = |rows·w − targets|² + rest; rows: N×n."""

    rows: Floats
    targets: Floats
    rest: float = 0.0

    def loss(self, w: Floats) -> tuple[float, Floats]:
        """The loss, and its gradient."""
        error = self.rows @ w - self.targets
        return float(error @ error) + self.rest, 2 * error @ self.rows


@dataclass(frozen=True, eq=False)
class Theory:
    """What is known of a sum of squares before the first step.

    eigenvalues: of the Hessian, n ascending; 0 where the loss says nothing · directions: n×n, a column for each · optimum: the
    shortest w with the least loss
    """

    eigenvalues: Floats
    directions: Floats
    optimum: Floats
    least: float

    @property
    def steepest(self) -> float:
        """The largest eigenvalue."""
        return float(self.eigenvalues[-1])

    @property
    def flattest(self) -> float:
        """The smallest eigenvalue that is not 0."""
        return float(self.eigenvalues[self.eigenvalues > 0][0])

    @property
    def undetermined(self) -> int:
        """Directions along which the loss does not change."""
        return int((self.eigenvalues == 0).sum())

    @property
    def max_stable_lr(self) -> float:
        """2/λ_max: above it |1 − r·λ_max| > 1, and the distance grows."""
        return 2 / self.steepest

    @property
    def fastest_lr(self) -> float:
        """2/(λ_min + λ_max): the steepest direction then shrinks as slowly as the flattest; at any other rate one is slower."""
        return 2 / (self.flattest + self.steepest)

    def factors(self, lr: float) -> Floats:
        """1 − r·λ for each eigenvalue."""
        return 1 - lr * self.eigenvalues

    def steps_to(self, part: float) -> int:
        """Steps after which, at the fastest rate, `part` of the distance is left in the slowest directions."""
        rate = 1 - self.fastest_lr * self.flattest
        return max(1, ceil(log(part) / log(rate))) if rate > 0 else 1

    def losses(self, start: Floats, lr: float, steps: int) -> Floats:
        """The loss before each step from `start` on, without taking any: Σ ½·λ·(distance·(1 − r·λ)^step)² + the least."""
        import numpy as np

        distance = self.directions.T @ (start - self.optimum)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            shrunk = np.abs(self.factors(lr)) ** np.arange(steps)[:, None] * distance
            found: Floats = shrunk**2 @ self.eigenvalues / 2 + self.least
        return found


@dataclass(frozen=True, eq=False)
class Descent:
    """A run of gradient descent.

    weights: w before each step and after the last, (steps + 1)×n; fewer where it was given up · losses: one a step, computed
    before it; None from the step on whose loss is beyond what a double can hold
    """

    lr: float
    weights: Floats
    losses: tuple[float | None, ...]

    @property
    def overflowed(self) -> bool:
        """Whether it was given up."""
        return None in self.losses

    @property
    def learned(self) -> Floats:
        """The weights after the last step."""
        last: Floats = self.weights[-1]
        return last


def squares(strips: Callable[[], Iterable[tuple[Floats, Floats]]]) -> tuple[Squares, Theory]:
    """The sum of squares over all strips of rows and targets, each N×n and N, and its theory. The strips are asked for twice.

    More than `MANY` rows become n rows with the same Hessian and the same optimum: every step is the same, and quick.
    """
    import numpy as np

    count, gram, pull = 0, np.zeros(()), np.zeros(())
    for rows, targets in strips():
        count, gram, pull = count + len(rows), gram + rows.T @ rows, pull + rows.T @ targets
    values, directions = np.linalg.eigh(gram)
    values = np.where(values > NOTHING * values[-1], values, 0)
    inverse = np.divide(1, values, out=np.zeros_like(values), where=values > 0)
    optimum = directions @ (inverse * (directions.T @ pull))
    least = sum(float(((rows @ optimum - targets) ** 2).sum()) for rows, targets in strips())
    theory = Theory(2 * values, directions, optimum, least)
    if count > MANY:
        few = np.sqrt(values)[:, None] * directions.T
        return Squares(few, few @ optimum, least), theory
    rows, targets = (np.concatenate(parts) for parts in zip(*strips(), strict=True))
    return Squares(rows, targets), theory


def descend(problem: Squares, start: Floats, lr: float, steps: int) -> Descent:
    """`steps` steps of w ← w − lr·gradient from `start`."""
    import numpy as np

    weights = np.empty((steps + 1, len(start)))
    weights[0] = start
    losses: list[float | None] = [None] * steps
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(steps):
            loss, gradient = problem.loss(weights[step])
            if not np.isfinite(loss):
                return Descent(lr, weights[: step + 1], tuple(losses))
            losses[step] = loss
            weights[step + 1] = weights[step] - lr * gradient
    return Descent(lr, weights, tuple(losses))
