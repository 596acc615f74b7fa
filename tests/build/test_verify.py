"""`--check` finds what differs from torch."""

from __future__ import annotations

import pytest

from cnncli.analysis.report import report
from cnncli.build.verify import disagreements
from cnncli.layers import Call, Tensor
from cnncli.layers.conv import Conv2d
from cnncli.models import network
from cnncli.network.builder import Value, write


def test_torch_agrees_on_lenet() -> None:
    """Nothing to say."""
    assert disagreements(report(network("lenet"))) == []


def test_a_shared_module_is_compared_call_by_call() -> None:
    """Its MACs are those of each use."""

    def twice(x: Value) -> Value:
        first = x(conv=Conv2d(out_channels=3, kernel_size=3))
        return first.again("conv")

    assert disagreements(report(write(twice, name="twice", inputs={"x": Tensor((3, 9, 9))}))) == []


def test_a_wrong_count_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spec that miscounts its MACs is caught, row and figures named."""
    right = Conv2d.macs

    def wrong(self: Conv2d, call: Call) -> int:
        return right(self, call) + 1

    monkeypatch.setattr(Conv2d, "macs", wrong)
    found = disagreements(report(network("lenet")))
    assert [(each.row, each.figure) for each in found] == [("conv1", "MACs"), ("conv2", "MACs")]
    assert found[0].ours == "117,601"
    assert found[0].torchs == "117,600"
