"""A trained run brought back from its checkpoint alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from cnncli.errors import DataError, RequestError
from cnncli.files import run_folder as folder
from cnncli.runs.load import opened
from cnncli.sources.recipes import load, resolved
from cnncli.training.run import Run, start
from tests.data.conftest import put
from tests.training.conftest import small

NETWORK = """kind: network
name: mine
input: 3x8x8
layers:
  - conv: {Conv2d: {out_channels: 4, kernel_size: 3}}
  - Flatten
  - fc: {Linear: {out_features: 2}}
"""


pytestmark = pytest.mark.usefixtures("elsewhere")


def trained(*overrides: str) -> Run:
    """A small run, trained."""
    asked = load("lenet", small(*overrides))
    run = start(asked, folder.new_folder("lenet", resolved(asked)), "cpu")
    list(run.epochs())
    return run


def same(run: Run, which: str | None = None) -> bool:
    """Whether what is brought back scores an image as the trained module does."""
    back = opened(run.path, which, "cpu")
    images, _ = next(run.setup.test.in_order(16))
    with torch.inference_mode():
        return torch.equal(back.module(images), run.state.eval_model.eval()(images))


def test_a_run_comes_back_with_its_weights() -> None:
    """The last checkpoint; frozen and in evaluation mode, with classes and scale."""
    run = trained()
    back = opened(run.path, device="cpu")
    assert same(run)
    assert (back.which, back.epochs, back.note) == ("last", 2, "")
    assert (back.classes, back.scale, back.size) == (run.setup.classes, run.setup.scale, (1, 28, 28))
    assert not back.module.training
    assert not any(weight.requires_grad for weight in back.module.parameters())


def test_a_validated_run_comes_back_at_its_best() -> None:
    """Unless the last is asked for; a run without validation has no best."""
    assert opened(trained("val=0.1").path, device="cpu").which == "best"
    assert opened(Path("runs/lenet-1"), "last", "cpu").which == "last"
    with pytest.raises(RequestError, match="write --which last"):
        opened(trained().path, "best", "cpu")


def test_the_running_mean_of_the_weights_is_what_comes_back() -> None:
    """As model.safetensors has it."""
    assert same(trained("ema=0.5"))


def test_neither_the_images_nor_the_network_file_are_needed() -> None:
    """A run outlives both: all that is in the checkpoint."""
    put(Path.cwd(), *(f"images/{name}/{number}.png" for name in ("cat", "dog") for number in range(5)))
    Path("mine.yaml").write_text(NETWORK, encoding="utf-8")
    run = trained("data.name=folder:images", "model.name=mine.yaml", "augment=[]", "limit=null")
    shutil.rmtree("images")
    Path("mine.yaml").unlink()
    assert same(run)
    assert opened(run.path, device="cpu").classes == ("cat", "dog")


def test_a_damaged_checkpoint_is_told_of() -> None:
    """The one before it is used; where that is damaged too, nothing is."""
    run = trained()
    (run.path / "checkpoints" / "last.pt").write_bytes(b"damaged")
    back = opened(run.path, device="cpu")
    assert back.epochs == 1
    assert "previous.pt is used instead" in back.note
    (run.path / "checkpoints" / "previous.pt").write_bytes(b"damaged")
    with pytest.raises(DataError, match="damaged"):
        opened(run.path, device="cpu")
