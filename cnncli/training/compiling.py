"""Forward passes compiled by torch.compile, which takes some seconds at the first batch and needs a C++ compiler on the CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from cnncli.errors import RequestError
from cnncli.text import truncate


class Compiled:
    """What `module` does, compiled when it is first called; its weights are those of `module`."""

    def __init__(self, module: nn.Module) -> None:
        """Nothing is compiled yet."""
        from torch._dynamo.exc import TorchDynamoException  # here: it takes more than a second to import

        self._run: Any = torch.compile(module)
        self._failure = TorchDynamoException

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """The scores; raises `RequestError` where torch cannot compile here."""
        try:
            scores: torch.Tensor = self._run(images)
        except self._failure as error:
            raise RequestError(
                f"train.compile: torch cannot compile here ({_why(error)}); write compile: false"
            ) from error
        return scores


def _why(error: Exception) -> str:
    """The first line of what went wrong inside; the rest says how to debug torch."""
    lines = str(getattr(error, "inner_exception", error)).splitlines()
    return truncate(next((line.strip() for line in lines if line.strip()), type(error).__name__), 200)
