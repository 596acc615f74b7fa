"""`FILE.py:Class` and `package.module:factory`: somebody's own code, which is executed.

What stands behind the colon is a class or a function that is called with the `key=value` arguments and gives a `torch.nn.Module`,
or a module itself. `FILE.py` alone will do where it defines one class of modules.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cnncli.errors import DataError, RequestError, UnknownName
from cnncli.files import not_there
from cnncli.sources.cures import Maker
from cnncli.sources.offline import offline
from cnncli.sources.recorded import attempted, built_from, called, recorded
from cnncli.sources.request import Loaded, Request
from cnncli.text import guests

if TYPE_CHECKING:
    from torch import nn


def read(request: Request) -> Loaded:
    """The network that the class or function makes."""
    found, name = _named(request.source)
    module, maker = _module(request, found, name)
    return recorded(request, module, name.rpartition(".")[2], maker=maker)


def parameters(source: str) -> frozenset[str]:
    """The names of the arguments that the class or function takes; none where it is a module already. Raises as `read` does."""
    from torch import nn

    found, _ = _named(source)
    if isinstance(found, nn.Module) or not callable(found):
        return frozenset()
    try:
        return frozenset(signature(found).parameters)
    except (TypeError, ValueError):
        return frozenset()


def _named(source: str) -> tuple[Any, str]:
    """What the source names, and the name."""
    import torch  # noqa: F401  (before the file, which may be called so)

    place, name = _parts(source)
    with attempted(source), guests(), offline():
        code = _of_file(Path(place)) if place.endswith(".py") else import_module(_importable(place))
    name = name or _only_class(code, place)
    return _found(code, name, place), name


def _parts(source: str) -> tuple[str, str]:
    if source.endswith(".py"):
        return source, ""
    before, _, name = source.rpartition(":")
    return before, name


def _of_file(file: Path) -> ModuleType:
    """The file as a Python module of its own; what lies beside it can be imported by it."""
    if not file.is_file():
        raise DataError(f"{str(file)!r}: {not_there(str(file), ('.py',))}; a module of one's own is FILE.py:Class")
    return _executed(file.resolve(), file.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _executed(file: Path, written_at: int) -> ModuleType:  # noqa: ARG001
    """The file, executed once for each time it was written."""
    sys.path.insert(0, str(file.parent))
    name = file.stem if file.stem not in sys.modules else f"{file.stem} (a file)"  # torch.py stays apart from torch
    spec = spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018  (a path that ends in .py has both)
    code = module_from_spec(spec)
    sys.modules[spec.name] = code
    spec.loader.exec_module(code)
    return code


def _importable(name: str) -> str:
    """A package in the current folder is found, as `python -m` would."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    return name


def _classes(code: ModuleType) -> list[str]:
    from torch import nn

    own = (each for each in vars(code).items() if isinstance(each[1], type) and issubclass(each[1], nn.Module))
    return [name for name, kind in own if kind.__module__ == code.__name__]


def _only_class(code: ModuleType, place: str) -> str:
    found = _classes(code)
    if len(found) != 1:
        what = f"defines {', '.join(found)}" if found else "defines no class of torch.nn.Module"
        raise RequestError(f"{place} {what}; name one, as in {place}:{found[0] if found else 'NAME'}")
    return found[0]


def _found(code: ModuleType, name: str, place: str) -> Any:  # noqa: ANN401  (whatever the user made)
    """What `name` stands for, dots reaching into it; raises `UnknownName`."""
    found: Any = code
    for part in name.split("."):
        if not hasattr(found, part):
            known = [each for each, value in vars(found).items() if callable(value) and not each.startswith("_")]
            raise UnknownName("name", part, _classes(code) or known, where=f"{place}: ", cure="it defines none")
        found = getattr(found, part)
    return found


def _module(request: Request, found: Any, name: str) -> tuple[nn.Module, Maker | None]:  # noqa: ANN401
    from torch import nn

    if isinstance(found, nn.Module):
        if request.arguments:
            raise RequestError(f"{request.source} is a module already; leave {next(iter(request.arguments))}= out")
        return found, None
    if not callable(found):
        raise RequestError(f"{request.source} is {_a(found)}; name a class of torch.nn.Module, or what makes one")
    maker = called(request, found, name)
    made: Any = built_from(request, maker)
    if not isinstance(made, nn.Module):
        raise RequestError(f"{request.source} gives {_a(made)}, not a torch.nn.Module; name what makes one")
    return made, maker


def _a(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
