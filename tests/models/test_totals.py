"""The built-in networks come out as published: parameters, and what is refused."""

from __future__ import annotations

import pytest

from cnncli.analysis.report import report
from cnncli.errors import RequestError, UnknownName
from cnncli.models import models, network

PARAMETERS = [
    ("lenet", {}, 61_706),
    ("lenet@classic", {}, 61_706),
    ("lenet@paper", {}, 60_000),
    ("alexnet", {}, 46_764_746),
    ("alexnet@paper", {}, 60_965_224),
    ("vgg11", {}, 128_806_154),
    ("vgg11", {"ratio": 8, "hidden": 512}, 2_018_346),
    ("vgg11", {"ratio": 4}, 43_093_322),
    ("vgg16@paper", {}, 138_357_544),
    ("nin", {}, 1_992_166),
    ("nin@paper", {}, 966_986),
    ("nin@caffe", {}, 7_595_176),
    ("googlenet", {}, 5_977_530),
    ("googlenet@paper", {}, 6_998_552),
    ("resnet18", {}, 11_689_512),
    ("resnet50", {}, 25_557_032),
    ("densenet121", {}, 7_978_856),
    ("mobilenet_v2", {}, 3_504_872),
]
EVERY = [f"{name}@{edition}" for name, model in models().items() for edition in model.editions]


@pytest.mark.parametrize(("source", "arguments", "parameters"), PARAMETERS)
def test_parameters(source: str, arguments: dict[str, object], parameters: int) -> None:
    """The numbers in the papers, the textbook and torchvision."""
    assert report(network(source, input=None, **arguments)).totals.params == parameters


def test_auxiliary_heads_are_two_outputs_more() -> None:
    """Each head: (512 or 528)·128 + 128, 2048·1024 + 1024, 1024·1000 + 1000."""
    with_heads = network("googlenet@paper", aux=True)
    heads = sum((channels + 1) * 128 + 2049 * 1024 + 1025 * 1000 for channels in (512, 528))
    assert with_heads.outputs == ("fc", "aux1.fc2", "aux2.fc2")
    assert report(with_heads).totals.params == 6_998_552 + heads


@pytest.mark.parametrize("source", EVERY)
def test_every_edition_takes_classes(source: str) -> None:
    """The output is as long as there are classes, and the report has no gaps."""
    found = report(network(source, classes=7))
    assert found.complete
    assert found.rows[-1].call.y.shape == (7,)


@pytest.mark.parametrize(
    ("source", "path", "kind", "count"),
    [
        ("vgg16", "block3", "VGGBlock", 5),
        ("nin@paper", "block2", "NiNBlock", 3),
        ("googlenet", "inception4c", "Inception", 9),
        ("resnet18", "layer3.1", "BasicBlock", 8),
        ("resnet50", "layer3.5", "Bottleneck", 16),
        ("densenet121", "features.denseblock3.denselayer24", "DenseLayer", 58),
        ("mobilenet_v2", "features.17", "InvertedResidual", 17),
    ],
)
def test_blocks_are_instances_of_a_kind(source: str, path: str, kind: str, count: int) -> None:
    """Which block is which, and how many of a kind there are."""
    blocks = network(source).blocks
    assert blocks[path] == kind
    assert list(blocks.values()).count(kind) == count


@pytest.mark.parametrize("name", models())
def test_every_network_says_where_it_comes_from(name: str) -> None:
    """Title, year, paper and a story of two or three sentences; every edition and its function say what is special."""
    model = models()[name]
    assert model.title
    assert 1989 < model.year < 2030
    assert model.year == 1998 or model.year >= 2012
    assert ": " in model.paper
    assert 2 <= model.story.count(". ") + 1 <= 4
    assert all(edition.about for edition in model.editions.values())


def test_the_textbooks_edition_is_the_default_where_there_is_one() -> None:
    """`vgg11` means `vgg11@d2l`; networks that the textbook lacks are torchvision's."""
    for model in models().values():
        assert model.default == ("d2l" if "d2l" in model.editions else "torchvision")


@pytest.mark.parametrize(
    ("source", "arguments", "message"),
    [
        ("vgg11", {"ratio": 65}, "ratio 65 leaves the first block no channels; the most is 64"),
        ("vgg11", {"ratio": 0}, "vgg11: ratio 0 is too small; the least is 1"),
        ("googlenet@paper", {"aux": 1}, "googlenet: aux takes true or false such as False, not 1"),
        (
            "alexnet",
            {"dropout": 2},
            "dropout 2 is no share of the numbers to drop; write one from 0 up to 1, as in 0.5",
        ),
        ("lenet", {"pool": 3}, "lenet: pool takes a word such as 'avg', not 3"),
    ],
)
def test_wrong_arguments_are_refused(source: str, arguments: dict[str, object], message: str) -> None:
    """Name, value and cure."""
    with pytest.raises(RequestError) as error:
        network(source, input=None, **arguments)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("source", "arguments", "message"),
    [
        ("resnet19", {}, "unknown network 'resnet19'; did you mean 'resnet18'?"),
        ("lenet", {"norm": "bach"}, "unknown norm 'bach'; did you mean 'batch'?"),
        ("resnet18@d2l", {}, "resnet18: unknown edition 'd2l'; there is only torchvision"),
        ("vgg16@paper", {"ratio": 8}, "vgg16: unknown argument 'ratio'; there is only classes"),
    ],
)
def test_unknown_names_are_refused(source: str, arguments: dict[str, object], message: str) -> None:
    """With the nearest name, or the few that there are."""
    with pytest.raises(UnknownName) as error:
        network(source, input=None, **arguments)
    assert str(error.value) == message
