"""`data.augment:` random changes to training images, a class for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import Discriminator, Field, Tag

from cnncli.recipe.section import Section


class Shift(Section):
    """Moves an image sideways and up or down, each by up to `shift` pixels."""

    shift: float = Field(gt=0, le=1024, description="largest distance, in pixels of the network's input")


class Rotate(Section):
    """Turns an image about its centre by up to `rotate` degrees."""

    rotate: float = Field(gt=0, le=180, description="largest angle to either side, in degrees")


class Scale(Section):
    """Enlarges or shrinks an image about its centre."""

    scale: float = Field(gt=0, lt=1, description="largest change: 0.1 draws a factor between 0.9 and 1.1")


class Crop(Section):
    """Cuts an image out of itself with a black margin of `crop` pixels all around: a shift by whole pixels, as usual for CIFAR."""

    crop: int = Field(ge=1, le=1024, description="width of the margin, in pixels of the network's input")


class Jitter(Section):
    """Changes brightness, then contrast, then the strength of the colours."""

    jitter: float = Field(gt=0, le=1, description="largest change: 0.2 draws three factors between 0.8 and 1.2")


class Cutout(Section):
    """Puts a square of the mean colour anywhere on an image (DeVries and Taylor, 2017); it may reach over the edge."""

    cutout: int = Field(ge=1, le=1024, description="side of the square, in pixels of the network's input")


class Strength(Section):
    """How many changes, how strong."""

    n: int = Field(default=2, ge=1, le=14, description="changes of an image, one after the other")
    m: float = Field(default=9, ge=0, le=30, description="strength of each, of 30")


class RandAugment(Section):
    """Changes drawn from fourteen kinds (Cubuk et al., 2019): turned, sheared, moved, colours and levels altered, or none."""

    randaugment: Strength = Field(description="how many changes, how strong: {n: 2, m: 9}")


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
    | Annotated[Crop, Tag("crop")]
    | Annotated[Jitter, Tag("jitter")]
    | Annotated[Cutout, Tag("cutout")]
    | Annotated[RandAugment, Tag("randaugment")]
    | Annotated[Literal["flip"], Tag("flip")],
    Discriminator(augmentation),
]
AUGMENTATIONS: tuple[str, ...] = tuple(part.__metadata__[0].tag for part in get_args(get_args(Augmentation)[0]))
EXAMPLES = {"randaugment": "{randaugment: {n: 2, m: 9}}"} | {
    name: f"{{{name}: …}}" for name in AUGMENTATIONS if name not in {"flip", "randaugment"}
}
