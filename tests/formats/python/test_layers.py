"""Every kind of layer as Python: the same keys, the same bits; and as YAML, the same layer."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cnncli.analysis.report import report
from cnncli.errors import RequestError
from cnncli.formats.net_yaml import dump, parse
from cnncli.formats.python import to_python
from cnncli.formats.python.check import differences
from cnncli.layers import Tensor, layer_kinds, make
from cnncli.network import Network, Node
from tests.layers.cases import CASES, cases


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kind", sorted(CASES))
@given(data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
def test_every_kind_as_text(kind: str, data: st.DataObject) -> None:
    """Random arguments and shapes, within a network of that one layer: as YAML it is equal, as Python it computes the same."""
    case = data.draw(cases(kind))
    try:
        layer = make(layer_kinds()[kind], case.arguments)
    except RequestError:
        assume(condition=False)
        raise
    inputs = {f"in{place}": Tensor(shape) for place, shape in enumerate(case.shapes)}
    network = Network("one", "", inputs, (Node("layer", layer, tuple(inputs)),), ("layer",))
    assume(report(network).failure is None)
    assert parse(dump(network), "net.yaml").network.nodes == network.nodes
    torch.set_num_threads(1)
    assert differences(network, to_python(network)) == []
