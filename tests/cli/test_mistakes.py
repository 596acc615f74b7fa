"""What people type who know other programs: read as it was meant, or answered with the right thing to type."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from cnncli.cli import GROUPS, LazyGroup
from cnncli.layers import layer_kinds
from cnncli.models import models
from cnncli.recipe.keys import keys
from cnncli.registry import synonyms as words
from tests.conftest import Result, assert_refused

Run = Callable[..., Result]

SAME = (  # as typed · as it is read
    ("params conv 6 16 5", "params conv --cin 6 --cout 16 --k 5"),
    ("params Conv2d 3 64 7 2 3", "params conv --cin 3 --cout 64 --k 7 --stride 2 --pad 3"),
    ("params fc 400 120", "params linear --cin 400 --cout 120"),
    ("params dense --in-features 400 --units 120", "params linear --cin 400 --cout 120"),
    ("params conv cin=6 cout=16 k=5", "params conv --cin 6 --cout 16 --k 5"),
    ("params conv cin=6,cout=16,k=5", "params conv --cin 6 --cout 16 --k 5"),
    ("params conv in_channels=6 filters=16 kernel=5", "params conv --cin 6 --cout 16 --k 5"),
    ("params conv2d --in_channels 6 --out_channels 16 --kernel_size 5", "params conv --cin 6 --cout 16 --k 5"),
    ("params conv --cin 3 --cout 8 --k '(3, 5)' --strides 2", "params conv --cin 3 --cout 8 --k 3x5 --stride 2"),
    ("params conv --cout 8 --k 3 --input 3,32,32", "params conv --cout 8 --k 3 --input 3x32x32"),
    ("params conv --cout 8 --k 3 --input '(3, 32, 32)'", "params conv --cout 8 --k 3 --input 3x32x32"),
    ("params conv --cout 8 --k 3 --input [3,32,32]", "params conv --cout 8 --k 3 --input 3x32x32"),
    ("params conv --cout 8 --k 3*3 --input '3 32 32'", "params conv --cout 8 --k 3 --input 3x32x32"),
    ("params conv --cout 8 --k 3 --input 3×32×32", "params conv --cout 8 --k 3 --input 3x32x32"),
    ("params MaxPool2D --pool_size 2 --input 6x28x28", "params max-pool --k 2 --input 6x28x28"),
    ("params maxpool 2", "params max-pool --k 2"),
    ("params BatchNormalization 64", "params batch-norm --cin 64"),
    ("params Conv2DTranspose --cin 3 --cout 8 --k 4", "params conv-transpose --cin 3 --cout 8 --k 4"),
    ("PARAMS relu", "params relu"),
    ("summary LeNet", "summary lenet"),
    ("summary LeNet-5", "summary lenet"),
    ("summary VGG16 --depth 1", "summary vgg16 --depth 1"),
    ("summary ResNet-18 --depth 1", "summary resnet18 --depth 1"),
    ("summary MobileNetV2 --depth 1", "summary mobilenet_v2 --depth 1"),
    ("summary torchvision:ResNet18 --depth 1", "summary torchvision:resnet18 --depth 1"),
    ("summary lenet@Classic", "summary lenet@classic"),
    ("summary lenet --layer conv2", "summary lenet --row conv2"),
    ("summary lenet --json", "summary lenet --format json"),
    ("summary lenet --format CSV", "summary lenet --format csv"),
    ("summary lenet --input_size 1,32,32 --num-classes 5", "summary lenet --input 1x32x32 --classes 5"),
    ("summary lenet --bs 64", "summary lenet -b 64"),
    ("summary lenet --activation relu", "summary lenet activation=relu"),
    ("summary --model lenet", "summary lenet"),
    ("summary model=lenet pool=max", "summary lenet pool=max"),
    ("model ls", "models ls"),
    ("models list", "models ls"),
    ("models show LeNet", "models show lenet"),
    ("recipe show LeNet", "recipes show lenet"),
    ("recipes cat lenet", "recipes show lenet"),
    ("data show digits", "data info digits"),
    ("datasets info Digits", "data info digits"),
    ("rf lenet --no-gradients", "receptive-field lenet --no-gradients"),
    ("corr2d --x '1 2; 3 4' --kernel '1' --no-check", "corr2d --input '1 2; 3 4' --k 1 --no-check"),
    ("corr2d --k sobel --padding same --no-check", "corr2d --k sobel --pad same --no-check"),
    ("pool2d --kernel 2 --mode mean", "pool2d --k 2 --mode avg"),
    ("padding --n 7 --kernel-size 3 --p 1", "padding --input 7 --k 3 --pad 1"),
    ("solve --in 224 --out 55 --kernel 11", "solve --input 224 --output 55 --k 11"),
    ("bottleneck --kernel 3", "bottleneck --k 3"),
    ("help params", "params --help"),
    ("help", "--help"),
    ("version", "--version"),
    ("-V", "--version"),
    ("train LeNet --dry-run", "train lenet --dry-run"),
    ("train lenet --learning-rate 0.1 --dry-run", "train lenet --lr 0.1 --dry-run"),
    ("train lenet -lr 0.1 -e 3 --dry-run", "train lenet --lr 0.1 --epochs 3 --dry-run"),
    ("train lenet -bs 64 --dry-run", "train lenet -b 64 --dry-run"),
    ("train lenet --optimizer adam --dry-run", "train lenet optimizer.name=adam --dry-run"),
    (
        "train lenet optimizer=adamw learning_rate=0.001 --dry-run",
        "train lenet optimizer.name=adamw lr=0.001 --dry-run",
    ),
    ("train model=lenet data=digits epochs=2 --dry-run", "train lenet epochs=2 --dry-run"),
    ("train lenet --dataset Digits --dry-run", "train lenet --data digits --dry-run"),
    ("train lenet --momentum 0.9 --wd 1e-4 --dry-run", "train lenet momentum=0.9 weight_decay=1e-4 --dry-run"),
    ("train lenet --cpu --dry-run", "train lenet --device cpu --dry-run"),
    ("params 'nn.Conv2d(3, 64, kernel_size=(7, 5), bias=False)'", "params conv --cin 3 --cout 64 --k 7x5 --no-bias"),
    ("params nn.Conv2d 3 64 7", "params conv --cin 3 --cout 64 --k 7"),
    ("params tf.keras.layers.Dense 400 120", "params linear --cin 400 --cout 120"),
    ("params conv 3 64 7 --bias false", "params conv --cin 3 --cout 64 --k 7 --no-bias"),
    ("params conv 3 64 7 --bias true", "params conv --cin 3 --cout 64 --k 7"),
    ("params conv 3 64 ７", "params conv --cin 3 --cout 64 --k 7"),
    ("summary 'LeNet()'", "summary lenet"),
    ("summary lenet –input “1x32x32”", "summary lenet --input 1x32x32"),
    ("summary lenet —input=１×３２×３２", "summary lenet --input 1x32x32"),
    ("summary lenet --input_data 1,32,32 --col-names params", "summary lenet --input 1x32x32 --columns params"),
    ("solve n=224 out=55 k=11", "solve --input 224 --output 55 --k 11"),
    ("pool2d --ceil_mode True", "pool2d --ceil"),
    ("pool2d --ceil_mode=False", "pool2d"),
    ("train lenet –epochs ３ lr＝“0.1” --dry-run", "train lenet --epochs 3 lr=0.1 --dry-run"),
    ("train lenet --nesterov --dry-run", "train lenet nesterov=true --dry-run"),
    ("train -c lenet --dry-run", "train lenet --dry-run"),
    ("train train lenet --dry-run", "train lenet --dry-run"),
    ("--train lenet --dry-run", "train lenet --dry-run"),
    ("cnncli summary lenet", "summary lenet"),
    ("summary-lenet", "summary lenet"),
    ("summary help", "summary --help"),
    ("models help", "models --help"),
    ("man params", "params --help"),
    ("-help", "--help"),
    ("--h", "--help"),
    ("?", "--help"),
    ("quiz lenet -n 3", "quiz lenet --level 3"),
    ("padding -n 7 --k 3", "padding --input 7 --k 3"),
)
REFUSED = (  # as typed · exit code · what to type
    ("params linear", 2, "write cnncli params linear --cin 400 --cout 120"),
    ("params fc", 2, "write cnncli params linear --cin 400 --cout 120"),
    ("params conv", 2, "write cnncli params conv --cin 6 --cout 16 --k 5"),
    ("params", 2, "as in cnncli params conv"),
    ("params conv 6 16 5 1 0 1", 2, "in_channels, out_channels, kernel_size, stride, padding in this order"),
    ("params lstm", 2, "write cnncli summary torch.nn:LSTM"),
    ("params depthwise", 2, "write cnncli params conv --cin 32 --cout 32 --groups 32 --k 3"),
    ("params conv 3 8 3 --input 224x224x3", 2, "channels come first: --input 3x224x224"),
    ("params conv 3 8 3 --input 1x3x32x32", 2, "leave the batch out: --input 3x32x32"),
    ("params conv 3 8 3 --input 32", 2, "write --input 3x32x32"),
    ("params LeNet", 2, "it is a network: cnncli summary lenet"),
    ("summary lenet --input 28x28x1", 2, "channels come first: --input 1x28x28"),
    ("summary resnet18 --input 224x224x3", 2, "channels come first: --input 3x224x224"),
    ("summary lenet --input 28", 2, "write --input 1x28x28"),
    ("summary lenet --input 28x28", 2, "write --input 1x28x28"),
    ("summary lenet --input 1 28 28", 2, "write cnncli summary lenet --input 1x28x28"),
    ("summary lenet --explain conv2", 2, "write cnncli summary lenet --explain --row conv2"),
    ("summary lenet 1x32x32", 2, "write cnncli summary lenet --input 1x32x32"),
    ("summary lenet --out summary.txt", 2, "cnncli summary lenet > FILE"),
    ("summary lenet --depth 0", 2, "--depth '0' is too small; the least is 1"),
    ("summary lenet --format yaml", 2, "--format 'yaml' is none of table, json, csv, markdown"),
    ("summary lenet --clases 5", 2, "did you mean --classes? cnncli summary lenet --classes 5"),
    ("summary lennet", 2, "did you mean 'lenet'? cnncli summary lenet"),
    ("summary", 2, "as in cnncli summary lenet"),
    ("summary vgg", 2, "write vgg11 or vgg13 or vgg16 or vgg19"),
    ("summary inception", 2, "write googlenet, which is Inception v1, or torchvision:inception_v3"),
    ("summary efficientnet_b0", 2, "write torchvision:efficientnet_b0"),
    ("summary vit", 2, "write torchvision:vit_"),
    ("summary alexnet@torchvision", 2, "write torchvision:alexnet"),
    ("summary torchvision/resnet18", 2, "write torchvision:resnet18"),
    ("summary torchvision.models.resnet18", 2, "write torchvision:resnet18"),
    ("summary pytorch:resnet18", 2, "write torchvision:resnet18"),
    ("summary keras:ResNet50", 2, "net.onnx"),
    ("summary unet", 2, "FILE.py:Class"),
    ("summary resnet18 pretrained=true", 2, "leave pretrained= out"),
    ("info lenet", 2, "write cnncli summary lenet"),
    ("explain lenet", 2, "write cnncli summary lenet --explain"),
    ("test runs/lenet-1", 2, "write cnncli evaluate runs/lenet-1"),
    ("fit lenet", 2, "write cnncli train lenet"),
    ("compare lenet vgg11", 2, "write cnncli diff lenet vgg11"),
    ("plot", 2, "curves.png is in every run's folder"),
    ("ls", 2, "write cnncli models ls"),
    ("download mnist", 2, "write cnncli data fetch mnist"),
    ("lenet", 2, "write cnncli summary lenet"),
    ("mnist", 2, "write cnncli data info mnist"),
    ("conv --cin 3", 2, "write cnncli params conv --cin 3"),
    ("seven.jpg", 2, "write cnncli predict RUN seven.jpg"),
    ("--epochs 5 train lenet", 2, "--epochs stands before any command"),
    ("corr2d seven.png", 2, "cnncli corr2d --input seven.png"),
    ("padding 7 3", 2, "cnncli padding --input 7 --k 3"),
    ("solve 224 55", 2, "cnncli solve --input 224 --output 55"),
    ("pool2d max", 2, "cnncli pool2d --mode max"),
    ("receptive-field lenet conv2", 2, "write cnncli receptive-field lenet --row conv2"),
    ("code lenet lenet.py", 2, "write cnncli code lenet --out lenet.py"),
    ("features lenet seven.png", 2, "write cnncli features lenet --image seven.png"),
    ("recipes show alexnet", 2, "write alexnet-fashion-mnist or alexnet-modern"),
    ("models vgg16", 2, "write cnncli models show vgg16"),
    ("data mnist", 2, "write cnncli data info mnist"),
    ("data fetch imagenet", 2, "folder:PATH"),
    ("train", 2, "as in cnncli train lenet"),
    ("train lenet mnist --dry-run", 2, "write cnncli train lenet --data mnist --dry-run"),
    ("train lenet lr = 0.1 --dry-run", 2, "write cnncli train lenet lr=0.1 --dry-run"),
    ("train lenet lr:0.1", 2, "write cnncli train lenet lr=0.1"),
    ("train lenet epochs=+1", 2, "write epochs=41 for 1 more"),
    ("train lenet class_weights=balanced", 2, "classes are not weighed"),
    ("train lenet --lr 0,01", 2, "is not a number; write 0.01"),
    ("train lenet --lr", 2, "--lr needs a value"),
    ("train lenet --seed abc", 2, "--seed 'abc' is not a whole number"),
    ("train lenet --device 0", 2, "write cuda:0"),
    ("train lenet --loss mse", 2, "cross-entropy"),
    ("train lenet --output-dir x", 2, "runs/<recipe>-<n>"),
    ("train lenet --resume runs/x", 2, "cnncli resume RUN"),
    ("train lenet --learning-rate 0.1 lr=0.2 --dry-run", 2, "contradict each other"),
    ("train lenet --data ./photos", 2, "write 'folder:./photos'"),
    ("predict seven.jpg", 2, "train one first: cnncli train lenet"),
    ("evaluate lenet", 2, "train one: cnncli train lenet"),
    ("evaluate runs/nope-3", 3, "train one: cnncli train lenet"),
    ("params conv 3x224x224 64 3", 2, "write 3, and the input's shape as --input 3x224x224"),
    ("params linear 16*5*5 120", 2, "not 16x5x5; write 400"),
    ("params C1", 2, "as in cnncli params conv --cin 6 --cout 16 --k 5"),
    ("params crossentropy", 2, "a loss has nothing to learn"),
    ("summary lenet --input 3x224", 2, "write --input 3x224x224"),
    ("summary resnet18 --input 3x224x224x1", 2, "leave the batch out: --input 3x224x224"),
    ("summary resnet18 --input 1x224x224x3", 2, "leave the batch out: --input 3x224x224"),
    ("summary lenet --batch 1,28,28", 2, "write --batch-size 1"),
    ("summary lenet --batch 1,024", 2, "write 1024"),
    ("summary lenet --dtype float16", 2, "cnncli bench SOURCE --precision bfloat16"),
    ("summary lenet alexnet", 2, "two beside each other: cnncli diff lenet alexnet"),
    ("summary notes.ipynb", 2, "save the cell with the class as net.py"),
    ("summary notes.txt", 2, "a network is a name (lenet), FILE.py:Class"),
    ("summary data.zip", 2, "unpack it"),
    ("summary own.py::Net", 2, "write own.py:Net"),
    ("summary own.Net", 2, "write own.py:Net"),
    ("summary own.py Net --input 3", 2, "write cnncli summary own.py:Net --input 3"),
    ("summary https://host.example/net.py", 2, "download the file and name that"),
    ("summary hf-hub:timm/resnet18.a1_in1k", 2, "write timm:resnet18.a1_in1k"),
    ("summary torchvision:ResNet18_Weights.DEFAULT", 2, "did you mean 'resnet18'"),
    ("corr2d --input 0,1,2 3,4,5", 2, "write cnncli corr2d --input '0,1,2; 3,4,5'"),
    ("quiz lenet 3", 2, "write cnncli quiz lenet --level 3"),
    ("receptive-field 3 3 3", 2, "as in cnncli receptive-field"),
    ("recipes edit lenet", 2, "there are check, cp, ls, schema, show"),
    ("data check digits", 2, "there are fetch, info, ls"),
    ("data info data.zip", 2, "write folder:PATH"),
    ("train lenet --data torchvision.datasets.MNIST", 2, "write mnist"),
    ("train lenet --data torchvision:MNIST", 2, "write mnist"),
    ("train lenet --data https://host.example/mnist.zip", 2, "download and unpack it"),
    ("train lenet --data data.csv", 2, "write folder:PATH"),
    ("train lenet --device CPU", 2, "write cpu"),
    ("train lenet --device GPU:0", 2, "write cuda:0"),
    ("train lenet --epochs 1e2", 2, "write 100"),
    ("train lenet --batch-size 1k", 2, "write 1000"),
    ("train lenet --augment", 2, "--augment needs a value; write augment="),
    ("train lenet step_size=10", 2, "step_epochs"),
    ("train lenet momentum=1.9", 2, "write a number"),
    ("train lenet --classes 5", 2, "classes follow from the data"),
    ("train lenet --save-best", 2, "best.pt"),
    ("train lenet momentum 0.8", 2, "write cnncli train lenet momentum=0.8"),
    ("train lenet lr 0.1", 2, "write cnncli train lenet --lr 0.1"),
    ("train lenet for 3 epochs", 2, "as in cnncli train lenet"),
    ("train digits", 2, "write cnncli train lenet --data digits"),
    ("train 'lenet epochs=3'", 2, "without the quotes: cnncli train lenet epochs=3"),
    ("train notes.ipynb", 2, "as in cnncli train lenet"),
    ("train .", 2, "as in cnncli train lenet"),
    ("train train", 2, "as in cnncli train lenet"),
    ("train lenet+digits", 2, "write cnncli train lenet --data digits"),
    ("train lenet/digits", 2, "write cnncli train lenet --data digits"),
    ("train nothere.yaml", 3, "there is no such file"),
    ("train lenet --data train=images", 2, "write folder:PATH"),
    ("train lenet --step-size 10", 2, "write schedule=step as well"),
    ("train lenet --mixup", 2, "write mixup=0.2"),
    ("train lenet --ema", 2, "write ema=0.999"),
    ("train lenet weights=nothere.pth", 3, "weights=null begins without"),
    ("train lenet --list", 2, "cnncli models ls lists the networks"),
    ("summary lenet,alexnet", 2, "cnncli diff lenet alexnet"),
    ("summary 3", 2, "a number is no network"),
    ("summary timm:", 2, "as in timm:resnet18"),
    ("summary lenet --input 28x28x1x1", 2, "leave the batch out: --input 1x28x28"),
    ("quiz 3", 2, "cnncli quiz lenet --level 3"),
    ("recipes show resnet", 2, "cnncli train resnet18 --data digits"),
    ("recipes cp lenet nope/mine.yaml", 3, "there is no folder 'nope'; make it first"),
    ("models show torchvision:resnet18", 2, "cnncli summary torchvision:resnet18"),
    ("data fetch all", 2, "cnncli data fetch mnist"),
    ("params conv 3 64 300 --input 3x224x224", 2, "take --k 224 at most"),
    ("pool2d --k 7", 2, "take --k 4 at most"),
    ("padding --k 9 --input 7", 2, "take --k 7 at most"),
    ("params conv '(1+6*5*5)*16'", 2, "name its numbers, as in cnncli params conv"),
    ("solve '(224-11+2*0)/4+1'", 2, "name its numbers, as in cnncli solve --input 224"),
    ("corr2d --input data.csv", 3, "remove the header row"),
    ("corr2d --input own.png", 3, "there is no such file"),
    ("sharing --image .", 3, "it is a folder"),
    ("export runs/x --onnx --opset 17", 2, "leave it out"),
    ("export runs/x --to onnx --format ONNX", 2, "write --to onnx"),
    ("export lenet.onnx", 2, "as in cnncli export RUN --to onnx"),
    ("evaluate runs/x --topk 5", 2, "cnncli predict RUN IMAGE --top 5"),
    ("--list-models", 2, "did you mean 'models'"),
    ("layers lenet", 2, "write cnncli summary lenet"),
    ("weights lenet", 2, "write cnncli summary lenet"),
    ("task=classify mode=train model=lenet", 2, "write cnncli train model=lenet"),
    ("model=lenet", 2, "as in cnncli train lenet epochs=3"),
    ("python train.py", 2, "leave cnncli before it out"),
    ("quit", 2, "there is nothing to leave"),
    ("fit_one_cycle 3", 2, "cnncli train lenet schedule=onecycle"),
)
OWN = """
import torch
class Net(torch.nn.Module):
    def __init__(self, width, depth=1):
        super().__init__()
        self.fc = torch.nn.Linear(width, 10)
    def forward(self, x):
        return self.fc(x)
"""


@pytest.mark.parametrize(("line", "meant"), SAME)
@pytest.mark.usefixtures("elsewhere")
def test_what_is_plain_is_read(line: str, meant: str, cnncli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program's word gives what ours gives."""
    monkeypatch.setattr("cnncli.cli.train._rehearse", lambda asked, device, *_, **__: print(asked.text, device))
    found = cnncli(line)
    assert found == cnncli(meant)
    assert found.code == 0


@pytest.mark.parametrize(("line", "code", "words"), REFUSED)
@pytest.mark.usefixtures("elsewhere")
def test_what_is_not_plain_is_answered_with_what_to_type(line: str, code: int, words: str, cnncli: Run) -> None:
    """One line, the contract's exit code; where it names a whole command line, that is read."""
    for name in ("notes.ipynb", "notes.txt", "data.zip", "own.py", "data.csv"):
        Path(name).write_text("x", encoding="utf-8")
    assert_refused(cnncli(line), code, words)


@pytest.mark.parametrize(
    "line", [words for *_, words in REFUSED if "cnncli params" in words or "cnncli summary lenet " in words]
)
@pytest.mark.usefixtures("elsewhere")
def test_what_is_suggested_works(line: str, cnncli: Run) -> None:
    """A line that an answer names can be typed as it stands."""
    suggested = line.partition("cnncli ")[2].replace(" > FILE", "")
    if suggested not in {"params conv", "params conv --cin 3"}:
        assert cnncli(suggested).code == 0


@pytest.mark.usefixtures("elsewhere")
def test_own_code_is_told_what_it_lacks(cnncli: Run) -> None:
    """A constructor's argument, a flat input, a package that is not there: each with what to do."""
    Path("own.py").write_text(OWN, encoding="utf-8")
    Path("lost.py").write_text("import nowhere_to_be_found", encoding="utf-8")
    assert_refused(cnncli("summary own.py:Net --input 1x4x4"), 2, "as in own.py:Net width=3")
    assert "flatten it first, as x.flatten(1) does" in cnncli("summary own.py:Net width=16 --input 1x4x4").err
    assert_refused(cnncli("summary lost.py:Net --input 3"), 2, "install nowhere_to_be_found beside cnncli")


@pytest.mark.usefixtures("elsewhere")
def test_a_file_is_found_by_the_name_it_has(cnncli: Run) -> None:
    """Typography is mended only where there is no such file."""
    Path("–1.csv").write_text("1,2\n3,4\n", encoding="utf-8")
    assert cnncli("corr2d --input –1.csv --k 1 --no-check").code == 0
    assert "图（片）" in cnncli("summary 图（片）").err


@pytest.mark.usefixtures("elsewhere")
def test_runs_are_named(cnncli: Run) -> None:
    """A network's name stands for no run, and the run that was surely meant is offered, in the order that works."""
    for number in (1, 2):
        folder = Path("runs", f"lenet-{number}")
        folder.mkdir(parents=True)
        folder.joinpath("recipe.yaml").write_text("kind: recipe\nmodel: {name: lenet}\ndata: {name: digits}\n")
    Path("seven.png").touch()
    assert_refused(cnncli("evaluate lenet"), 2, "did you mean 'runs/lenet-2'? cnncli evaluate runs/lenet-2")
    assert_refused(cnncli("evaluate"), 2, "as in cnncli evaluate runs/lenet-2")
    assert_refused(cnncli("predict seven.png"), 2, "as in cnncli predict runs/lenet-2 seven.png")
    assert_refused(cnncli("predict seven.png runs/lenet-1"), 2, "write cnncli predict runs/lenet-1 seven.png")
    assert_refused(cnncli("summary lenet-1"), 2, "write runs/lenet-1")
    assert_refused(cnncli("evaluate runs/lenet-1/recipe.yaml"), 3, "write runs/lenet-1")
    assert_refused(cnncli("export runs/lenet-1"), 2, "as in cnncli export runs/lenet-1 --to onnx")
    assert_refused(cnncli("compare lenet-1 lenet-2"), 2, "write cnncli runs compare lenet-1 lenet-2")
    assert_refused(cnncli("resume lenet-1 epochs=+5"), 2, "write epochs=15 for 5 more")


def test_every_word_leads_to_something_that_is_there() -> None:
    """Commands, kinds, keys and networks of the tables exist."""
    commands = LazyGroup().list_commands(None)
    assert {meant.split()[0] for meant in (*words.COMMANDS.values(), *words.INSTEAD.values())} <= set(commands)
    assert set(words.IN_ORDER) <= set(commands)
    assert set(words.KINDS.values()) <= set(layer_kinds())
    assert set(words.NETWORKS.values()) <= set(models())
    assert {tuple(key.split(".")) for key in (*words.KEYS.values(), *words.NEAR_KEYS.values())} <= set(keys())
    assert sorted(" ".join(GROUPS.values()).split()) == sorted(commands)


def test_a_suggestion_is_inert(cnncli: Run) -> None:
    """What was typed is shown quoted, and drives no terminal."""
    found = cnncli(f"summary lenet {shlex.quote('--cla' + chr(27) + 'sses')} 5")
    assert found.code == 2
    assert "\x1b" not in found.err
    assert len(found.err.splitlines()) == 1
