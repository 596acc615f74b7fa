"""The registry of data sources: what is known about a set before anything heavy is imported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from cnncli.data import dataset, datasets
from cnncli.errors import UnknownName

HEAVY = ("torch", "torchvision", "numpy", "safetensors", "PIL")


def test_facts_are_had_without_anything_heavy() -> None:
    """Looking up every set imports neither torch nor torchvision."""
    code = (
        "import sys; from cnncli.data import dataset, datasets; import cnncli.data.resize; "
        "assert dataset('mnist').train == 60_000; assert datasets(); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_set_is_refused_with_the_nearest_name() -> None:
    """A misspelt set is exit code 2 and "did you mean"."""
    with pytest.raises(UnknownName, match="did you mean 'mnist'") as caught:
        dataset("mnits")
    assert caught.value.exit_code == 2


def test_sets_are_named_as_they_are_registered() -> None:
    """Each set is found under its own name."""
    assert {"digits", "mnist", "fashion-mnist"} <= set(datasets())
    assert all(found.name == name for name, found in datasets().items())


@pytest.mark.parametrize("name", ["digits", "mnist", "fashion-mnist"])
def test_facts_hold_for_what_is_loaded(name: str) -> None:
    """Counts, shape, types and classes of the loaded set are those promised."""
    if name != "digits" and not os.environ.get("CNNCLI_DATA"):
        pytest.skip("CNNCLI_DATA is not set: the real set is not at hand")
    facts = dataset(name)
    train, test, _ = facts.load()
    assert (len(train), len(test)) == (facts.train, facts.test)
    for split in (train, test):
        assert split.images.shape == (len(split), *facts.shape)
        assert (split.images.dtype, split.labels.dtype) == (torch.uint8, torch.int64)
        assert sorted(set(split.labels.tolist())) == list(range(len(facts.classes)))
        assert (int(split.images.min()), int(split.images.max())) == (0, 255)
