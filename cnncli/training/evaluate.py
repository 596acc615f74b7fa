"""How well a module classifies a split: exact counts, whatever the batch size."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cnncli.analysis.report import report
from cnncli.diagnostics.epoch import Score
from cnncli.network import Network
from cnncli.training.images import Images, Streamed

AT_ONCE = 1 << 26  # bytes of activations, so that they stay near the processor
MOST = 1024  # images


def usual_batch(network: Network) -> int:
    """Images to evaluate at once."""
    an_image = max(1, report(network).totals.activation_bytes)
    return min(max(AT_ONCE // an_image, 1), MOST)


def evaluate(
    module: nn.Module, images: Images | Streamed, batch_size: int, halted: Callable[[], bool] = lambda: False
) -> tuple[Score, torch.Tensor] | None:
    """The score of `module` in evaluation mode, and the confusion matrix: K×K counts, a row for each true class.

    The loss is the plain mean cross-entropy. None where `halted` says so before the end.
    """
    module.eval()
    losses, counts = [], []
    with torch.inference_mode():
        for pixels, labels in images.in_order(batch_size):
            scores = module(pixels)
            losses.append(cross_entropy(scores, labels, reduction="sum"))
            counts.append(_confusion(labels, scores))
            if halted():
                return None
    confusion = torch.stack(counts).sum(0).cpu()
    loss = torch.stack(losses).cpu().double().sum().item() / len(images)
    return Score(loss, int(confusion.trace()) / len(images)), confusion


def _confusion(labels: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    classes = scores.shape[1]
    return torch.bincount(labels * classes + scores.argmax(1), minlength=classes * classes).view(classes, classes)
