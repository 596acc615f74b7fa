"""`.safetensors`, `.pt`, `.pth`: tensors by name, and no network that would use them."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from cnncli.errors import RequestError
from cnncli.formats.tensors.foreign import refuse
from cnncli.sources.request import Request


def read(request: Request) -> NoReturn:
    """Refuse: only `cnncli summary` has a use for a table of tensors; what is none is told what it is."""
    refuse(Path(request.source))
    raise RequestError(
        f"{request.source} holds tensors, not what is done with them; cnncli summary lists them, a network is a name, "
        "a net.yaml, a net.onnx or FILE.py:Class"
    )
