"""`data:` the images to train on, and what happens to them on their way to the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self, get_args

from pydantic import Discriminator, Field, Tag, model_validator

from cnncli.recipe_schema.section import Section, clash


class Shift(Section):
    """Moves an image sideways and up or down, each by up to `shift` pixels."""

    shift: float = Field(gt=0, le=1024, description="largest distance, in pixels of the network's input")


class Rotate(Section):
    """Turns an image about its centre by up to `rotate` degrees."""

    rotate: float = Field(gt=0, le=180, description="largest angle to either side, in degrees")


class Scale(Section):
    """Enlarges or shrinks an image about its centre."""

    scale: float = Field(gt=0, lt=1, description="largest change: 0.1 draws a factor between 0.9 and 1.1")


def augmentation(entry: object) -> str | None:
    """What an entry of `augment` is called: `shift` for `{shift: 2}`, `flip` for `flip`; None if it is no such entry."""
    if isinstance(entry, Section):
        return next(iter(type(entry).model_fields))
    if isinstance(entry, Mapping) and len(entry) == 1:
        return str(next(iter(entry)))
    return entry if isinstance(entry, str) else None


Augmentation = Annotated[
    Annotated[Shift, Tag("shift")]
    | Annotated[Rotate, Tag("rotate")]
    | Annotated[Scale, Tag("scale")]
    | Annotated[Literal["flip"], Tag("flip")],
    Discriminator(augmentation),
]
AUGMENTATIONS: tuple[str, ...] = tuple(part.__metadata__[0].tag for part in get_args(get_args(Augmentation)[0]))


class Data(Section):
    """The images to train on, and what happens to them on their way to the network."""

    name: str = Field(description="a data set: digits, mnist, fashion-mnist, …")
    resize: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="side in pixels of the square that images are scaled to; null: the network's own input size",
    )
    batch_size: int = Field(default=256, ge=1, le=1_000_000, description="images a step")
    val: float = Field(default=0.0, ge=0, lt=1, description="fraction of the training images held out for validation")
    limit: int | None = Field(
        default=None, ge=1, le=10**9, description="train on at most this many images; null: on all"
    )
    augment: tuple[Augmentation, ...] = Field(
        default=(),
        strict=False,  # a list may stand for the tuple; what is in it is strict again
        max_length=16,
        description="random changes to each training image, in this order: {shift: pixels}, {rotate: degrees}, "
        "{scale: fraction}, flip (left to right, every second time)",
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        kinds = [augmentation(entry) for entry in self.augment]
        for index, kind in enumerate(kinds):
            if kind in kinds[:index]:
                clash(("augment",), f"{kind} stands there twice; keep one")
        return self
