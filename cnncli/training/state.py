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
from cnncli.training.monitor import LayerMonitor
from cnncli.training.optimizers import Optimizer
from cnncli.training.precision import LossScaler, Precision
from cnncli.training.setup import Setup
from cnncli.training.weights import initialize, load_pretrained


@dataclass
class Metrics:
    """Loss and accuracy over the training images of the epoch so far; kept on the device, so that no step waits for it.

    Attributes:
        loss: the sum over the images.
        correct: how many were classified correctly.
        images: how many there were.
    """

    loss: torch.Tensor
    correct: torch.Tensor
    images: int = 0

    @classmethod
    def empty(cls, device: torch.device) -> Metrics:
        """Return metrics over no images."""
        exact = torch.float32 if device.type == "mps" else torch.float64
        return cls(torch.zeros((), dtype=exact, device=device), torch.zeros((), dtype=torch.int64, device=device))

    def add(self, loss: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor) -> None:
        """Add one batch, whose mean loss is `loss`."""
        self.loss.add_(loss, alpha=len(labels))
        self.correct += (scores.argmax(1) == labels).sum()
        self.images += len(labels)

    def score(self) -> Score:
        """Return the means; waits for the device."""
        return Score(self.loss.item() / self.images, int(self.correct.item()) / self.images)


@dataclass
class State:
    """Where a run stands.

    Attributes:
        module: what is trained.
        optimizer: with what it keeps from step to step.
        precision: of the forward pass.
        metrics: of the steps that are done of the next epoch.
        monitor: of the layers.
        findings: of the health rules.
        epochs: those that are complete.
        batch: how many steps of the next epoch are done.
        seconds: of training that these took.
        total_seconds: since the start.
        confusion: K×K on the test images after the last epoch.
        average: of the weights, where the recipe asks for one.
        notes: what a user should know about how it began.
        compiled: what trains, where the recipe asks for that.
        scaling: of the loss, in float16.
    """

    module: nn.Module
    optimizer: Optimizer
    precision: Precision
    metrics: Metrics
    monitor: LayerMonitor
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
    def eval_model(self) -> nn.Module:
        """The module that is evaluated and kept: with the averaged weights where there are any."""
        return self.average.module if self.average else self.module

    @property
    def weights(self) -> list[torch.Tensor]:
        """Those that are trained."""
        return self.optimizer.weights

    def set_train_mode(self) -> None:
        """Switch to training mode; frozen layers stay in evaluation mode, so that their statistics are not trained either."""
        self.module.train()
        for layer in self.module.modules():
            weights = list(layer.parameters())
            if weights and not any(weight.requires_grad for weight in weights):
                layer.eval()

    def next_epoch(self, device: torch.device) -> None:
        """Reset what was counted for the epoch that is over."""
        self.batch, self.seconds, self.metrics = 0, 0.0, Metrics.empty(device)


def initial_state(setup: Setup) -> State:
    """Return the state before the first step, with weights drawn or pretrained; raises as `load_pretrained` does."""
    module = _drawn(setup)
    source = setup.recipe.model.weights
    notes = load_pretrained(source, setup.network, module) if source is not None else ()
    return _state(setup, module, (*setup.notes, *notes))


def _drawn(setup: Setup) -> nn.Module:
    torch.manual_seed(setup.recipe.seed)
    module = make_module(setup.recipe.model, setup.network, len(setup.classes))
    initialize(module, setup.network, setup.recipe.train.init)
    return module


def _state(setup: Setup, module: nn.Module, notes: tuple[str, ...] = ()) -> State:
    module.to(setup.device).to(memory_format=setup.memory_format)
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    decay = setup.recipe.train.ema
    average = WeightAverage(module, decay) if decay is not None else None
    return State(
        module,
        Optimizer(setup.recipe.optimizer, weights),
        Precision(setup.precision or torch.float32),
        Metrics.empty(setup.device),
        LayerMonitor(module, hooked=not setup.recipe.train.compile),
        average=average,
        notes=notes,
        compiled=Compiled(module) if setup.recipe.train.compile else None,
        scaling=LossScaler(setup.device) if setup.precision == torch.float16 else None,
    )


def snapshot(state: State, setup: Setup) -> dict[str, Any]:
    """Return all of `state` as tensors and plain values."""
    return {
        "model": dict(state.module.state_dict()),
        "ema": dict(state.average.module.state_dict()) if state.average else None,
        "optimizer": state.optimizer.memory,
        "scaling": state.scaling.memory if state.scaling else None,
        **state.precision.memory,
        "epochs": [epoch.row for epoch in state.epochs],
        "batch": state.batch,
        "loss": state.metrics.loss,
        "correct": state.metrics.correct,
        "images": state.metrics.images,
        "seconds": state.seconds,
        "total_seconds": state.total_seconds,
        "confusion": state.confusion,
        "random": devices.random_state(setup.device),
        "health": health_text(state),
    }


def health_text(state: State) -> str:
    """Return observations and findings so far, as health.json holds them; waits for the device."""
    state.monitor.read()
    return record.text(state.monitor.history, state.findings)


def restore(setup: Setup, saved: dict[str, Any]) -> State:
    """Return the state that `snapshot` took of a run of the same recipe; raises `DataError` where it does not fit the network."""
    state = _state(setup, _drawn(setup))
    try:
        state.module.load_state_dict(saved["model"])
        if state.average:
            state.average.module.load_state_dict(saved["ema"])
        with torch.no_grad():
            for name, slots in state.optimizer.memory.items():
                for slot, value in zip(slots, saved["optimizer"][name], strict=True):
                    slot.copy_(value)
        if state.scaling:
            for name, value in state.scaling.memory.items():
                value.copy_(saved["scaling"][name])
    except (RuntimeError, TypeError, ValueError, KeyError) as error:
        raise DataError(f"the checkpoint is of another network or optimizer: {reason(error)}") from error
    state.epochs = [epoch_of(row) for row in saved["epochs"]]
    state.batch, state.seconds, state.total_seconds = saved["batch"], saved["seconds"], saved["total_seconds"]
    state.metrics = Metrics(saved["loss"].to(setup.device), saved["correct"].to(setup.device), saved["images"])
    state.confusion = saved["confusion"]
    if "health" in saved:
        health = record.parsed(saved["health"], "the checkpoint's health")
        state.monitor.resume(health.history)
        state.findings = list(health.findings)
    if setup.precision is None:
        state.precision = Precision.from_saved(saved) or Precision(torch.bfloat16)
    devices.set_random_state(saved["random"], setup.device)
    return state
