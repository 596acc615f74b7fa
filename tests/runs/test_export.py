"""Exports say what the network says, or are not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors import safe_open
from torch import nn

from cnncli.build import build
from cnncli.data import dataset
from cnncli.errors import CheckFailed
from cnncli.files import data_folder
from cnncli.files import run_folder as folder
from cnncli.models import network
from cnncli.runs.export import export as exporting
from cnncli.runs.export import samples as sampling
from cnncli.runs.export.agreement import TOLERANCE, Agreement, agreement
from cnncli.runs.export.export import Export, export
from cnncli.runs.export.formats import FORMATS
from cnncli.runs.export.request import SUFFIXES, wanted
from cnncli.runs.load import Opened, opened
from cnncli.sources.recipes import load, resolved
from cnncli.training.images import Scale, finish
from cnncli.training.run import start
from tests.training.conftest import small


def trained(*overrides: str, recipe: str = "lenet") -> Path:
    """A small run in the current folder, trained."""
    asked = load(recipe, small(*overrides))
    run = start(asked, folder.new_folder(recipe, resolved(asked)), "cpu")
    list(run.epochs())
    return run.path


def exported(
    path: Path, to: str, *, which: str | None = None, out: str | None = None, preprocess: bool = False
) -> Export:
    """The export of the run in the folder `path`."""
    if to == "onnx":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    return export(wanted(str(path), to, which=which, out=out, preprocess=preprocess))


pytestmark = pytest.mark.usefixtures("elsewhere")


def pixels(count: int = 5) -> torch.Tensor:
    """Digits-sized noise."""
    return torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    ("to", "preprocess"),
    [("onnx", False), ("onnx", True), ("pt2", False), ("pt2", True), ("safetensors", False), ("code", False)],
)
def test_every_format_says_what_the_network_says(to: str, preprocess: bool) -> None:  # noqa: FBT001
    """On every test image of the digits, the first class too; and nothing else is left in the run folder."""
    path = trained("limit=400")
    before = {entry.name for entry in path.iterdir()}
    found = exported(path, to, preprocess=preprocess)
    agreed = found.agreement
    assert agreed is not None
    assert (agreed.images, agreed.same, agreed.apart) == (360, 360, 0)
    assert agreed.largest <= 1e-5
    assert {entry.name for entry in path.iterdir()} == before | {file.name for file in found.files}
    assert found.files[0] == path / f"model{SUFFIXES[to]}"
    assert not found.samples.noise


def test_safetensors_are_those_of_the_run() -> None:
    """Byte for byte what training wrote, with what stands between an image and the weights."""
    path = trained()
    found = exported(path, "safetensors", out="other.safetensors")
    assert found.files[0].read_bytes() == (path / folder.MODEL).read_bytes()
    with safe_open(found.files[0], "pt") as file:
        told = json.loads(file.metadata()["cnncli"])
    assert told["classes"] == list("0123456789")
    assert told["input"] == [1, 28, 28]


@pytest.mark.parametrize(
    ("preprocess", "takes"), [(False, "float32, (pixel/255 - mean)/deviation"), (True, "uint8, 0 to 255")]
)
def test_onnx_has_a_free_batch_and_metadata(preprocess: bool, takes: str) -> None:  # noqa: FBT001
    """Read by onnx alone."""
    onnx = pytest.importorskip("onnx")
    path = trained()
    found = exported(path, "onnx", preprocess=preprocess)
    model = onnx.load(found.files[0])
    (told,) = [json.loads(entry.value) for entry in model.metadata_props if entry.key == "cnncli"]
    assert (told["images"], told["classes"]) == (takes, list("0123456789"))
    (images,), (scores,) = model.graph.input, model.graph.output
    assert [axis.dim_param or axis.dim_value for axis in images.type.tensor_type.shape.dim] == ["batch", 1, 28, 28]
    assert [axis.dim_param or axis.dim_value for axis in scores.type.tensor_type.shape.dim] == ["batch", 10]
    assert (images.name, scores.name) == ("images", "scores")


def test_what_the_metadata_tell_is_enough_to_ask_the_onnx_file() -> None:
    """Mean and deviation from the file, any batch, without cnncli: the scores of the run."""
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    path = trained()
    file = exported(path, "onnx").files[0]
    told = json.loads({entry.key: entry.value for entry in onnx.load(file).metadata_props}["cnncli"])
    run = opened(path, None, "cpu")
    session = runtime.InferenceSession(file)
    for count in (1, 2, 7):
        images = (pixels(count).float() / 255 - told["mean"][0]) / told["deviation"][0]
        (found,) = session.run(None, {"images": images.numpy()})
        torch.testing.assert_close(torch.from_numpy(found), run.module(run.finish(pixels(count))), atol=1e-5, rtol=1e-5)


def test_pt2_has_a_free_batch_and_metadata() -> None:
    """Loaded by torch alone."""
    path = trained()
    file = exported(path, "pt2", preprocess=True).files[0]
    extra = {"cnncli.json": ""}
    module = torch.export.load(file, extra_files=extra).module()
    run = opened(path, None, "cpu")
    assert json.loads(extra["cnncli.json"])["images"] == "uint8, 0 to 255"
    for count in (1, 2, 7):
        torch.testing.assert_close(module(pixels(count)), run.module(run.finish(pixels(count))), atol=1e-5, rtol=1e-5)


def test_code_is_two_files_that_need_nothing_but_torch() -> None:
    """Its text imports torch alone; `load_trained` and `prepare` give the scores of the run."""
    path = trained()
    code, weights = exported(path, "code", out="net.py").files
    assert (code.name, weights.name) == ("net.py", "net.weights.pt")
    text = code.read_text(encoding="utf-8")
    assert {
        line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))
    } == {"torch"}
    names: dict[str, Callable[..., torch.Tensor]] = {}
    exec(compile(text, "net.py", "exec"), names)  # noqa: S102
    run = opened(path, None, "cpu")
    scores = names["load_trained"](weights)(names["prepare"](pixels()))  # type: ignore[operator]
    torch.testing.assert_close(scores, run.module(run.finish(pixels())), atol=1e-5, rtol=1e-5)


def test_the_best_weights_have_a_file_of_their_own() -> None:
    """A run with a validation split gives best.*, unless the last are asked for; so model.safetensors stays what it was."""
    path = trained("val=0.1", "epochs=3", "lr=0.3")
    last = (path / folder.MODEL).read_bytes()
    assert exported(path, "safetensors").files == (path / "best.safetensors",)
    assert exported(path, "safetensors", which="last").files == (path / folder.MODEL,)
    assert (path / folder.MODEL).read_bytes() == last


def test_an_average_of_weights_is_what_is_exported() -> None:
    """The weights that are used after training."""
    path = trained("ema=0.5")
    found = exported(path, "safetensors", out="ema.safetensors")
    assert found.files[0].read_bytes() == (path / folder.MODEL).read_bytes()


@pytest.mark.parametrize("to", ["onnx", "pt2", "safetensors", "code"])
def test_what_is_not_the_network_is_not_kept(to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A format that writes other weights: exit code 1, the figures, and the file that was there is untouched."""
    if to == "onnx":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    path = trained()
    target = path / f"model{SUFFIXES[to]}"
    target.write_bytes(b"mine")
    before = sorted(entry.name for entry in path.iterdir())

    def spoilt(run: Opened, preprocess: bool) -> dict[str, bytes]:  # noqa: FBT001
        other = build(run.network).eval()
        other.load_state_dict(run.module.state_dict())
        with torch.no_grad():
            next(other.parameters()).add_(0.01)
        return form.write(replace(run, module=other), preprocess)

    form = FORMATS[to]
    monkeypatch.setitem(FORMATS, to, form._replace(write=spoilt))
    with pytest.raises(CheckFailed, match=r"scores differ by up to .* the first class is another on .* of 360 images"):
        exported(path, to)
    assert target.read_bytes() == b"mine"
    assert sorted(entry.name for entry in path.iterdir()) == before


def test_what_an_exporter_refuses_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 too, and nothing left."""
    path = trained()

    def refuse(run: Opened, preprocess: bool) -> dict[str, bytes]:  # noqa: ARG001, FBT001
        raise ValueError("no such\noperation \x1b[31m")

    monkeypatch.setitem(FORMATS, "pt2", FORMATS["pt2"]._replace(write=refuse))
    with pytest.raises(CheckFailed) as found:
        exported(path, "pt2")
    assert str(found.value) == "runs/lenet-1 as pt2: operation ?[31m; nothing was written, --to onnx may do"
    assert not list(path.glob("*.pt2"))
    assert not list(path.glob(".export*"))


def test_ctrl_c_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the folder that it was written in."""
    path = trained()

    def interrupted(*_: object) -> Agreement:
        raise KeyboardInterrupt

    monkeypatch.setattr(exporting, "agreement", interrupted)
    before = sorted(entry.name for entry in path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        exported(path, "code")
    assert sorted(entry.name for entry in path.iterdir()) == before


def test_without_its_data_a_run_is_compared_on_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says why; nothing is fetched."""
    path = trained()
    there = dataset("digits")
    gone = replace(there, where=lambda: there.where()._replace(there=False))
    monkeypatch.setattr(sampling, "dataset", lambda _: gone)
    found = exported(path, "safetensors")
    assert (found.samples.noise, found.samples.why) == (True, "digits is not here")
    assert found.agreement is not None
    assert found.agreement.images == sampling.NOISE


def fixed(scores: torch.Tensor) -> Opened:
    """A run whose network says `scores` whatever it is shown."""

    class Says(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return scores[: len(images)]

    return SimpleNamespace(module=Says(), finish=lambda images: images)  # type: ignore[return-value]


def test_agreement_counts() -> None:
    """The largest difference, the images with the same first class, and those where another one is no tie."""
    scores = torch.tensor([[10.0, 0.0], [1.0, 1.0 + 1e-5], [0.0, 5.0]])
    said = torch.tensor([[10.0, 1e-4], [1.0, 1.0 - 1e-5], [0.0, 5.0]])
    found = agreement(fixed(scores), lambda images: said[: len(images)], [torch.zeros(3)])
    assert (found.images, found.same, found.apart, found.holds) == (3, 2, 0, True)
    assert found.largest == pytest.approx(1e-4, rel=1e-3)
    assert found.bound == TOLERANCE * 10


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), 10.002])
def test_agreement_refuses(odd: float) -> None:
    """What is not a number, nor finite, or a little too far off."""
    scores = torch.tensor([[10.0, 0.0], [0.0, 5.0]])
    said = torch.tensor([[odd, 0.0], [0.0, 5.0]])
    batches = [torch.zeros(1), torch.zeros(1)]
    assert not agreement(fixed(scores), lambda images: said[: len(images)], batches).holds
    assert not agreement(fixed(scores), lambda images: scores[: len(images)], []).holds


SIZES = {"mobilenet_v2": (3, 64, 64), "densenet121": (3, 64, 64), "resnet18": (3, 64, 64), "alexnet": (1, 96, 96)}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "lenet",
        "lenet@classic",
        "lenet@paper",
        "alexnet",
        "nin@paper",
        "nin@caffe",
        "googlenet",
        "resnet18",
        "mobilenet_v2",
        "densenet121",
    ],
)
@pytest.mark.parametrize("to", ["onnx", "pt2", "safetensors", "code"])
def test_built_in_networks_can_be_exported(name: str, to: str, tmp_path: Path) -> None:
    """Every kind of layer they have, LeNet's subsampling, partial convolution and RBF units of 1998 included."""
    if to == "onnx":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    run = untrained(name)
    files = {}
    for ending, data in FORMATS[to].write(run, False).items():  # noqa: FBT003
        files[ending] = tmp_path / f"model{ending}"
        files[ending].write_bytes(data)
    scores = FORMATS[to].scores(run, files, False)  # noqa: FBT003
    assert scores is not None
    noise = torch.randint(0, 256, (4, *run.size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found = agreement(run, scores, [noise[:1], noise[1:]])
    assert (found.holds, found.same) == (True, 4)


def untrained(name: str) -> Opened:
    """As a run of that network would be opened before its first epoch."""
    torch.manual_seed(0)
    described = network(name, input=SIZES.get(name), classes=10)
    size = tuple(described.inputs["input"].shape)
    scale = Scale(mean=(0.3,) * size[0], deviation=(0.2,) * size[0])
    order = torch.channels_last
    return Opened(
        path=Path(),
        which="last",
        recipe=load("lenet"),
        network=described,
        module=build(described).to(memory_format=order).eval().requires_grad_(requires_grad=False),
        classes=tuple("0123456789"),
        scale=scale,
        finish=finish(scale, size=size, device=torch.device("cpu"), memory_format=order),  # type: ignore[arg-type]
        epochs=0,
    )


@pytest.mark.slow
@pytest.mark.parametrize("to", ["onnx", "pt2", "safetensors", "code"])
def test_the_whole_mnist_test_set_gets_the_same_first_classes(to: str, capsys: pytest.CaptureFixture[str]) -> None:
    """All 10,000 images, of a LeNet that was trained on 2,000."""
    if not dataset("mnist").where().there:
        pytest.skip(f"MNIST is not in {data_folder()}")
    path = trained(
        "limit=2000",
        "epochs=3",
        "batch_size=64",
        "optimizer.name=adam",
        "lr=0.003",
        "activation=relu",
        recipe="lenet-mnist",
    )
    agreed = exported(path, to).agreement
    assert agreed is not None
    with capsys.disabled():
        print(
            f"\n{to}: largest difference {agreed.largest:.2g}, same first class on {agreed.same:,} of {agreed.images:,}"
        )
    assert (agreed.images, agreed.same) == (10_000, 10_000)
    assert agreed.largest <= 1e-4
