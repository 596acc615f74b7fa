"""Building a network must not touch the network: what somebody else's constructor would download is refused at once."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn
from unittest import mock

_LOCAL = frozenset({getattr(socket, "AF_UNIX", None)})


class DownloadRefused(Exception):
    """Something was to be downloaded. No `OSError`, which libraries try again after a while."""


@contextmanager
def offline() -> Iterator[None]:
    """While entered, no connection to another machine is opened: `DownloadRefused`; what is cached is found."""
    hub = "huggingface_hub.constants"
    before = getattr(sys.modules.get(hub), "HF_HUB_OFFLINE", os.environ.get("HF_HUB_OFFLINE", "") in {"1", "true"})
    with (
        mock.patch.dict(os.environ, HF_HUB_OFFLINE="1"),
        mock.patch.object(socket, "getaddrinfo", _refuse),
        mock.patch.object(socket.socket, "connect", _connect),
    ):
        _set(hub, to=True)
        try:
            yield
        finally:
            _set(hub, to=before)


def _set(hub: str, *, to: bool) -> None:
    if hub in sys.modules:
        sys.modules[hub].HF_HUB_OFFLINE = to  # type: ignore[attr-defined]


def _refuse(host: object, *_: object, **__: object) -> NoReturn:
    raise DownloadRefused(f"{host}")


_connected = socket.socket.connect


def _connect(self: socket.socket, address: Any) -> None:  # noqa: ANN401
    if self.family in _LOCAL:
        return _connected(self, address)
    raise DownloadRefused(f"{address[0]}")


def refused_download(error: BaseException | None) -> bool:
    """Whether `error` comes of a download that was refused."""
    while error is not None:
        if isinstance(error, DownloadRefused) or type(error).__name__ == "OfflineModeIsEnabled":
            return True
        error = error.__cause__ or error.__context__
    return False
