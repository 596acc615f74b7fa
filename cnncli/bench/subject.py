"""The network that is measured, as a module with weights, and what it is run on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from cnncli.analysis.report import report
from cnncli.bench.figures import gib
from cnncli.bench.plan import Case
from cnncli.build import build
from cnncli.data.memory import available
from cnncli.errors import RequestError
from cnncli.formats.python.check import filled
from cnncli.layers import Tensor
from cnncli.network import Network
from cnncli.sources import Loaded
from cnncli.tracing.signature import tensors_in
from cnncli.training.precision import Autocast, may_need_float32

ITEM = 4  # bytes of a weight


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A network ready to run. inputs: positional or named, a spec for each tensor"""

    network: Network
    module: nn.Module
    inputs: Any
    device: torch.device

    @property
    def weight_bytes(self) -> int:
        """Of parameters and buffers, each once."""
        own = [*self.module.parameters(), *self.module.buffers()]
        return sum(tensor.nbytes for tensor in {id(tensor): tensor for tensor in own}.values())

    def needed(self, case: Case) -> int:
        """Bytes that a case takes by the figures of the report, in float32."""
        return needed(self.network, case.batch, backward=case.backward)


def subject(loaded: Loaded, device: torch.device) -> Subject:
    """`loaded` with random weights on `device`; raises `RequestError` where they have no room there."""
    totals = report(loaded.network).totals
    wanted, there = ITEM * (totals.params + totals.buffers), room(device)
    if wanted > there:
        raise RequestError(
            f"{loaded.network.name}: its weights take {gib(wanted)}, and {gib(there)} are free on {device}; "
            "measure a smaller network, or on a larger machine"
        )
    torch.manual_seed(0)
    module, inputs = loaded.module, loaded.ran_on
    if module is None:
        module, inputs = build(loaded.network), list(loaded.network.inputs.values())
    else:
        filled(module)
    return Subject(network=loaded.network, module=module.to(device), inputs=inputs, device=device)


def room(device: torch.device) -> int:
    """Bytes that can be allocated on `device`."""
    return int(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else available()


def needed(network: Network, batch: int, *, backward: bool) -> int:
    """Bytes that a batch takes by the figures of the report, in float32.

    With the backward pass what autograd keeps is joined by gradients on their way, which are about as large at once as what is on
    its way without it.
    """
    totals = report(network, batch_size=batch).totals
    weights = totals.training_bytes if backward else ITEM * totals.params
    return weights + ITEM * totals.buffers + totals.peak_inference_bytes


class Run:
    """One case, ready to be run again and again."""

    def __init__(self, subject: Subject, case: Case) -> None:
        """Makes the examples. Raises `RequestError` where the inputs have no batch, and one of several is asked for."""
        self.subject, self.case = subject, case
        self._form = torch.channels_last if case.layout == "channels_last" else torch.contiguous_format
        exact = case.precision != "float32" and may_need_float32(subject.network)
        self._casting = Autocast(getattr(torch, case.precision), subject.device, exact=exact)
        specs = subject.inputs
        if isinstance(specs, Mapping):
            self._args, self._named = (), {name: self._made(each) for name, each in specs.items()}
        else:
            self._args, self._named = tuple(self._made(each) for each in specs), {}

    def settle(self) -> None:
        """Bring the module into the case's mode and layout; not part of what is timed."""
        self.subject.module.train(self.case.backward)
        self.subject.module.to(memory_format=self._form)

    def __call__(self) -> None:
        """Run it once; the device may still be at it."""
        with self._casting():
            if not self.case.backward:
                with torch.inference_mode():
                    self.subject.module(*self._args, **self._named)
                return
            found: list[torch.Tensor] = []
            tensors_in(self.subject.module(*self._args, **self._named), found)
        torch.autograd.backward([each.float().sum() for each in found if each.requires_grad])

    def clear(self) -> None:
        """Let go of gradients."""
        self.subject.module.zero_grad(set_to_none=True)

    def _made(self, value: Any) -> Any:  # noqa: ANN401  (as `record` takes inputs)
        if isinstance(value, Tensor):
            return self._tensor(value)
        if isinstance(value, Mapping):
            return {key: self._made(each) for key, each in value.items()}
        return type(value)(map(self._made, value)) if isinstance(value, list | tuple) else value

    def _tensor(self, spec: Tensor) -> torch.Tensor:
        sizes = list(spec.shape)
        if spec.batch is not None:
            sizes.insert(spec.batch, self.case.batch)
        elif self.case.batch > 1:
            raise RequestError("its inputs have no axis for a batch")
        kind: torch.dtype = getattr(torch, spec.dtype)
        made = torch.randn(sizes).to(kind) if kind.is_floating_point else torch.zeros(sizes, dtype=kind)
        made = made.to(self.subject.device)
        return made.contiguous(memory_format=self._form) if made.dim() == 4 else made


def images(inputs: Any) -> bool:  # noqa: ANN401
    """Whether one of the inputs is a batch of images, which alone can lie with the channels last."""
    return any(len(spec.shape) == 3 and spec.batch is not None for spec in _specs(inputs))


def _specs(value: Any) -> Iterator[Tensor]:  # noqa: ANN401
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _specs(each)
