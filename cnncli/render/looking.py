"""Receptive fields from first to last: the arithmetic is shown, then torch is imported and asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cnncli.data.progress import Progress
from cnncli.errors import RequestError
from cnncli.lessons.images import read_image
from cnncli.lessons.looking import Look
from cnncli.lessons.subject import Subject, image_size
from cnncli.lessons.subject import subject as made
from cnncli.render.data import bar
from cnncli.render.live import Live
from cnncli.render.receptive_field import show_effective, show_for_scripts, show_measured, show_region, show_regions
from cnncli.text import complain, say_picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cnncli.lessons.effective import Effective
    from cnncli.lessons.gradients import Measured


def show_look(look: Look, format: str, *, count: int, seed: int, path: Path | None) -> None:
    """What was asked for, on stdout. count: images to average over · path: where a picture goes"""
    if not look.one:
        show_regions(look.report, look.regions, format, _measured(look) if look.gradients else None)
        return
    (region,) = look.regions
    people = format == "table"
    if people:
        show_region(look.report, region)
    measured, why = _one_measured(look)
    if people and look.gradients:
        show_measured(region, measured, why)
    subject = made(look.asked, seed) if look.effective or (path and look.asked.run) else None
    if subject and subject.note:
        complain(subject.note)
    found = _effective(look, subject, count, seed) if subject and look.effective else None
    if people and found:
        show_effective(region, found)
    if path:
        from cnncli.render.receptive_field_plot import draw

        draw(region, found, _image(look, subject), path)
    if people:
        if path:
            say_picture(path)
    else:
        show_for_scripts(look.report, region, format, measured, found, asked=look.gradients, picture=path)


def _measured(look: Look) -> list[Measured | None]:
    from cnncli.lessons.gradients import measured

    return measured(look.asked, look.regions)


def _one_measured(look: Look) -> tuple[Measured | None, str]:
    """What gradients say of the one region, or why they cannot be asked."""
    try:
        return (_measured(look)[0] if look.gradients else None), ""
    except RequestError as error:
        return None, str(error)


def _effective(look: Look, subject: Subject, count: int, seed: int) -> Effective:
    from cnncli.lessons.effective import effective

    progress = Progress()
    with Live(lambda: bar(progress)):
        return effective(subject, look.regions[0], count, seed, progress)


def _image(look: Look, subject: Subject | None) -> NDArray[np.float32] | None:
    """What the region is drawn on: the image that was named, else a run's first test image."""
    channels, height, width = image_size(look.asked.network.input, look.asked.source)
    if look.image is not None:
        return read_image(look.image, 1 if channels == 1 else 3, (height, width))
    from cnncli.lessons.input_image import first_test_image

    found = first_test_image(subject) if subject else None
    return None if found is None else (found[0].float() / 255).numpy()
