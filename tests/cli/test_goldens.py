"""Every command's output, as people and scripts see it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import GOLDENS, golden_name
from tests.sources.test_libraries import LINES as LIBRARIES
from tests.sources.test_python import LINES as PYTHON

PARAMS = (
    "params conv --cin 6 --cout 16 --k 5",
    "params conv --cin 6 --cout 16 --k 5 --input 14x14",
    "params conv --cin 6 --cout 16 --k 5 --input 14x14 --format json",
    "params conv --cout 32 --k 3x5 --pad 1x2 --stride 2 --groups 4 --no-bias --input 16x30x31",
    "params conv --cout 32 --k 3 --pad same --dilation 2 --input 3x32x32",
    "params max-pool --k 3 --stride 2 --pad 1 --ceil --input 64x112x112",
    "params avg-pool --k 2 --input 6x28x28 --format csv",
    "params linear --cin 400 --cout 120",
    "params linear out_features=120 --input 400 --format markdown",
    "params relu",
    "params max-pool --k 3 --stride 2 --input 96x54x54",
    "params avg-pool --k 2 --input 6x28x28",
    "params max-pool --k 3 --stride 2 --input 96x54x54 --convention caffe",
    "params max-pool --k 3 --stride 2 --input 96x54x54 --convention tf-same --format json",
    "params conv-transpose --cin 16 --cout 8 --k 4 --stride 2 --pad 1 --input 8x8",
    "params batch-norm --cin 64 --input 64x56x56",
    "params adaptive-avg-pool output_size=3x5 --input 8x7x10",
    "params multihead-attention embed_dim=64 num_heads=8 --input 49x64",
)
SUMMARIES = (
    "summary lenet",
    "summary lenet --format json",
    "summary lenet --format csv",
    "summary lenet --format markdown",
    "summary lenet --all -b 64",
    "summary lenet --columns kernel,stride,padding,connections,activation,saved",
    "summary lenet@classic activation=relu pool=max --classes 26",
    "summary lenet --explain",
    "summary lenet --explain --row conv2",
    "summary lenet --row conv2 --format json",
    "summary lenet --check",
    "summary lenet --max-params 50k",
    "summary lenet --input 1x8x8",
    "summary lenet --input 1x8x8 --format json",
    "summary lenet@paper",
    "summary lenet@paper --explain --row C3",
    "summary lenet@paper --explain --row C5",
    "summary lenet --explain --row conv1",
    "summary lenet@classic --explain --row fc1",
    "summary alexnet --explain --row pool1",
    "summary alexnet --input 1x224x224",
    "summary alexnet --input 1x32x32",
    "summary alexnet --input 3x224x224 --classes 1000 --strict",
    "summary vgg11 ratio=8 hidden=512 --depth 1",
    "summary nin@caffe",
    "summary googlenet --depth 1",
    "summary googlenet@paper aux=true --depth 1 --input 3x224x224",
    "summary resnet18 --depth 2 -b 32",
    "summary densenet121 --depth 2 --format csv",
    "summary mobilenet_v2 --depth 2 --max-macs 300M",
)
SOLUTIONS = (
    "solve --input 224 --output 55",
    "solve --input 224 --output 55 --k 11 --format json",
    "solve --input 224 --output 113 --k 11 --stride 4",
    "solve --input 7 --output 14 --kind conv-transpose --limit 3",
    "solve --input 20x30 --output 18x26 --k 3x5 --format markdown",
    "solve vgg16",
    "solve alexnet",
    "solve alexnet --format json",
    "solve vgg16 --output 7x7",
)
DIFFS = (
    "diff lenet lenet@classic",
    "diff lenet lenet@paper",
    "diff lenet lenet@classic --all --exit-code",
    "diff lenet lenet@classic --format json",
    "diff lenet lenet activation=relu pool=max --format csv",
    "diff lenet --input-b 1x32x32 --format markdown",
    "diff vgg11 ratio=8 vgg13 ratio=8",
    "diff resnet18 resnet34",
    "diff lenet lenet",
)
MODELS = (
    "models",
    "models ls --format csv",
    "models show lenet",
    "models show vgg16@paper",
    "models show lenet --format json",
    "models show lenet pool=max --yaml",
)
ERRORS = (
    "solve",
    "solve --input 224 --output 55 --kind linear",
    "solve lenet --k 3",
    "diff lenet",
    "diff lenet lenet --input-b 1x4x4",
    "models lenet",
    "models shw lenet",
    "summary lennet",
    "summary lenet@papr",
    "summary lenet activaton=relu",
    "summary lenet activation=rellu",
    "summary lenet activation",
    "summary lenet --input 28",
    "summary lenet --input 1x28xx",
    "summary lenet --columns params,mac",
    "summary lenet --row conv9",
    "summary lenet classes=5 --classes 6",
    "summary lenet --max-params lots",
    "summery lenet",
    "resume a b",
    "resume tests epochs=20",
    "resume --device gpu",
    "params lenet",
    "params covn --k 3",
    "params conv --k 3",
    "params conv --cout 3 --k 3",
    "params conv --cin 3 --cout 8 --k 0",
    "params conv --cin 3 --cout 8 --k 3 --k-size 4",
    "params conv --cin 3 --cout 8 --k 3 --groups 2",
    "params conv --cin 3 --cout 8 --k 3 kernel_size=5",
    "params conv --cin 3 --cout 8 --k 5 --input 4x4",
    "params max-pool --cin 3 --k 2",
    "params max-pool --k 2 --pad 2",
    "params linear --cout 10 --input 400 in_features=300",
)
CODE = (  # a Python file has 88 columns, whatever the terminal's width
    "code lenet",
    "code lenet@paper",
    "code googlenet",
    "code resnet18",
    "code lenet --format json",
    "code tests/formats/net_yaml/examples/residual.yaml",
    "code tests/formats/net_yaml/examples/lenet.yaml --input 1x32x32",
    "code lenet --input 1x8x8",
)
WIDE = (
    "summary lenet",
    "summary alexnet --input 1x224x224",
    "summary alexnet --input 1x32x32",
    "summary lenet --explain --row conv2",
    "params conv --cin 6 --cout 16 --k 5 --input 14x14",
)
TRAINED = (
    "evaluate --help",
    "evaluate nowhere",
    "evaluate . --which best",
    "evaluate nowhere --split dev",
    "predict --help",
    "predict nowhere x.png",
    "predict . x.png",
    "predict nowhere",
    "predict nowhere x.png --device gpu",
    "health --help",
    "health nowhere",
    "health .",
    "health nowhere --out picture.jpg",
    "lr-find --help",
    "lr-find lenett",
    "lr-find lenet --from 1 --to 0.1",
    "lr-find lenet --out lr.jpg",
    "bench --help",
    "bench lennet",
    "bench lenet --input 1x8x8",
    "bench lenet -b 0",
    "bench lenet --precision float16",
    "bench net.onnx",
    "bench weights.safetensors",
    "bench tests/sources/examples/net.py:Net --input 3x36x36",
)
LESSONS = (
    "corr2d",
    "corr2d --pad 1 --stride 3x2 --no-check",
    "corr2d --kernel '0 1; 2 3 | 1 2; 3 4' --x '0 1 2; 3 4 5; 6 7 8 | 1 2 3; 4 5 6; 7 8 9' --bias 0.5",
    "corr2d --flip --step --no-check",
    "corr2d --check --format json",
    "corr2d --kernel sobell",
    "corr2d --x '1 2; 3'",
    "corr2d --help",
    "pool2d",
    "pool2d --mode avg --grad",
    "pool2d --mode avg --exclude-pad --x '1 2 3 4 5; 6 7 8 9 10' --k 2 --ceil --step",
    "pool2d --x '1 2 3 4 5; 6 7 8 9 10' --k 2",
    "pool2d --format json",
    "pool2d --k 9",
    "pool2d --help",
    "padding",
    "padding --input 6x8 --stride 2",
    "padding --input 7 --k 3 --dilation 2 --pad 1 --format json",
    "padding --input 40x64 --k 5 --pad same",
    "padding --k 9",
    "padding --help",
)
LEARNED = (  # floating-point JSON differs in its last digits between machines, and is compared in tests/cli/test_edge_detect.py
    "edge-detect",
    "edge-detect --no-bias --lr 0.04 --steps 2000",
    "edge-detect --lr 0.0147 --steps 6 --step",
    "edge-detect --steps 10 --seed 1 --format markdown",
    "edge-detect --lr 0",
    "edge-detect --target sobel-x",
    "edge-detect --help",
    "bottleneck",
    "bottleneck --cin 256 --mid 64 --cout 256 --k 3x1 --no-bias --input 56x56",
    "bottleneck --k 2 --cin 1 --cout 1 --mid 3",
    "bottleneck --format json",
    "bottleneck --cin 3 --input 4x8x8",
    "bottleneck --help",
    "quiz lenet",
    "quiz lenet --level 1 --answers",
    "quiz googlenet --level 3 --seed 1",
    "quiz lenet --level 3 --answers --format json",
    "quiz lenet --seed 2 --answers --format csv",
    "quiz lenet --input 1x8x8",
    "quiz --help",
)
FIELDS = (
    "receptive-field lenet",
    "receptive-field lenet --row conv2 --unit 0,0 --no-gradients",
    "receptive-field lenet --row conv2",
    "receptive-field vgg16 --row block5.pool --no-gradients --format json",
    "receptive-field googlenet --format markdown --input 1x65x96",
    "receptive-field lenet --row conv2 --unit 10,0",
    "receptive-field lenet --unit 1,1",
    "receptive-field --help",
    "features lenet",
    "features lenet --image none.png",
    "features lenet --image none.png --class 3",
    "features --help",
    "sharing",
    "sharing --shift -1,3 --cin 3 --cout 16 --k 3x5 --input 6x9",
    "sharing --format markdown",
    "sharing --shift 9,0",
    "sharing lenet",
    "sharing --help",
)
HELP = (
    "",
    "--help",
    "params --help",
    "summary --help",
    "solve --help",
    "diff --help",
    "models --help",
    "code --help",
    "resume --help",
)
LINES = [
    (line, 80)
    for line in (
        *PARAMS,
        *SUMMARIES,
        *SOLUTIONS,
        *DIFFS,
        *MODELS,
        *CODE,
        *ERRORS,
        *TRAINED,
        *LESSONS,
        *LEARNED,
        *FIELDS,
        *HELP,
    )
] + [(line, 120) for line in WIDE]


@pytest.mark.parametrize(("line", "columns"), LINES, ids=str)
def test_the_output_is_the_golden_one(
    line: str, columns: int, golden: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is printed, on both streams, and the exit code are those of the golden file."""
    monkeypatch.chdir(GOLDENS.parent.parent)  # where the files that command lines name are found
    monkeypatch.setattr("cnncli.files.run_folder.RUNS", Path("no runs"))  # whatever was trained in this tree
    golden(line, columns)


def test_every_golden_file_belongs_to_a_command_line() -> None:
    """A command line that was dropped takes its file with it."""
    sourced = [(line, 80) for line in (*PYTHON, *LIBRARIES)]
    known = {golden_name(line, columns) for line, columns in (*LINES, *sourced)}
    assert {path.name for path in GOLDENS.iterdir()} == known


@pytest.mark.parametrize(
    "line", [line for line, columns in LINES if columns == 80 and "--format" not in line and line not in CODE]
)
def test_nothing_is_wider_than_its_terminal(line: str, cnncli: Callable[..., object]) -> None:
    """At 80 columns no line of a result is longer; an error stays one line."""
    found = cnncli(line)
    assert all(len(text) <= 80 for text in found.out.splitlines())  # type: ignore[attr-defined]
