"""SOURCE on the command line: whatever it names becomes a `Network`.

A file in this folder knows one kind of source and has a function `read`, from a `Request` to a `Loaded`; it is imported when one of
its kind is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from cnncli.errors import RequestError
from cnncli.formats.tensors.foreign import OTHERS, SUFFIXES
from cnncli.models import models
from cnncli.models import spelled as built_in_spelled
from cnncli.registry import letters, same_letters
from cnncli.sources.request import Given, Loaded, Request

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Given", "Loaded", "Request", "is_code", "is_library", "is_tensor_table", "load", "made"]

_BY_SUFFIX = {
    ".yaml": "net_yaml",
    ".yml": "net_yaml",
    ".onnx": "onnx_file",
    ".py": "python",
    ".safetensors": "tensor_file",
    ".pt": "tensor_file",
    ".pth": "tensor_file",
    **dict.fromkeys((*SUFFIXES, *OTHERS), "tensor_file"),  # which says what they are instead
}
_LIBRARIES = {"torchvision": "torchvision", "timm": "timm"}
_WHOLE = {"python", "onnx_file", *_LIBRARIES}
"""What may take its inputs whole, without a batch."""


def load(request: Request) -> Loaded:
    """The network that a source names, as it was asked for.

    Raises `UnknownName`, `RequestError` or `DataError`. A module of the user's that raises is no error here: `Loaded.fault`.
    """
    _refuse_misspelt(request.source)
    kind = _kind(request.source)
    if "pretrained" in request.arguments and kind == "built_in":
        raise RequestError(f"{request.source}: figures do not depend on trained weights; leave pretrained= out")
    if "pretrained" in request.arguments and kind == "torchvision":
        raise RequestError(f"{request.source}: torchvision's word for pretrained= is weights=; write weights=DEFAULT")
    if not request.batch and kind not in _WHOLE:
        raise RequestError(f"{request.source} is described for one example, whatever the batch; leave --no-batch out")
    found: Loaded = import_module(f"{__name__}.{kind}").read(replace(request, source=spelled(request.source)))
    return found


def spelled(source: str) -> str:
    """`LeNet`, `torchvision:ResNet18` as they are called here and there; any other source as it is."""
    library, colon, name = source.partition(":")
    if not colon:
        return built_in_spelled(source) if _kind(source) == "built_in" else source
    if library not in _LIBRARIES or (name == name.lower() and "-" not in name):
        return source
    from cnncli.sources.registered import registered

    return f"{library}:{same_letters(name, registered(library)) or name}"


def _refuse_misspelt(source: str) -> None:
    """Raise `RequestError` for a web address, for a class of a file without its one colon, and for a library that is none here."""
    if "://" in source:
        raise RequestError(f"{source}: an address is not read; download the file and name that")
    if Path(source).exists():
        return
    _refuse_several(source)
    file, name = next(
        ((file, name) for dot in ("::", ".") for file, _, name in [source.rpartition(dot)] if name.isidentifier()),
        ("", ""),
    )
    file = file if file.endswith(".py") else f"{file}.py"
    if name != "py" and not source.startswith(file + ":" + name) and Path(file).is_file():
        raise RequestError(f"{source}: a class of a file has one colon before it; write {file}:{name}")
    library, _, name = source.replace("/", ":", 1).partition(":")
    if letters(library) in {"hfhub", "hf"} and name.startswith("timm:"):
        raise RequestError(f"{source}: timm knows it by its name; write timm:{name.removeprefix('timm:')}")
    if not name or "/" in name:
        return
    if library in _LIBRARIES and "/" in source:
        raise RequestError(f"{source}: a library's network has a colon; write {library}:{name}")
    if letters(library) in {"pytorch", "tv", "torchhub", "pytorchvision"}:
        raise RequestError(f"{source}: there is no such package; write torchvision:{letters(name)}")
    if letters(library) in {"keras", "tensorflow", "tf", "hf", "huggingface", "jax", "flax"}:
        raise RequestError(
            f"{source}: only PyTorch's networks are read; a graph as net.onnx, or torchvision:NAME, timm:NAME"
        )


def _refuse_several(source: str) -> None:
    """Raise `RequestError` for two networks in one word, and for a number."""
    if (
        (parts := re.split(r"[,+&/]", source))
        and len(parts) > 1
        and all(same_letters(part, models()) for part in parts)
    ):
        raise RequestError(
            f"{source}: one network at a time, or two beside each other: cnncli diff {parts[0]} {parts[1]}"
        )
    if re.fullmatch(r"[\d.]+", source):
        raise RequestError(
            f"{source}: a number is no network; name one, as lenet, and write the number as key=value or --option"
        )


def made(request: Request) -> nn.Module:
    """The module that a library has under the source's name, its first weights drawn from torch's random numbers.

    Raises as `load` does, and `RequestError` for what the library raises.
    """
    from cnncli.sources.recorded import attempted
    from cnncli.text import guests

    make: Callable[[], nn.Module] = import_module(f"{__name__}.{_kind(request.source)}").maker(request)
    with attempted(request.source), guests():
        return make()


def is_library(source: str) -> bool:
    """Whether `source` is a name in a library of networks, as `torchvision:squeezenet1_1`: no code of a stranger's is run."""
    return _kind(source) in _LIBRARIES.values()


def is_built_in(source: str) -> bool:
    """Whether `source` is called as a network of `cnncli/models/` might be, and is no file or library's."""
    return _kind(source) == "built_in"


def is_code(source: str) -> bool:
    """Whether `source` is somebody's own Python code, which is executed."""
    return _kind(source) == "python"


def _kind(source: str) -> str:
    """The file in this folder that reads sources like this one."""
    before, colon, _ = source.rpartition(":")
    if colon and source.partition(":")[0] in _LIBRARIES:
        return _LIBRARIES[source.partition(":")[0]]
    if colon and (before.endswith(".py") or before.replace(".", "").isidentifier()):
        return "python"
    if Path(source).suffix.lower() in _BY_SUFFIX:
        return _BY_SUFFIX[Path(source).suffix.lower()]
    return "run_folder" if _is_a_folder(source) else "built_in"


def is_tensor_table(source: str) -> bool:
    """Whether `source` is a file of tensors without a network: `.safetensors`, `.pt`, `.pth`."""
    return _kind(source) == "tensor_file"


def require_module(source: str) -> None:
    """Raise `RequestError` where `source` names a file that is no module: it can be looked at, and not be run."""
    what = {"onnx_file": "an ONNX file holds a graph", "tensor_file": "a file of tensors holds no network"}
    if (kind := _kind(source)) in what:
        raise RequestError(
            f"{source}: {what[kind]}, not a module that runs here; name a network, a net.yaml or FILE.py:Class"
        )


def _is_a_folder(source: str) -> bool:
    if "/" in source or "\\" in source:
        return True
    return Path(source).is_dir() and source.partition("@")[0] not in models()
