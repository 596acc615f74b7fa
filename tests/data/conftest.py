"""A data folder of its own for each test, and a set in MNIST's format that is small enough to damage."""

from __future__ import annotations

import gc
import random
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from cnncli.data import Dataset
from cnncli.data.mnist import Source, declare

SOURCE = Source(name="tiny", kind="MNIST", train=20, test=10, height=4, width=3, classes=tuple("0123456789"))


@dataclass(frozen=True)
class Tiny:
    """A set of 20 and 10 images, 4×3 pixels, and where it lies."""

    dataset: Dataset
    root: Path
    cache: Path

    @property
    def raw(self) -> Path:
        """The folder of the raw files."""
        return self.root / "MNIST" / "raw"

    @property
    def prepared(self) -> Path:
        """The prepared file in the data folder."""
        return self.root / "prepared" / "tiny.safetensors"


class Served:
    """What this machine serves over HTTP, by path, and how much of each file it sends."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.files: dict[str, bytes] = {}
        self.cut: dict[str, int] = {}


@pytest.fixture
def served() -> Iterator[Served]:
    """A server for one test."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = found.files.get(self.path)
            self.send_response(200 if data else 404)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write((data or b"")[: found.cut.get(self.path)])

        do_HEAD = do_GET  # noqa: N815  (the standard library's name for it)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Served(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()
    with warnings.catch_warnings():  # torchvision leaves the answer 404 open
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def contents(seed: int = 0) -> dict[str, bytes]:
    """The four raw files of the small set."""
    values = random.Random(seed)  # noqa: S311  (pixels, not secrets)
    files = {}
    for name, array in SOURCE.arrays().items():
        highest = 9 if "labels" in name else 255
        size = array.size - len(array.header)
        files[name] = array.header + bytes(values.randint(0, highest) for _ in range(size))
    return files


def put(root: Path, *names: str, mode: str = "RGB") -> None:
    """Small images at those paths, each of its own colour."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, (6, 4), number * 7 % 256 if mode == "L" else (number * 7 % 256, 99, 9)).save(path, "PNG")


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """The small set without its files."""
    root, cache = tmp_path / "data", tmp_path / "cache"
    monkeypatch.setenv("CNNCLI_DATA", str(root))
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr("sys.platform", "linux")
    return Tiny(declare(SOURCE, title="a small set", licence="none"), root, cache / "cnncli")


@pytest.fixture
def tiny(empty: Tiny) -> Tiny:
    """The small set with its raw files in place."""
    empty.raw.mkdir(parents=True)
    for name, data in contents().items():
        (empty.raw / name).write_bytes(data)
    return empty
