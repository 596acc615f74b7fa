"""Starting from given weights: what fits is put in to the bit, what does not is refused or said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from cnncli.build import build
from cnncli.errors import CnncliError, DataError, RequestError
from cnncli.files.run_folder import new_folder
from cnncli.models import network
from cnncli.sources.pretrained import located
from cnncli.sources.recipes import load
from cnncli.training.request import train_request
from cnncli.training.run import start
from cnncli.training.setup import Setup
from cnncli.training.state import initial_state, restore, snapshot
from cnncli.training.weights import load_pretrained
from tests.conftest import Result
from tests.training.conftest import small

Setups = Callable[..., Setup]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test stands in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def other(classes: int = 10) -> nn.Module:
    """A LeNet with weights of its own."""
    torch.manual_seed(99)
    return build(network("lenet", classes=classes))


def begun(source: str, module: nn.Module | None = None) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    """A LeNet for ten classes that starts from `source`, and what is said about it."""
    given = network("lenet")
    torch.manual_seed(1)
    module = module or build(given)
    notes = load_pretrained(located(source), given, module)
    return module.state_dict(), notes


FORMS: dict[str, Callable[[dict[str, torch.Tensor]], object]] = {
    "bare": lambda state: state,
    "wrapped": lambda state: {"state_dict": state, "epoch": 3},
    "model": lambda state: {"model": state, "optimizer": {"x": torch.zeros(2)}, "ema": None},
    "parallel": lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
    "compiled": lambda state: {f"_orig_mod.{name}": tensor for name, tensor in state.items()},
    "averaged": lambda state: {"model": {name: 0 * tensor for name, tensor in state.items()}, "ema": state},
    "half": lambda state: {name: tensor.bfloat16() for name, tensor in state.items()},
}


@pytest.mark.parametrize("form", FORMS)
def test_what_programs_save_is_understood(form: str, here: Path) -> None:
    """Bare, wrapped, with prefixes, of half the width."""
    wanted = other().state_dict()
    torch.save(FORMS[form](wanted), here / "w.pt")
    found, notes = begun("w.pt")
    assert notes == ()
    assert all(
        torch.equal(found[name], tensor if form != "half" else tensor.bfloat16().float())
        for name, tensor in wanted.items()
    )


def test_safetensors_and_run_folders(here: Path) -> None:
    """The same by either path, and from a folder that holds a model.safetensors."""
    (here / "run").mkdir()
    save_file(other().state_dict(), here / "run" / "model.safetensors")
    for source in ("run", "run/model.safetensors", str(here / "run")):
        found, _ = begun(source)
        assert all(torch.equal(found[name], tensor) for name, tensor in other().state_dict().items())


def test_a_last_layer_for_other_classes_is_drawn_anew_and_said(here: Path) -> None:
    """The others are put in."""
    torch.save(other(26).state_dict(), here / "w.pt")
    found, notes = begun("w.pt")
    assert notes == (f"{here / 'w.pt'}: fc3 is drawn anew, for 10 classes instead of 26",)
    torch.manual_seed(1)
    drawn = build(network("lenet")).state_dict()
    wanted = other(26).state_dict() | {name: drawn[name] for name in ("fc3.weight", "fc3.bias")}
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_what_the_network_lacks_is_left_out_and_said(here: Path) -> None:
    """One by name, and how many more."""
    torch.save(other().state_dict() | {"aux.w": torch.zeros(3), "aux.b": torch.zeros(3)}, here / "w.pt")
    assert begun("w.pt")[1] == (f"{here / 'w.pt'}: aux.w and 1 more left out, the network has no such tensor",)


def without(name: str) -> dict[str, torch.Tensor]:
    """A state dict that lacks one tensor."""
    return {key: tensor for key, tensor in other().state_dict().items() if key != name}


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (lambda: without("conv2.bias"), "w.pt lacks conv2.bias; its first is conv1.weight"),
        (lambda: {"features.0.weight": torch.zeros(3)}, "lacks conv1.weight and 9 more; its first is features.0.weight"),
        (lambda: other().state_dict() | {"conv1.weight": torch.zeros(6, 3, 5, 5)},
         "conv1.weight is 6×3×5×5, the network's is 6×1×5×5; change model or data to fit"),
        (lambda: other().state_dict() | {"fc3.weight": torch.zeros(10, 80)}, "fc3.weight is 10×80, the network's is 10×84"),
        (lambda: without("fc3.weight"), "lacks fc3.weight"),
        (lambda: torch.zeros(3), "holds no weights by name"), (dict, "holds no weights by name"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(content: Callable[[], object], part: str, here: Path) -> None:
    """In one line, and the module is what it was."""
    torch.save(content(), here / "w.pt")
    module = build(network("lenet"))
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(RequestError) as caught:
        begun("w.pt", module)
    assert part in str(caught.value)
    assert str(caught.value).isprintable()
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


@pytest.mark.parametrize(("name", "data"), [("w.pt", b"PK\x03\x04 no"), ("w.safetensors", b"\0" * 9), ("w.pth", b"")])
def test_a_damaged_file_is_named(name: str, data: bytes, here: Path) -> None:
    """Exit code 3."""
    (here / name).write_bytes(data)
    with pytest.raises(DataError, match=name.replace(".", r"\.")):
        begun(name)


class Danger:
    """What a pickle must not make."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (eval, ("1 / 0",))


def test_a_pickle_that_wants_code_is_refused(here: Path) -> None:
    """Nothing in it is run."""
    torch.save({"x": Danger()}, here / "w.pt")
    with pytest.raises(DataError, match="refused"):
        begun("w.pt")


@pytest.mark.parametrize("source", ["resnet18", "best", "torchvision:", "", "weights.onnx"])
def test_what_is_no_weights_is_refused_by_the_recipe(source: str) -> None:
    """Before torch is asked."""
    with pytest.raises(RequestError, match="is no weights"):
        located(source)


def test_an_unknown_model_of_torchvision_is_refused() -> None:
    """With the nearest name."""
    with pytest.raises(RequestError, match="did you mean 'resnet18'"):
        begun("torchvision:resnet81")


def test_torchvision_is_asked_for_its_best_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every one of its tensors fits the built-in network of the name; its thousand classes become ten."""
    from torchvision.models import ResNet18_Weights, resnet18

    wanted = resnet18(weights=None).state_dict()
    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", lambda *_, **__: wanted)
    given = network("resnet18", classes=10)
    module = build(given)
    notes = load_pretrained("torchvision:resnet18", given, module)
    assert notes == ("torchvision:resnet18: fc is drawn anew, for 10 classes instead of 1,000",)
    assert all(torch.equal(module.state_dict()[name], wanted[name]) for name in wanted if not name.startswith("fc."))


def test_a_download_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 3, and what else to write."""
    from torchvision.models import ResNet18_Weights

    def fails(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(ResNet18_Weights, "get_state_dict", fails)
    with pytest.raises(
        DataError, match=r"^model\.weights: torchvision:resnet18: the download failed \(no route to host\)"
    ):
        load_pretrained("torchvision:resnet18", network("resnet18"), build(network("resnet18")))


def test_a_run_starts_from_them_and_goes_on_without_them(setup: Setups, here: Path) -> None:
    """They are read once: a resumed run has its own, whatever became of the file."""
    torch.save(other().state_dict(), here / "w.pt")
    asked = setup("weights=w.pt", "ema=0.9", "activation=sigmoid", "pool=avg")
    state = initial_state(asked)
    assert asked.recipe.model.weights == str(here / "w.pt")
    assert all(
        torch.equal(tensor, other().state_dict()[name]) for name, tensor in state.eval_model.state_dict().items()
    )
    (here / "w.pt").unlink()
    again = restore(asked, snapshot(state, asked))
    assert all(
        torch.equal(tensor, state.module.state_dict()[name]) for name, tensor in again.module.state_dict().items()
    )


def test_a_run_that_cannot_start_leaves_no_folder(here: Path) -> None:
    """A file that is not there is known before a folder is made, one that does not fit after it."""
    with pytest.raises(DataError, match="there is no such file"):
        train_request("lenet", ["weights=w.pt"], {})
    torch.save({"a": torch.zeros(1)}, here / "w.pt")
    request = train_request("lenet", small("weights=w.pt"), {})
    with pytest.raises(CnncliError, match="lacks conv1"):
        start(request.recipe, new_folder("lenet", request.text))
    assert not list((here / "runs").iterdir())


def test_what_is_said_reaches_the_user(cnncli: Callable[..., Result], here: Path) -> None:
    """On stderr, before the first epoch."""
    torch.save(other(26).state_dict(), here / "w.pt")
    found = cnncli("train lenet weights=w.pt epochs=1 limit=32")
    assert (found.code, found.err) == (0, f"cnncli: {here / 'w.pt'}: fc3 is drawn anew, for 10 classes instead of 26\n")
    assert load("runs/lenet-1/recipe.yaml").model.weights == str(here / "w.pt")
