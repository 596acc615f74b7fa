"""What CONTRIBUTING.md shows works: each whole file is put beside the package's own and used."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from tests.conftest import Result

TEXT = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```python cnncli/(\S+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lay the documented files where the registries look, for one test."""
    for name, source in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        package = import_module(f"cnncli.{path.parent.name}")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(path.parent)])
        monkeypatch.delitem(sys.modules, f"cnncli.{path.parent.name}.{path.stem}", raising=False)


@pytest.mark.usefixtures("added")
def test_a_layer_kind_is_one_file(cnncli: Callable[..., Result]) -> None:
    """The documented layer answers on the command line, and torch makes the same shape of it."""
    import torch

    from cnncli.layers import Tensor, layer_kind, make

    assert "glu" in cnncli("params glu --input 8x4x4").out
    layer = make(layer_kind("glu"), {})
    (output,) = layer.outputs((Tensor((8, 4, 4)),))
    assert tuple(layer.module()(torch.zeros(1, 8, 4, 4)).shape[1:]) == output.shape == (4, 4, 4)


@pytest.mark.usefixtures("added")
def test_a_network_is_one_file(cnncli: Callable[..., Result]) -> None:
    """The documented network is summarised and agrees with torch."""
    found = cnncli("summary lenet300 --check")
    assert found.code == 0, found.err
    assert "266,610" in found.out
    assert "torch agrees" in found.out


def test_both_examples_are_found() -> None:
    """The documents hold the two whole files."""
    assert set(FILES) == {"layers/glu.py", "models/lenet300.py"}
