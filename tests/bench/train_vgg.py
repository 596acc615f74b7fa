"""VGG-11 (ratio=8 hidden=512) on Fashion-MNIST at 224×224, examples a second: ours, and a plain float32 loop over images in memory.

Needs Fashion-MNIST (CNNCLI_DATA). Each is a process of its own that trains two epochs of 1,024 images in batches of 128, the second
one timed. The bar is for processors with instructions for bfloat16, where `train.precision: auto` takes it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

ROUNDS = 3
IMAGES, BATCH, SIDE = 1024, 128, 224
BAR = 2.5


def main() -> None:
    """Print the best of the interleaved rounds, and how many times as fast ours is."""
    if "CNNCLI_DATA" not in os.environ:
        print("skipped: set CNNCLI_DATA to a folder that holds Fashion-MNIST")
        return
    best = {"ours": 0.0, "plain": 0.0}
    for _ in range(ROUNDS):
        for name, speed in best.items():
            best[name] = max(speed, _measured(name))
    for name, speed in best.items():
        print(f"{name:6} {speed:7.1f} examples/s")
    import torch

    from cnncli.training.device import precision

    quick = precision("auto", torch.device("cpu")) == torch.bfloat16
    bar = f"at least {BAR}×" if quick else "no bar: this processor has no instructions for bfloat16"
    print(f"ours is {best['ours'] / best['plain']:.2f}×  ({bar})")


def _measured(name: str) -> float:
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.train_vgg", name]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def ours() -> float:
    """`cnncli train vgg11-small-fashion-mnist`."""
    root = Path(__file__).parents[2]
    line = f"train vgg11-small-fashion-mnist --limit {IMAGES} --epochs 2 -b {BATCH} --format json"
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(root)}
        command = [sys.executable, "-m", "cnncli", *line.split()]
        found = subprocess.run(command, capture_output=True, check=True, cwd=folder, env=environment)
    second = json.loads(found.stdout.splitlines()[1])
    return IMAGES / float(second["seconds"])


def plain() -> float:
    """A loop as one writes it: resized beforehand, float32, torch's own optimizer, loss and accuracy after every batch."""
    import torch
    from torch import nn
    from torch.nn.functional import interpolate
    from torchvision.datasets import FashionMNIST

    data = FashionMNIST(os.environ["CNNCLI_DATA"])
    pixels = data.data[:IMAGES].unsqueeze(1).float() / 255
    images, labels = interpolate(pixels, (SIDE, SIDE), mode="bilinear", antialias=True), data.targets[:IMAGES]
    torch.manual_seed(0)
    net = _vgg()
    loss, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), 0.05)
    for _ in range(2):
        begun, total, right = perf_counter(), 0.0, 0.0
        for indices in torch.randperm(IMAGES).split(BATCH):
            optimizer.zero_grad()
            scores = net(images[indices])
            found = loss(scores, labels[indices])
            found.backward()
            optimizer.step()
            total += float(found.detach()) * len(indices)
            right += float((scores.argmax(1) == labels[indices]).sum())
        seconds = perf_counter() - begun
    return IMAGES / seconds


def _vgg() -> object:
    from torch import nn

    layers: list[nn.Module] = []
    before = 1
    for count, channels in ((1, 8), (1, 16), (2, 32), (2, 64), (2, 64)):
        for _ in range(count):
            layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
            before = channels
        layers.append(nn.MaxPool2d(2))
    dense = [
        nn.Flatten(),
        nn.Linear(64 * 49, 512),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(512, 512),
        nn.ReLU(),
        nn.Dropout(),
    ]
    net = nn.Sequential(*layers, *dense, nn.Linear(512, 10))
    for layer in net:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
    return net


if __name__ == "__main__":
    print({"ours": ours, "plain": plain}[sys.argv[1]]())
