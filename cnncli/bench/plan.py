"""What is to be measured: batch sizes, numbers, layouts in memory, with and without the backward pass. Free of torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple, TypeVar

from cnncli.errors import RequestError, UnknownName

PRECISIONS = ("float32", "bfloat16")
LAYOUTS = ("contiguous", "channels_last")
LARGEST = 1_000_000  # examples at once
LONGEST = 600.0  # seconds a measurement


Value = TypeVar("Value")


class Case(NamedTuple):
    """One measurement. batch: examples at once · layout: of images in memory · backward: the backward pass too, in training mode"""

    batch: int
    precision: str
    layout: str
    backward: bool

    @property
    def words(self) -> str:
        """`forward + backward of 32, bfloat16, channels last`."""
        what = "forward + backward" if self.backward else "forward"
        return f"{what} of {self.batch:,}, {self.precision}, {self.layout.replace('_', ' ')}"


class Plan(NamedTuple):
    """What was asked for; precisions, layouts: None for what suits the device · seconds: of each measurement."""

    batches: tuple[int, ...]
    precisions: tuple[str, ...] | None
    layouts: tuple[str, ...] | None
    seconds: float
    backward: bool

    def cases(self, precisions: Sequence[str], layouts: Sequence[str]) -> tuple[Case, ...]:
        """All combinations, the numbers changing last."""
        passes = (False, True) if self.backward else (False,)
        return tuple(
            Case(batch, precision, layout, backward)
            for precision, layout, backward, batch in product(precisions, layouts, passes, self.batches)
        )


def planned(batches: str, precisions: str | None, layouts: str | None, seconds: float, *, forward_only: bool) -> Plan:
    """The plan that the options say; raises `RequestError`."""
    if not 0 < seconds <= LONGEST:
        raise RequestError(f"--seconds {seconds:g} is no time to measure for; write one up to {LONGEST:g}, as in 0.5")
    return Plan(
        tuple(sorted(_each(batches, _batch))),
        None if precisions is None else _each(precisions, lambda text: _one_of(text, "--precision", PRECISIONS)),
        None if layouts is None else _each(layouts, lambda text: _one_of(text, "--memory-format", LAYOUTS)),
        seconds,
        backward=not forward_only,
    )


def _each(text: str, read: Callable[[str], Value]) -> tuple[Value, ...]:
    """What stands between commas, each once."""
    return tuple(dict.fromkeys(read(part.strip()) for part in text.split(",")))


def _batch(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:12]) <= LARGEST):
        raise RequestError(f"--batch-size {text!r} is no number of examples; write them as in 1,8,32")
    return int(text)


def _one_of(text: str, option: str, known: Sequence[str]) -> str:
    if text not in known:
        raise UnknownName(option.strip("-").replace("-", " "), text, known)
    return text
