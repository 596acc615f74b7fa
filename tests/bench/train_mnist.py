"""LeNet on MNIST, examples a second on two threads: ours, the textbook's loop, and a bare loop over float32 in memory.

Needs MNIST (CNNCLI_DATA). Each is a process of its own that trains one epoch of 60,000 images in batches of 256: the sigmoid
LeNet, plain SGD at 0.9. The textbook's way is that of Zhang, Lipton, Li, Smola, Dive into Deep Learning, 7.6: a DataLoader with
four workers that turn PIL images into tensors, and loss and accuracy read after every batch. Loading the batches counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter

ROUNDS = 3
BATCH, RATE = 256, 0.9
BARS = {"textbook": 2.5, "bare": 1.4}


def main() -> None:
    """Print the best of the interleaved rounds, and how many times as fast ours is."""
    if "CNNCLI_DATA" not in os.environ:
        print("skipped: set CNNCLI_DATA to a folder that holds MNIST")
        return
    best = dict.fromkeys(("ours", *BARS), 0.0)
    for _ in range(ROUNDS):
        for name in best:
            best[name] = max(best[name], _measured(name))
    for name, speed in best.items():
        bar = f"  ours is {best['ours'] / speed:.2f}×  (at least {BARS[name]}×)" if name in BARS else ""
        print(f"{name:10} {speed:9,.0f} examples/s{bar}")


def _measured(name: str) -> float:
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.train_mnist", name]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def ours() -> float:
    """`cnncli train lenet-mnist`."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "cnncli", "train", "lenet-mnist", "--epochs", "1", "--format", "json"]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(root)}
        found = subprocess.run(command, capture_output=True, check=True, cwd=folder, env=environment)
    last = json.loads(found.stdout.splitlines()[-1])
    speed: float = last["examples_per_second"]
    return speed


def textbook() -> float:
    """A DataLoader over PIL images."""
    from torch.utils.data import DataLoader
    from torchvision.datasets import MNIST
    from torchvision.transforms import ToTensor

    images = MNIST(os.environ["CNNCLI_DATA"], transform=ToTensor())
    return _epoch(DataLoader(images, batch_size=BATCH, shuffle=True, num_workers=4), len(images))


def bare() -> float:
    """Slices of one float32 tensor."""
    import torch
    from torchvision.datasets import MNIST

    images = MNIST(os.environ["CNNCLI_DATA"])
    pixels, labels = images.data.unsqueeze(1).float() / 255, images.targets
    order = torch.randperm(len(labels)).split(BATCH)
    return _epoch(((pixels[indices], labels[indices]) for indices in order), len(labels))


def _epoch(batches: Iterable[object], count: int) -> float:
    """Train one epoch as the textbook does, and return examples a second of wall-clock time."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    net = _lenet()
    loss, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), RATE)
    total, right = 0.0, 0.0
    begun = perf_counter()
    for pixels, labels in batches:
        optimizer.zero_grad()
        scores = net(pixels)
        found = loss(scores, labels)
        found.backward()
        optimizer.step()
        with torch.no_grad():
            total += float(found * len(labels))
            right += float((scores.argmax(1) == labels).sum())
    return count / (perf_counter() - begun)


def _lenet() -> object:
    from torch import nn

    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10),
    )  # fmt: skip
    for layer in net:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
    return net


if __name__ == "__main__":
    print({"ours": ours, "textbook": textbook, "bare": bare}[sys.argv[1]]())
