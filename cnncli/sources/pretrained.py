"""Where a network's first weights come from, if they are not drawn: torchvision's, or a file. Free of torch."""

from __future__ import annotations

from pathlib import Path

from cnncli.errors import DataError, RequestError
from cnncli.files import not_there
from cnncli.sources.registered import refuse_unknown
from cnncli.text import truncate

ZOO = "torchvision:"
SUFFIXES = (".safetensors", ".pt", ".pth")
KEPT = "model.safetensors"  # in a run folder


def located(source: str) -> str:
    """`source` as it can be found from any folder: `torchvision:resnet18`, or a file's path from the root.

    A run folder stands for its `model.safetensors`. Raises `RequestError` for what is neither.
    """
    if source.startswith(ZOO) and source != ZOO:
        refuse_unknown("torchvision", source.removeprefix(ZOO))
        return source
    path = Path(source)
    path = path / KEPT if source and path.is_dir() else path
    if path.suffix.lower() not in SUFFIXES:
        raise RequestError(
            f"{truncate(repr(source), 200)} is no weights; write a .safetensors or .pt file, a run folder, or torchvision:resnet18"
        )
    return str(path.absolute())


def check(source: str | None) -> None:
    """Raise `DataError` where `source`, as `located` has it, is a file that is not there."""
    if source is not None and not source.startswith(ZOO) and not Path(source).is_file():
        raise DataError(
            f"model.weights: {truncate(source, 300)}: {not_there(source, SUFFIXES)}; weights=null begins without"
        )
