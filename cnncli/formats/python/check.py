"""Is the code the network? Both are built, given the same weights, and run on the same input."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncli.errors import RequestError
from cnncli.formats.python.held import saved
from cnncli.formats.python.writing import class_name
from cnncli.layers import Tensor, dims
from cnncli.network import Network

if TYPE_CHECKING:
    import torch
    from torch import nn

EXAMPLES = 2


class Beside(NamedTuple):
    """The file beside the code: its name, and the numbers of buffers by name."""

    name: str
    constants: Mapping[str, torch.Tensor]


class Original(NamedTuple):
    """The module that a network was recorded from, what it was run on, as `record` takes that, and what its code reads besides."""

    module: nn.Module
    inputs: Any
    beside: Beside | None = None


def differences(network: Network, text: str, original: Original | None = None, *, seed: int = 0) -> list[str]:
    """How the module in `text` differs from `build(network)`, or from the module that was recorded.

    In its state dict's keys, or in outputs by a bit at least. Imports torch, runs `text`, and runs both modules on two random
    examples: in eval mode and while training (where dropout drops the same); a module that was recorded in eval mode is the code
    in eval mode, and what it does otherwise while training is in `training_differences`. Empty where they agree. The module gets
    random weights, on the CPU. Raises `RequestError` where it does not run there.
    """
    import torch

    torch.manual_seed(seed)
    pair = _pair(network, text, original)
    wanted, found = pair.ours.state_dict(), pair.theirs.state_dict()
    if wanted.keys() != found.keys():
        return [f"the state dict has {key!r} in one of them only" for key in sorted(wanted.keys() ^ found.keys())[:5]]
    pair.theirs.load_state_dict(wanted)
    modes = (False, True) if original is None else (False,)
    return [each for training in modes for each in _unequal(pair, seed, training=training)]


def training_differences(network: Network, text: str, original: Original, *, seed: int = 0) -> list[str]:
    """How the code of a module that was recorded in eval mode differs from it while training; empty where they agree.

    Empty as well where the module itself does not run so, as on a batch whose mean nobody can take.
    """
    import torch

    torch.manual_seed(seed)
    pair = _pair(network, text, original)
    pair.theirs.load_state_dict(pair.ours.state_dict())
    with suppress(RequestError):
        return _unequal(pair, seed, training=True)
    return []


class _Pair(NamedTuple):
    """Both modules, what runs each of them on its own arguments, and theirs."""

    ours: nn.Module
    theirs: nn.Module
    arguments: tuple[tuple[Any, ...], dict[str, Any]]
    inputs: list[torch.Tensor]


def _pair(network: Network, text: str, original: Original | None) -> _Pair:
    from cnncli.build import build

    theirs = module_in(text, network, None if original is None else original.beside)
    if original is None:
        inputs = [_example(tensor) for tensor in network.inputs.values()]
        return _Pair(build(network), theirs, (tuple(inputs), {}), inputs)
    inputs = []
    filled(original.module)
    if isinstance(original.inputs, Mapping):
        named = {name: _examples(each, inputs) for name, each in original.inputs.items()}
        return _Pair(original.module, theirs, ((), named), inputs)
    return _Pair(original.module, theirs, (tuple(_examples(each, inputs) for each in original.inputs), {}), inputs)


def module_in(text: str, network: Network, beside: Beside | None = None) -> nn.Module:
    """The network's module, made by running the file `text`, which `written` made, with the file beside it."""
    with TemporaryDirectory() as folder:
        if beside is not None:
            saved(beside.constants, Path(folder) / beside.name)
        names: dict[str, Any] = {"__name__": "cnncli_code", "__file__": str(Path(folder) / "net.py")}
        exec(compile(text, "<cnncli code>", "exec"), names)  # noqa: S102  (our own text: names in it are checked)
        module: nn.Module = names[class_name(network)]()
    return module


def misfit(network: Network, text: str, original: Original) -> str:
    """How the state dict of the module in `text` differs from the original's; empty where names, shapes and dtypes are the same.

    Takes no memory: the module is made on the meta device.
    """
    import torch

    try:
        with torch.device("meta"):
            found = _shapes(module_in(text, network, original.beside))
    except Exception as error:  # noqa: BLE001  (whatever it is, the text is wrong)
        return str(error).partition("\n")[0] or type(error).__name__
    wanted = _shapes(original.module)
    for name in sorted(found.keys() | wanted.keys(), key=[*wanted, *found].index):
        if name not in found or name not in wanted:
            return f"the state dict has {name!r} in one of them only"
        if found[name] != wanted[name]:
            return f"{name} is {found[name]} in it, not {wanted[name]}"
    return ""


def _shapes(module: nn.Module) -> dict[str, str]:
    """`parameter 64×3×7×7 float32` by name in the state dict."""
    import torch

    learned = {name for name, _ in module.named_parameters(remove_duplicate=False)}
    return {
        name: f"{'parameter' if name in learned else 'buffer'} {dims(tuple(each.shape)) or '1'} {str(each.dtype)[6:]}"
        for name, each in module.state_dict().items()
        if isinstance(each, torch.Tensor)
    }


def filled(module: nn.Module) -> None:
    """Random weights for a module that was built to be looked at; what its constructor computed with stays as it is."""
    import torch

    learned = {id(each) for each in module.parameters()}

    def real(tensor: torch.Tensor) -> torch.Tensor:
        if id(tensor) not in learned and not tensor.is_meta:
            return tensor
        if not tensor.is_floating_point():
            return torch.zeros_like(tensor, device="cpu")
        if tensor.dim() < 2 or id(tensor) not in learned:
            return torch.empty_like(tensor, device="cpu").uniform_(0.5, 1.5)
        fan_in = math.prod(tensor.shape[1:])
        return torch.empty_like(tensor, device="cpu").normal_(std=fan_in**-0.5)

    with torch.no_grad():
        _apply(module, real)


def _apply(module: nn.Module, real: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Put another tensor in place of each parameter and buffer; one that has several names stays one."""
    from torch import nn

    made: dict[int, torch.Tensor] = {}
    for each in module.modules():
        own: list[tuple[str, torch.Tensor]] = [*each.named_parameters(recurse=False, remove_duplicate=False)]
        own += each.named_buffers(recurse=False, remove_duplicate=False)
        for name, tensor in own:
            if id(tensor) not in made:
                new = real(tensor)
                learned = isinstance(tensor, nn.Parameter)
                made[id(tensor)] = nn.Parameter(new, tensor.requires_grad) if learned else new
            setattr(each, name, made[id(tensor)])


def _examples(value: Any, found: list[torch.Tensor]) -> Any:  # noqa: ANN401
    """A module's argument with random examples for each spec; the network's inputs, batch first, are appended to `found`."""
    if isinstance(value, Tensor):
        tensor = _example(value)
        found.append(tensor if not value.batch else tensor.movedim(value.batch, 0))
        return tensor
    if isinstance(value, Mapping):
        return {key: _examples(each, found) for key, each in value.items()}
    return type(value)(_examples(each, found) for each in value) if isinstance(value, list | tuple) else value


def _example(spec: Tensor) -> torch.Tensor:
    import torch

    sizes = list(spec.shape)
    if spec.batch is not None:
        sizes.insert(spec.batch, EXAMPLES)
    kind: torch.dtype = getattr(torch, spec.dtype)
    return torch.randn(sizes, dtype=kind) if kind.is_floating_point else torch.zeros(sizes, dtype=kind)


def _unequal(pair: _Pair, seed: int, *, training: bool) -> list[str]:
    """The outputs that differ."""
    from cnncli.text import guests
    from cnncli.tracing.fault import one_line

    mode = "training" if training else "evaluating"
    args, named = pair.arguments
    try:
        with guests():
            ours = _run(pair.ours, args, named, seed, training=training)
    except Exception as error:
        raise RequestError(f"--check runs the module on the CPU, where it fails: {one_line(error)}") from error
    try:
        theirs = _run(pair.theirs, tuple(pair.inputs), {}, seed, training=training)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is a difference)
        return [f"it fails while {mode}: {one_line(error)}"]
    if len(ours) != len(theirs):
        return [f"there are {len(theirs)} outputs while {mode}, not {len(ours)}"]
    apart = [_apart(a, b) for a, b in zip(ours, theirs, strict=True)]
    return [f"output {place} differs while {mode}{far}" for place, far in enumerate(apart) if far is not None]


def _apart(a: torch.Tensor, b: torch.Tensor) -> str | None:
    """None where two outputs are equal to the bit; else by how much they differ, where that is a number."""
    import torch

    if a.shape != b.shape or a.dtype != b.dtype:
        return f": it is {tuple(b.shape)} {b.dtype}, not {tuple(a.shape)} {a.dtype}"
    if torch.equal(a.reshape(-1).view(torch.uint8), b.reshape(-1).view(torch.uint8)):
        return None
    most = (a.double() - b.double()).abs().max().item()
    return f", by {most:.1e} at most" if math.isfinite(most) else ""


@contextmanager
def _step_by_step() -> Iterator[None]:
    """While entered, nn.MultiheadAttention runs as it does while training: its short cut in eval mode gives other last bits."""
    import torch

    usual = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(value=False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(value=usual)


def _run(
    module: nn.Module, args: tuple[Any, ...], named: dict[str, Any], seed: int, *, training: bool
) -> list[torch.Tensor]:
    """The module's outputs, with the same random numbers for each that is asked."""
    import torch

    from cnncli.tracing.signature import replaced, tensors_in

    given: list[torch.Tensor] = []
    tensors_in((args, named), given)
    copies = {id(each): each.clone() for each in given}
    torch.manual_seed(seed)
    with torch.no_grad(), _step_by_step():
        result = module.train(training)(*replaced(list(args), copies), **replaced(named, copies))
    found: list[torch.Tensor] = []
    tensors_in(result, found)
    return [each.clone(memory_format=torch.contiguous_format) for each in found]
