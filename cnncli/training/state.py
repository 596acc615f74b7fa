"""Where a run stands: everything that changes while it trains, and that a checkpoint therefore holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from cnncli.diagnostics import record
from cnncli.diagnostics.epoch import Epoch, Score, epoch_of
from cnncli.diagnostics.finding import Finding
from cnncli.errors import DataError
from cnncli.files import reason
from cnncli.training import device as devices
from cnncli.training.model import Compiled, WeightAverage, make_module
from cnncli.training.monitor import Watch
from cnncli.training.optimizers import Optimizer
from cnncli.training.precision import LossScaler, Precision
from cnncli.training.setup import Job
from cnncli.training.weights import initialize, load_pretrained


@dataclass
class Tally:
    """What the training images of the epoch gave so far; kept on the device, so that no step waits for it.

    loss: the sum over them · correct: how many were classified rightly · images: how many there were
    """

    loss: torch.Tensor
    correct: torch.Tensor
    images: int = 0

    @classmethod
    def empty(cls, device: torch.device) -> Tally:
        """Nothing yet."""
        exact = torch.float32 if device.type == "mps" else torch.float64
        return cls(torch.zeros((), dtype=exact, device=device), torch.zeros((), dtype=torch.int64, device=device))

    def add(self, loss: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor) -> None:
        """Count one batch, whose mean loss is `loss`."""
        self.loss.add_(loss, alpha=len(labels))
        self.correct += (scores.argmax(1) == labels).sum()
        self.images += len(labels)

    def score(self) -> Score:
        """The mean; waits for the device."""
        return Score(self.loss.item() / self.images, int(self.correct.item()) / self.images)


@dataclass
class State:
    """Where a run stands.

    precision: of the forward pass · epochs: those that are complete · batch: how many steps of the next one are done, `tally` and
    `seconds` (of training) what came of them · total_seconds: since the start · confusion: K×K on the test images after the last
    epoch · average: of the weights, where the recipe asks for one · compiled: what trains, where it asks for that · scaling: of the
    loss, in float16 · notes: what a user should know about how it began · watch: what was seen of the layers · findings: what was
    said of it
    """

    module: nn.Module
    optimizer: Optimizer
    precision: Precision
    tally: Tally
    watch: Watch
    findings: list[Finding] = field(default_factory=list)
    epochs: list[Epoch] = field(default_factory=list)
    batch: int = 0
    seconds: float = 0.0
    total_seconds: float = 0.0
    confusion: torch.Tensor | None = None
    average: WeightAverage | None = None
    notes: tuple[str, ...] = ()
    compiled: Compiled | None = None
    scaling: LossScaler | None = None

    @property
    def forward(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """From images to scores, in training."""
        return self.compiled or self.module

    @property
    def judged(self) -> nn.Module:
        """The module with the weights that classify and are kept: the averaged ones where there are any."""
        return self.average.module if self.average else self.module

    @property
    def weights(self) -> list[torch.Tensor]:
        """Those that are trained."""
        return self.optimizer.weights

    def practise(self) -> None:
        """Training mode; frozen layers stay in evaluation mode, so that their statistics are not trained either."""
        self.module.train()
        for layer in self.module.modules():
            owned = list(layer.parameters())
            if owned and not any(weight.requires_grad for weight in owned):
                layer.eval()

    def next_epoch(self, device: torch.device) -> None:
        """Forget what was counted for the epoch that is over."""
        self.batch, self.seconds, self.tally = 0, 0.0, Tally.empty(device)


def begin(job: Job) -> State:
    """A run before its first step, its weights drawn from the recipe's seed or read; raises as `weights.load_pretrained` does."""
    module = _drawn(job)
    source = job.recipe.model.weights
    notes = load_pretrained(source, job.network, module) if source is not None else ()
    return _state(job, module, (*job.notes, *notes))


def _drawn(job: Job) -> nn.Module:
    torch.manual_seed(job.recipe.seed)
    module = make_module(job.recipe.model, job.network, len(job.classes))
    initialize(module, job.network, job.recipe.train.init)
    return module


def _state(job: Job, module: nn.Module, notes: tuple[str, ...] = ()) -> State:
    module.to(job.device).to(memory_format=job.memory_format)
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    decay = job.recipe.train.ema
    average = WeightAverage(module, decay) if decay is not None else None
    return State(
        module,
        Optimizer(job.recipe.optimizer, weights),
        Precision(job.precision or torch.float32),
        Tally.empty(job.device),
        Watch(module, hooked=not job.recipe.train.compile),
        average=average,
        notes=notes,
        compiled=Compiled(module) if job.recipe.train.compile else None,
        scaling=LossScaler(job.device) if job.precision == torch.float16 else None,
    )


def snapshot(state: State, job: Job) -> dict[str, Any]:
    """All of `state` as tensors and plain values."""
    return {
        "model": dict(state.module.state_dict()),
        "ema": dict(state.average.module.state_dict()) if state.average else None,
        "optimizer": state.optimizer.memory,
        "scaling": state.scaling.memory if state.scaling else None,
        **state.precision.memory,
        "epochs": [epoch.row for epoch in state.epochs],
        "batch": state.batch,
        "loss": state.tally.loss,
        "correct": state.tally.correct,
        "images": state.tally.images,
        "seconds": state.seconds,
        "total_seconds": state.total_seconds,
        "confusion": state.confusion,
        "random": devices.random_state(job.device),
        "health": health_text(state),
    }


def health_text(state: State) -> str:
    """What was seen and said so far, as the run's folder keeps it; waits for the device."""
    state.watch.read()
    return record.text(state.watch.history, state.findings)


def restored(job: Job, saved: dict[str, Any]) -> State:
    """The state that `snapshot` took of a run of the same recipe; raises `DataError` where it does not fit the network."""
    state = _state(job, _drawn(job))
    try:
        state.module.load_state_dict(saved["model"])
        if state.average:
            state.average.module.load_state_dict(saved["ema"])
        _remember(state.optimizer, saved["optimizer"])
        if state.scaling:
            for name, value in state.scaling.memory.items():
                value.copy_(saved["scaling"][name])
    except (RuntimeError, TypeError, ValueError, KeyError) as error:
        raise DataError(f"the checkpoint is of another network or optimizer: {reason(error)}") from error
    state.epochs = [epoch_of(row) for row in saved["epochs"]]
    state.batch, state.seconds, state.total_seconds = saved["batch"], saved["seconds"], saved["total_seconds"]
    state.tally = Tally(saved["loss"].to(job.device), saved["correct"].to(job.device), saved["images"])
    state.confusion = saved["confusion"]
    if "health" in saved:
        told = record.parsed(saved["health"], "the checkpoint's health")
        state.watch.go_on(told.history)
        state.findings = list(told.findings)
    if job.precision is None:
        state.precision = Precision.from_saved(saved) or Precision(torch.bfloat16)
    devices.set_random_state(saved["random"], job.device)
    return state


@torch.no_grad()
def _remember(optimizer: Optimizer, memory: dict[str, list[torch.Tensor]]) -> None:
    for name, slots in optimizer.memory.items():
        for slot, value in zip(slots, memory[name], strict=True):
            slot.copy_(value)
