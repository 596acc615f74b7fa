"""The built-in networks and their editions, with what each costs."""

from __future__ import annotations

import pytest

from cnncli.analysis.catalogue import names, variant, variants
from cnncli.analysis.report import report
from cnncli.errors import UnknownName
from cnncli.models import models, network


def test_every_network_is_named_once_the_oldest_first() -> None:
    """By year, LeNet at the head."""
    found = names()
    assert sorted(found) == sorted(models())
    assert found[0] == "lenet"
    assert [models()[name].year for name in found] == sorted(each.year for each in models().values())


@pytest.mark.parametrize("name", ["lenet", "vgg11", "googlenet", "resnet18"])
def test_a_variant_has_the_figures_of_its_report(name: str) -> None:
    """Every edition once, the default first and marked, at its own input."""
    found = list(variants(name))
    assert [each.edition for each in found] == list(models()[name].editions)
    assert [each.default for each in found] == [True] + [False] * (len(found) - 1)
    for each in found:
        totals = report(network(each.source)).totals
        assert (each.params, each.macs) == (totals.params, totals.macs)
        assert network(each.source).inputs["input"].shape == each.input


def test_one_edition_alone() -> None:
    """A name with an edition is that edition; a bare one the default."""
    assert [each.source for each in variants("lenet@paper")] == ["lenet@paper"]
    assert variant("lenet").source == "lenet@d2l"
    assert variant("lenet").arguments == {"classes": 10, "activation": "sigmoid", "pool": "avg", "norm": "none"}
    assert not variant("lenet@paper").default


@pytest.mark.parametrize("source", ["lennet", "lenet@papr"])
def test_names_that_nobody_knows(source: str) -> None:
    """Both parts are looked up, with a suggestion."""
    with pytest.raises(UnknownName, match="did you mean"):
        list(variants(source))
