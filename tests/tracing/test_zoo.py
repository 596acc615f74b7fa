"""torchvision's models, exactly: parameters, MACs, and torchvision's own published figures."""

from __future__ import annotations

import pytest
import torch
import torchvision

from cnncli.analysis.report import report
from cnncli.layers import Tensor
from cnncli.tracing import record
from tests.tracing.says import macs_by_torch, params_of
from tests.tracing.zoo import Published, published

QUICK = {
    "alexnet",
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "inception_v3",
    "maxvit_t",
    "mnasnet0_5",
    "mobilenet_v3_small",
    "regnet_x_400mf",
    "regnet_y_400mf",
    "resnet18",
    "resnext50_32x4d",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "swin_t",
    "swin_v2_t",
    "vgg11_bn",
    "vit_b_16",
    "vit_b_32",
    "wide_resnet50_2",
}
"""One of each family; the others take a minute and are slow tests."""
ZOO = [pytest.param(each, id=str(each), marks=() if each.name in QUICK else pytest.mark.slow) for each in published()]


def test_every_family_is_in_the_quick_sample() -> None:
    """No family waits for the slow tests alone."""
    families = {type(each.weights).__name__.split("_")[0].lower().rstrip("0123456789") for each in published()}
    assert families == {name.split("_")[0].rstrip("0123456789").replace("wide", "wide") for name in QUICK} - {
        "resnext"
    } | {family for family in families if family.startswith("resnext")}


@pytest.mark.parametrize("model", ZOO)
def test_classifiers(model: Published) -> None:
    """Parameters and MACs are torch's to the last one, MACs torchvision's `_ops` to its three decimals; nothing is unexplained."""
    module = model.module()
    shape = (3, model.side, model.side)
    found = report(record(module, [Tensor(shape)]).network)
    assert found.complete
    assert found.totals.params == params_of(module)
    assert found.totals.macs == macs_by_torch(module, [shape], grad=model.name.startswith("vit"))
    assert round(found.totals.macs / 1e9, 3) == model.weights.meta["_ops"]
    if model.name != "googlenet":  # its table counts the heads that its weights come without
        assert found.totals.params == model.weights.meta["num_params"]


def test_vit_b_16_is_17_564_billion() -> None:
    """Worked out in the paper's terms: the patches' projection, twelve blocks of attention and two dense layers, and a head."""
    patches, width = 14 * 14, 768
    length = patches + 1  # the class token
    block = 4 * length * width**2 + 2 * length**2 * width + 2 * length * width * 4 * width
    assert patches * 3 * 16 * 16 * width + 12 * block + width * 1000 == 17_563_828_224
    with torch.device("meta"):
        module = torchvision.models.vit_b_16()
    found = report(record(module, [Tensor((3, 224, 224))]).network)
    assert found.totals.macs == 17_563_828_224
    assert len(found.rows) == 140  # 89 lines of a table, where activations and dropouts are folded in


SEGMENTATION_AND_VIDEO = [
    ("deeplabv3_mobilenet_v3_large", (3, 224, 224)),
    ("fcn_resnet50", (3, 224, 224)),
    ("lraspp_mobilenet_v3_large", (3, 224, 224)),
    ("mc3_18", (3, 16, 112, 112)),
    ("r2plus1d_18", (3, 16, 112, 112)),
    ("r3d_18", (3, 16, 112, 112)),
    pytest.param("deeplabv3_resnet50", (3, 224, 224), marks=pytest.mark.slow),
    pytest.param("deeplabv3_resnet101", (3, 224, 224), marks=pytest.mark.slow),
    pytest.param("fcn_resnet101", (3, 224, 224), marks=pytest.mark.slow),
    pytest.param("mvit_v1_b", (3, 16, 224, 224), marks=pytest.mark.slow),
    pytest.param("mvit_v2_s", (3, 16, 224, 224), marks=pytest.mark.slow),
    pytest.param("s3d", (3, 16, 224, 224), marks=pytest.mark.slow),
    pytest.param("swin3d_t", (3, 16, 224, 224), marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "shape"), SEGMENTATION_AND_VIDEO)
def test_segmentation_and_video(name: str, shape: tuple[int, ...]) -> None:
    """Nothing is unexplained there either; segmentation returns a dict."""
    given = {} if len(shape) == 4 else {"weights_backbone": None}
    with torch.device("meta"):
        module = torchvision.models.get_model(name, weights=None, **given)
    found = report(record(module, [Tensor(shape)]).network)
    assert found.complete
    assert found.totals.params == params_of(module)
    assert found.totals.macs == macs_by_torch(module, [shape])


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("ssdlite320_mobilenet_v3_large", 320),
        pytest.param("fasterrcnn_mobilenet_v3_large_320_fpn", 320, marks=pytest.mark.slow),
        pytest.param("retinanet_resnet50_fpn", 320, marks=pytest.mark.slow),
        pytest.param("maskrcnn_resnet50_fpn", 320, marks=pytest.mark.slow),
    ],
)
def test_detection(name: str, side: int) -> None:
    """Boxes depend on numbers: run on the CPU, on a list of one image; everything is explained, and holds for this run alone."""
    torch.manual_seed(0)
    module = torchvision.models.get_model(name, weights=None, weights_backbone=None)
    recording = record(module, [[Tensor((3, side, side), batch=None)]])
    found = report(recording.network)
    assert recording.device == "cpu"
    assert found.failure is None
    assert not found.unexplained
    assert found.total_words == "total, of this run"
    assert found.network.decided
    assert found.totals.params == params_of(module)


def test_optical_flow_reads_two_images() -> None:
    """Inputs go by the names of forward's arguments; bilinear sampling costs no MACs."""
    with torch.device("meta"):
        module = torchvision.models.optical_flow.raft_small()
    recording = record(module, [Tensor((3, 128, 128))] * 2)
    found = report(recording.network)
    assert list(recording.network.inputs) == ["image1", "image2"]
    assert found.complete
    assert found.totals.macs == macs_by_torch(module, [(3, 128, 128)] * 2)
