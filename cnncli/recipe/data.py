"""`data:` the images to train on, and what happens to them on their way to the network."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from cnncli.recipe.augment import Augmentation, augmentation
from cnncli.recipe.section import Section, clash


class Data(Section):
    """The images to train on, and what happens to them on their way to the network."""

    name: str = Field(description="a data set: digits, mnist, cifar10, folder:PATH, … (cnncli data ls lists them)")
    resize: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="side in pixels of the square that images are scaled to; null: the network's own input size",
    )
    batch_size: int = Field(default=256, ge=1, le=1_000_000, description="images a step")
    val: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="fraction of the training images held out for validation; a set that brings its own validation split, as a "
        "folder with val/ beside test/, uses that and holds nothing out",
    )
    limit: int | None = Field(
        default=None, ge=1, le=10**9, description="train on at most this many images; null: on all"
    )
    normalize: Literal["standard", "unit", "raw"] = Field(
        default="standard",
        description="standard: mean 0 and deviation 1 in each channel over the training images; unit: from 0 to 1, as ToTensor() "
        "leaves them; raw: from 0 to 255",
    )
    augment: tuple[Augmentation, ...] = Field(
        default=(),
        strict=False,  # a list may stand for the tuple; what is in it is strict again
        max_length=16,
        description="random changes to each training image, in this order: {shift: pixels}, {rotate: degrees}, "
        "{scale: fraction}, flip (left to right, every second time), {crop: pixels}, {jitter: fraction}, {cutout: pixels}, "
        "{randaugment: {n: 2, m: 9}}",
    )
    on_bad_image: Literal["fail", "skip"] = Field(
        default="fail",
        description="what to do with an image file that cannot be read: stop, or leave it out and say so",
    )
    cache: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="image files: read once and kept ready at the network's size, or read at every epoch; auto: kept where they "
        "fit in a quarter of the free memory. The numbers that come out are the same",
    )
    workers: int | None = Field(
        default=None,
        ge=0,
        le=256,
        description="processes that read image files; null: as many as the machine has cores, at most 8. Changes no numbers",
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        kinds = [augmentation(entry) for entry in self.augment]
        for index, kind in enumerate(kinds):
            if kind in kinds[:index]:
                clash(("augment",), f"{kind} stands there twice; keep one")
        return self
