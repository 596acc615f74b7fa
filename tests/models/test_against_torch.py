"""Every row of every edition against the built module: shapes, parameters, buffers and MACs, at sizes that divide and that do not."""

from __future__ import annotations

import pytest

from cnncli.analysis.report import report
from cnncli.models import edition, models, network
from tests.models.measure import calls, on_meta

SIZES = [
    (1, 97, 131),
    (3, 224, 224),
    (2, 79, 113),
    (3, 227, 227),
    (1, 96, 96),
    (4, 128, 67),
    (1, 151, 83),
    (3, 192, 160),
    (1, 67, 67),
]
"""Big enough for all; the edition's own input comes first."""
EVERY = [f"{name}@{edition}" for name, model in models().items() for edition in model.editions]
DEEP = ("resnet101", "resnet152", "densenet121")
UNCOUNTED = {"PartialConv2d", "RBF"}
"""Modules of LeNet-5's own: torch's counter counts the first's zeros, and no distances."""


def _cases() -> list[object]:
    cases: list[object] = []
    for source in EVERY:
        sizes = [edition(source)[2].input, *SIZES]
        quick = 1 if source.startswith(DEEP) else 3
        cases += [
            pytest.param(source, size, marks=() if place < quick else pytest.mark.slow)
            for place, size in enumerate(sizes)
        ]
    return cases


@pytest.mark.parametrize(("source", "size"), _cases())
def test_rows_are_what_torch_says(source: str, size: tuple[int, ...]) -> None:
    """Node by node in running order."""
    written = network(source, input=size)
    found = report(written)
    module = on_meta(written)
    measured = calls(written, module)
    assert [row.call.y.shape for row in found.rows] == [call.output for call in measured]
    counted = [
        (row.name, row.macs, call.macs)
        for row, call in zip(found.rows, measured, strict=True)
        if row.layer.torch_name not in UNCOUNTED
    ]
    assert [name for name, ours, torchs in counted if ours != torchs] == []
    own = [row for row in found.rows if ":" not in row.name]
    assert [row.params for row in own] == [
        sum(p.numel() for p in module.get_submodule(row.name).parameters()) for row in own
    ]
    assert found.totals.params == sum(p.numel() for p in module.parameters())
    assert found.totals.params + found.totals.buffers == sum(value.numel() for value in module.state_dict().values())
