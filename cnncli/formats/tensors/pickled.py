"""What torch.save wrote: tensors in nested dicts and lists, loaded with `weights_only=True` and never otherwise."""

from __future__ import annotations

import re
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, NamedTuple
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from cnncli.errors import DataError
from cnncli.formats.tensors.listing import Stored, TensorFile

if TYPE_CHECKING:
    import torch

MOST, DEEPEST = 1_000_000, 100
"""Values in a file, and how deep they nest: a few bytes of pickle can hold one list a million times over, or within itself."""
LONGEST = 1000
"""Characters of a key; what is longer is cut."""
CURE = "save the state_dict instead: torch.save(model.state_dict(), …)"


def read(path: Path) -> TensorFile:
    """The tensors in what torch.save wrote to `path`, under dotted names; raises `DataError`."""
    memory, found, plain = _Memory(), list[Stored](), 0
    for name, value in _leaves(path, _loaded(path)):
        if _is_tensor(value):
            found.append(memory.stored(name, value))
        else:
            plain += 1
    return TensorFile(path, "pt", tuple(found), plain)


def _loaded(path: Path) -> object:
    """The file's content on the CPU, its numbers mapped where it is a zip archive; raises `DataError`."""
    import torch

    from cnncli.files import reason

    try:
        mapped = _mappable(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about formats of its own that it has since replaced
            if path.suffix.lower() == ".safetensors":  # torch goes by that of a path
                with path.open("rb") as file:
                    return torch.load(file, map_location="cpu", weights_only=True)
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except UnpicklingError as error:
        raise DataError(_refusal(path, str(error))) from error
    except OSError as error:
        raise DataError(f"cannot read {str(path)!r}: {reason(error)}") from error
    except DataError:
        raise
    except Exception as error:  # a damaged pickle can make anything fail that it may call
        raise DataError(_damaged(path, reason(error))) from error


def _mappable(path: Path) -> bool:
    """Whether torch can map the file: it is a zip archive. Raises `OSError`, and `DataError` for one that is packed."""
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return False
    try:
        with ZipFile(path) as archive:
            held = archive.infolist()
    except (BadZipFile, NotImplementedError, ValueError) as error:
        raise DataError(_damaged(path, str(error))) from error
    if any(each.compress_type != ZIP_STORED for each in held):
        raise DataError(_damaged(path, "its archive is compressed, as torch.save writes none"))
    return True


def _damaged(path: Path, why: str) -> str:
    return (
        f"{str(path)!r} is damaged or nothing that torch.save wrote: {why[:200].rstrip('. ')}; fetch or save it again"
    )


def _refusal(path: Path, said: str) -> str:
    """What is wrong with a pickle that torch did not load: the code that it wants, if that is what was wrong."""
    wanted = _wanted(path) or re.findall(r"GLOBAL (\S+) (?:was not|whose module)", said)
    wanted.sort(key=lambda name: (name.startswith("torch."), name))  # what is not torch's says more
    if wanted:
        more = f" and {len(wanted) - 1} more" if len(wanted) > 1 else ""
        return f"{str(path)!r} is a pickle that wants to run {wanted[0][:100]}{more}, refused; {CURE}"
    if "Unsupported operand" in said or "Unsupported class" in said or "Trying to" in said:
        return f"{str(path)!r} is a pickle that does more than hold tensors, refused; {CURE}"
    return _damaged(path, "it does not unpickle")


def _wanted(path: Path) -> list[str]:
    """The functions and classes that a pickle names and torch does not trust, found without running it."""
    from torch.serialization import get_unsafe_globals_in_checkpoint

    try:
        return list(get_unsafe_globals_in_checkpoint(path))
    except Exception:  # noqa: BLE001  (only says more about a file that is refused already)
        return []


def _is_tensor(value: object) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _leaves(path: Path, content: object) -> Iterator[tuple[str, Any]]:
    """Every tensor and plain value with its dotted name; a lone tensor is called `tensor`."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), content)]
    seen = 0
    while waiting:
        names, value = waiting.pop()
        inside = _inside(value)
        seen += 1
        if seen + len(waiting) + len(inside or ()) > MOST or len(names) > DEEPEST:
            raise DataError(
                f"{str(path)!r} holds more than {MOST:,} values, or nests deeper than {DEEPEST}, refused; {CURE}"
            )
        if inside is None:
            yield ".".join(names) or "tensor", value
        else:
            waiting += [((*names, name), each) for name, each in reversed(inside)]


def _inside(value: object) -> list[tuple[str, Any]] | None:
    """What a container holds, by name; None for what is none."""
    if isinstance(value, Mapping):
        return [(_word(key), each) for key, each in value.items()]
    if isinstance(value, list | tuple | set | frozenset):
        return [(str(place), each) for place, each in enumerate(value)]
    return None


def _word(key: object) -> str:
    """A key as part of a name; of one that is neither a word nor a number, what it is."""
    return str(key)[:LONGEST] if isinstance(key, str | int | float) else type(key).__name__


class _Part(NamedTuple):
    """A stretch of a storage, in bytes. name: of the first tensor that lies in it · order: which tensor of the file that is"""

    start: int
    end: int
    name: str
    order: int


class _Memory:
    """The storages seen so far, and which stretches of them tensors lie in: apart from each other, in their order."""

    def __init__(self) -> None:
        self._parts: dict[int, list[_Part]] = {}
        self._seen = 0

    def stored(self, name: str, tensor: torch.Tensor) -> Stored:
        """What is to be said of `tensor`: of its memory only what no tensor before it holds counts."""
        shape, dtype = tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")
        item, numbers, stretch = tensor.element_size(), tensor.numel(), _stretch(tensor)
        if stretch is None:
            held = _entries(tensor)
            return Stored(name, shape, dtype, item * held, held, item * held)
        self._seen += 1
        parts = self._parts.setdefault(tensor.untyped_storage()._cdata, [])  # noqa: SLF001  (torch's own way to tell them apart)
        first, uncovered = _add(parts, _Part(*stretch, name, self._seen))
        fresh = min(numbers, uncovered // item)
        return Stored(name, shape, dtype, item * numbers, fresh, item * fresh, first)


def _add(parts: list[_Part], part: _Part) -> tuple[str | None, int]:
    """Lay `part` into a storage: whose memory it meets there, and how many of its bytes lie in nobody's."""
    low = bisect_right(parts, part.start, key=lambda each: each.end)
    high = bisect_left(parts, part.end, key=lambda each: each.start)
    met = parts[low:high]
    covered = sum(min(part.end, each.end) - max(part.start, each.start) for each in met)
    first = min((*met, part), key=lambda each: each.order)
    low_end = min(each.start for each in (*met, part))
    parts[low:high] = [first._replace(start=low_end, end=max(each.end for each in (*met, part)))]
    return (first.name if met else None), part.end - part.start - covered


def _entries(tensor: torch.Tensor) -> int:
    """Numbers that are there: of a sparse tensor those that are not zero."""
    import torch

    if tensor.layout == torch.sparse_coo:
        return tensor._values().numel()  # noqa: SLF001  (values() wants them summed up first)
    return tensor.values().numel() if "sparse" in str(tensor.layout) else tensor.numel()


def _stretch(tensor: torch.Tensor) -> tuple[int, int] | None:
    """Where a tensor lies in its storage, in bytes; None for an empty one, and for one without strides (sparse)."""
    import torch

    if tensor.layout != torch.strided or not tensor.numel():
        return None
    item = tensor.element_size()
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    start = int(tensor.storage_offset()) * item
    return start, start + (last + 1) * item
