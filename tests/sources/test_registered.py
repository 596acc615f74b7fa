"""The names of a library's models, read off its source: those that it lists itself, and no library imported for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cnncli.errors import UnknownName
from cnncli.sources.registered import refuse_unknown, registered
from tests.cli.quick import heavy_imports
from tests.conftest import Result, assert_refused


def test_torchvision_lists_the_same() -> None:
    """Detection, segmentation, video and quantized ones included."""
    from torchvision import models

    assert registered("torchvision") == set(models.list_models())


def test_timm_lists_the_same() -> None:
    """More than a thousand."""
    timm = pytest.importorskip("timm")
    assert registered("timm") == set(timm.list_models())


def test_a_tag_of_weights_is_no_part_of_the_name() -> None:
    """Timm's own function knows whether there are such weights."""
    pytest.importorskip("timm")
    refuse_unknown("timm", "resnet50.a1_in1k")
    with pytest.raises(UnknownName, match="did you mean 'resnet50'"):
        refuse_unknown("timm", "resnt50")


def test_what_is_not_known_is_let_through() -> None:
    """A library that is not there, or that registers its models in another way."""
    refuse_unknown("no_such_library", "resnet50")
    refuse_unknown("json", "resnet50")


@pytest.mark.parametrize("line", ["summary torchvision:resnet81", "summary timm:resnt50", "code timm:resnt50"])
def test_a_misspelt_name_is_refused_without_torch(line: str) -> None:
    """In a process of its own."""
    assert heavy_imports(line) == []


@pytest.mark.usefixtures("elsewhere")
def test_misspelt_weights_are_refused_with_their_place(cnncli: Callable[..., Result]) -> None:
    """Before a run folder is made."""
    found = cnncli("train lenet model.weights=torchvision:resnet81")
    assert_refused(found, 2, "model.weights=torchvision:resnet81: unknown torchvision model 'resnet81'; did you mean")
