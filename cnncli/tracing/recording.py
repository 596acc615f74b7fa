"""Runs a module and gives back the network that it is, as far as it came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from signal import SIGTERM
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from cnncli.build import NetworkModule
from cnncli.errors import RequestError
from cnncli.layers.batch_axis import unlikely
from cnncli.network import Network
from cnncli.tracing.arguments import Arguments, Inputs, leaves
from cnncli.tracing.examples import Batch
from cnncli.tracing.fault import Fault, fault
from cnncli.tracing.garbage import uncollected
from cnncli.tracing.lending import Lent, lent
from cnncli.tracing.modules import module_calls
from cnncli.tracing.recorder import Recorder
from cnncli.tracing.transforms import torch_calls

LARGEST = 2**33
"""Bytes of weights up to which a module is run on the CPU where the meta device does not do."""


class Recording(NamedTuple):
    """What was recorded.

    network: up to the failure if there was one; its last node is then the call that failed · unused: parameters that nothing
    read, by name; they have rows at the end · failure: None where the module ran through · device: where it ran
    """

    network: Network
    unused: tuple[str, ...]
    failure: Fault | None
    device: str


def record(
    module: nn.Module,
    inputs: Inputs,
    *,
    name: str = "",
    device: str = "meta",
    training: bool = False,
) -> Recording:
    """The network that `module` is on `inputs`, called `name` (its class unless given).

    inputs: positional arguments, or named ones; a `Tensor` stands for a batch of such examples, or where its batch is None for
    itself · device: `meta` (the CPU where a module cannot run there) or `cpu` · training: in train mode instead of eval mode

    Raises `RequestError` for another device. A module that raises is no error here: see `Recording.failure`; what is raised by
    the recorder's own fault is raised again.
    """
    if device not in ("meta", "cpu"):
        raise RequestError(f"device {device!r} cannot be recorded on; write meta or cpu")
    module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    way = _Way(module, inputs, name or type(module).__name__, training)
    batched = any(tensor.batch is not None for tensor in leaves(inputs))
    tries = ([("meta", True)] if batched else []) + [("meta", False)] if device == "meta" else []
    best: Recording | None = None
    for place, many in (*tries, ("cpu", False)):
        if best is not None and (best.failure is None or (place == "cpu" and _bytes(module) > LARGEST)):
            break
        found, mixed = way.run(place, many=many)
        if found.failure is None and mixed:  # examples were compared with each other: one alone says what one costs
            alone, _ = way.run(place, many=False)
            return found if alone.failure else alone
        refusal = best.failure if best is not None and best.failure is not None and best.failure.certain else None
        if best is not None and refusal is not None and (found.failure is None or found.failure[:2] == refusal[:2]):
            return best  # what takes a batch of one for something else is no better than what many fail for
        if found.failure is None or (found.failure.certain and not many):
            return found
        best = found
    assert best is not None  # noqa: S101  (there is at least one try)
    if best.failure is not None and best.failure.ours is not None:
        raise best.failure.ours
    return best


class _Way(NamedTuple):
    """What is run, and what the network is called."""

    module: nn.Module
    inputs: Inputs
    name: str
    training: bool

    def run(self, device: str, *, many: bool) -> tuple[Recording, bool]:
        """Run the module on one example or on many; what was recorded, and whether examples were compared with each other."""
        with uncollected(), torch.random.fork_rng(devices=[]), lent(self.module, device, training=self.training) as own:
            batch = Batch(
                self._many(own) if many else 1, declared=any(each.batch is not None for each in leaves(self.inputs))
            )
            recorder = Recorder(own, batch, device)
            arguments = Arguments(recorder)
            failure, outputs = None, []
            try:
                args, kwargs = arguments.make(self.inputs)
                with torch.no_grad(), module_calls(recorder), torch_calls(recorder), recorder:
                    result = self.module(*args, **kwargs)
                    result = list(result) if isinstance(result, Iterator) else result
                outputs = recorder.flows(result)
            except BaseException as error:  # whatever somebody else's module raises
                if isinstance(error, KeyboardInterrupt) or getattr(error, "code", None) == 128 + SIGTERM:
                    raise  # the program is told to end
                failure = fault(error, recorder)
            unused = () if failure else recorder.rows.add_unused()
            network = recorder.drafts.network(self.name, arguments.tensors, outputs, _blocks(self.module, own.modules))
            unread = {} if failure else recorder.rows.unread
            network = replace(network, decided=tuple(recorder.decided), unread=unread)
        if failure is not None:
            failure = failure._replace(row=network.nodes[-1].name)
        return Recording(network, unused, failure, device), batch.mixed

    def _many(self, own: Lent) -> int:
        shapes = [tensor.shape for tensor in own.own.values() if not is_lazy(tensor)]
        return unlikely(size for shape in (*shapes, *(leaf.shape for leaf in leaves(self.inputs))) for size in shape)


def _bytes(module: nn.Module) -> int:
    own = (each for each in (*module.parameters(), *module.buffers()) if not is_lazy(each))
    return sum(tensor.numel() * tensor.element_size() for tensor in own)


def _blocks(module: nn.Module, modules: Mapping[str, nn.Module]) -> dict[str, str]:
    """What each path is an instance of: modules that hold others, plain containers left out."""
    if isinstance(module, NetworkModule):
        return dict(module._network.blocks)
    plain = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
    return {
        path: type(each).__name__
        for path, each in modules.items()
        if path and any(each._modules.values()) and type(each) not in plain
    }
