"""From a module to a network: what all sources share that have to be run to be known."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cnncli.errors import CnncliError, RequestError, UnknownName
from cnncli.layers.traced import Failed
from cnncli.sources.cures import Maker, cure_of, tensors, unbatched, without_weights
from cnncli.sources.offline import offline, refused_download
from cnncli.sources.request import Loaded, Request
from cnncli.text import guests

if TYPE_CHECKING:
    from torch import nn

    from cnncli.network import Node
    from cnncli.tracing import Fault


def recorded(
    request: Request, module: nn.Module, name: str, usual: Sequence[object] = (), maker: Maker | None = None
) -> Loaded:
    """The network that `module` is. usual: its inputs, as `record` takes them, where none were asked for.

    maker: makes the module again with other arguments, where that may help one that raises

    Raises `RequestError` where nobody says what it takes.
    """
    from cnncli.tracing import record

    if not request.inputs and not usual:
        raise RequestError(f"{request.source}: say what it takes, {_how(module)}")
    inputs = unbatched(_inputs(request) or usual) if not request.batch else _inputs(request) or usual
    if next(tensors(inputs), None) is None:
        raise RequestError(f"{request.source}: there is no tensor among its inputs; give one, {_how(module)}")
    with guests():
        found = record(module, inputs, name=name, device=request.device, training=request.training)
        fault = found.failure
        if fault is None:
            return Loaded(found.network, module=module, ran_on=inputs)
        if cure := cure_of(request, module, inputs, maker):
            fault = fault._replace(fix=cure, certain=True)
    network = replace(found.network, nodes=_with_fix(found.network.nodes, fault), origin=partial(_place, fault))
    return Loaded(network, module=module, ran_on=inputs, fault=fault)


def _with_fix(nodes: tuple[Node, ...], fault: Fault) -> tuple[Node, ...]:
    """The nodes, the last of which failed and says what would help."""
    *others, last = nodes
    operation = getattr(last.layer, "operation", last.layer.torch_name)
    return (*others, last._replace(layer=Failed(operation=operation, message=fault.message, fix=fault.fix)))


def _place(fault: Fault, row: str, _reason: str) -> str:
    """`net.py:14`, where the row that failed was called."""
    if row != fault.row or not fault.file:
        return ""
    return f"{shown(fault.file)}:{fault.line}"


def shown(file: str) -> str:
    """A path as one would write it here."""
    here = Path.cwd()
    return str(Path(file).relative_to(here)) if Path(file).is_relative_to(here) else file


def _inputs(request: Request) -> Any:  # noqa: ANN401  (what `record` takes)
    """Positional where they were numbered, else by name; raises `RequestError` for a mixture."""
    numbered = [name for name in request.inputs if name.isdigit()]
    if len(numbered) == len(request.inputs):
        return list(request.inputs.values())
    if numbered:
        raise RequestError("--input: name all inputs or none, as in --input image=3x224x224 --input mask=10")
    return dict(request.inputs)


def _how(module: nn.Module) -> str:
    """`as in --input 3x224x224`, once for each argument that forward needs."""
    parameters = signature(module.forward).parameters.values()
    needed = [
        each for each in parameters if each.default is each.empty and each.kind is Parameter.POSITIONAL_OR_KEYWORD
    ]
    if len(needed) < 2:
        return "as in --input 3x224x224"
    return "one --input each for " + ", ".join(each.name for each in needed)


def called(request: Request, factory: Callable[..., Any], what: str) -> Maker:
    """`factory` with the arguments that were asked for; raises `UnknownName` for one that it does not take."""
    try:
        known = signature(factory).parameters
    except (TypeError, ValueError):
        return partial(factory, **request.arguments)
    if not any(each.kind is Parameter.VAR_KEYWORD for each in known.values()):
        for name in request.arguments:
            if name not in known:
                raise UnknownName("argument", name, known, where=f"{what}: ", cure="it takes none" if not known else "")
    return partial(factory, **request.arguments)


def with_their_name(arguments: Mapping[str, object]) -> dict[str, object]:
    """`classes` is what cnncli calls it, `num_classes` torchvision and timm."""
    return {"num_classes" if key == "classes" else key: value for key, value in arguments.items()}


def built_from(request: Request, maker: Maker) -> nn.Module:
    """The module that `maker` makes, without weights and without a download; raises `RequestError` for what it raises."""
    from cnncli.tracing.building import built

    with attempted(request.source), guests(), offline():
        try:
            return built(maker)
        except Exception as error:
            if not refused_download(error):
                raise
            cure = without_weights(maker, request.arguments) or "give it the arguments that make it without weights"
            raise RequestError(
                f"{request.source}: its code downloads weights, which no figure needs; {cure}"
            ) from error


@contextmanager
def attempted(source: str) -> Iterator[None]:
    """What somebody else's code raises becomes a `RequestError` with file and line."""
    try:
        yield
    except CnncliError:
        raise
    except SystemExit as error:
        raise RequestError(f"{source}: its code ends the program ({error.code!r}); keep that below __main__") from error
    except Exception as error:
        from cnncli.tracing.fault import one_line, place_of

        file, line = (error.filename, error.lineno) if isinstance(error, SyntaxError) else place_of(error)
        cure = _cure_of_error(error, source)
        raise RequestError(f"{f'{shown(file)}:{line}' if file else source}: {one_line(error)}{cure}") from error


def _cure_of_error(error: Exception, source: str) -> str:
    """What to do about an argument or a package that is missing; "" for what else may be wrong."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        return f"; install {package} beside cnncli, or name a file in whose folder {package}.py lies"
    own = re.escape(
        source.rpartition(":")[2].rpartition(".")[2]
    )  # what is lacking elsewhere, no argument of ours gives
    lacks = re.match(rf"{own}(\.__init__)?\(\) missing .* required .*: (.*)", str(error))
    missing = re.findall(r"'(\w+)'", lacks[2]) if lacks else []
    if isinstance(error, TypeError) and missing:
        return f"; give what it needs, as in {source} {' '.join(f'{name}=3' for name in missing)}"
    return ""


def needed(package: str, extra: str) -> ModuleType:
    """A library that comes with an extra; raises `RequestError` saying how to get it."""
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise RequestError(f"{package} is not installed; pip install 'cnncli[{extra}]'") from error
