"""Reading what people write on a command line: numbers for each axis, `key=value`, amounts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from cnncli.errors import RequestError
from cnncli.layers.parsing import parts_of


def spread(text: str | None) -> object:
    """A value as a layer's argument: `5`, `3x5`, `true`, `none`, `0.5`, or a word; None where there is none."""
    if text is None:
        return None
    words = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    parts = parts_of(text)
    if (len(parts) > 1 or parts[0] != text) and all(re.fullmatch("0|[1-9][0-9]{0,11}", part) for part in parts):
        return tuple(map(int, parts))
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def pairs(arguments: Iterable[str] | None) -> dict[str, object]:
    """`key=value` arguments as a dict; hyphens in keys are underscores. Raises `RequestError`."""
    found: dict[str, object] = {}
    for argument in arguments or ():
        key, equals, value = argument.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not key or not value:
            raise RequestError(f"{argument!r} is not key=value; write it as in stride=2")
        if key in found:
            raise RequestError(f"{key} is set twice; write it once")
        found[key] = spread(value)
    return found


def merge(given: Mapping[str, object], options: Mapping[str, tuple[str, object]]) -> dict[str, object]:
    """`given` with what options set: key → (flag, value), None where it was not given.

    Raises `RequestError` where an option and a `key=value` set one thing differently.
    """
    merged = dict(given)
    for key, (flag, value) in options.items():
        if value is None:
            continue
        if key in merged and merged[key] != value:
            raise RequestError(f"{flag} {value} and {key}={merged[key]} contradict each other; write one of them")
        merged[key] = value
    return merged


def amount(text: str, option: str) -> int:
    """`5M` as 5,000,000; k, M, G and T are thousands. Raises `RequestError`."""
    factor = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}.get(text[-1:].lower(), 1)
    try:
        number = float(text[:-1] if factor > 1 else text) * factor
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e18:
        raise RequestError(f"{option} {text!r} is not an amount; write it as in 5M or 61706")
    return round(number)


def picture_path(text: str | None, option: str = "--out") -> Path | None:
    """Where a picture is to be written, checked before anything is computed. Raises `RequestError`."""
    if text is not None and not text.lower().endswith(".png"):
        raise RequestError(f"{option} {text!r} must end in .png; write it as in {option} result.png")
    return Path(text) if text is not None else None


def walking(step: bool, every: float | None, format: str) -> bool:
    """Whether steps are to be shown one by one. Raises `RequestError` where the result is for a script."""
    walks = step or every is not None
    if walks and format != "table":
        raise RequestError(f"--step and --every show steps to a person; leave --format {format} out")
    return walks


def image_size(text: str | None, option: str = "--size") -> tuple[int, int] | None:
    """`240x320` as height and width; one number is both. Raises `RequestError`."""
    if text is None:
        return None
    from cnncli.layers.parsing import shape

    found = shape(text, option)
    if len(found) > 2 or max(found) > 10_000:
        raise RequestError(f"{option} {text!r} is no size of an image; write up to 10000 pixels a side, as in 240x320")
    return found[0], found[-1]


def image_channels(text: Literal["1", "3"] | None) -> Literal[1, 3] | None:
    """`--channels` as a number."""
    return None if text is None else 1 if text == "1" else 3
