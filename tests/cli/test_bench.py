"""`cnncli bench`: every source that has a module, what is left out, every format; no test depends on how fast the machine is."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.quick import heavy_imports
from tests.conftest import Result, assert_refused

Cnncli = Callable[..., Result]

SHORT = "--seconds 0.01 --device cpu"

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ceiling of a small matrix, and no process for memory, save where a test wants one."""
    from cnncli.bench import memory, run, timing

    class Small(timing.Yardstick):
        def __init__(self, precision: str, device: Any) -> None:  # noqa: ANN401
            monkeypatch.setattr(timing, "TRIES", 1)
            super().__init__(precision, device)
            self.convolves, self.side, self._a, self._b = False, 8, self._a[:8, :8], self._b[:8, :8]

    monkeypatch.setattr(run, "CEILING", 0.001)
    monkeypatch.setattr(run, "Yardstick", Small)
    monkeypatch.setattr(memory, "supported", lambda: False)


def _values(cnncli: Cnncli, line: str) -> dict[str, Any]:
    found = cnncli(f"bench {line} {SHORT} --format json")
    assert found.code == 0, found.err
    values: dict[str, Any] = json.loads(found.out)
    return values


def test_every_figure_for_scripts(cnncli: Cnncli) -> None:
    """All combinations that were asked for; figures that follow from others do."""
    line = "lenet -b 1,4 --precision float32,bfloat16 --memory-format contiguous,channels_last"
    values = _values(cnncli, line)
    assert values["schema"] == "cnncli/bench/1"
    assert (values["model"], values["input"], values["params"], values["macs"]) == ("lenet", [1, 28, 28], 61706, 416520)
    assert (values["complete"], values["interrupted"], values["left_out"]) == (True, False, [])
    assert values["threads"] == 1
    keys = {(m["precision"], m["memory_format"], m["pass"], m["batch"]) for m in values["measurements"]}
    assert len(keys) == len(values["measurements"]) == 16
    assert set(values["ceilings"]) == {"float32", "bfloat16"}
    for each in values["measurements"]:
        assert each["repetitions"] >= 1
        assert each["examples_per_second"] == pytest.approx(1000 * each["batch"] / each["median_ms"], rel=0.01)
        assert each["p95_ms"] >= each["median_ms"]
        passes = 3 if "backward" in each["pass"] else 1
        flops = 2 * 416520 * passes * each["examples_per_second"]
        assert each["gflops_per_second"] * 1e9 == pytest.approx(flops, rel=0.01, abs=1e5)
        ceiling = values["ceilings"][each["precision"]]["flops_per_second"]
        assert each["ceiling_percent"] == pytest.approx(100 * flops / ceiling, rel=0.01, abs=0.01)
    assert [each["backward"] for each in values["largest_batch"]] == [False, True]
    assert not any(each["tried"] for each in values["largest_batch"])


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_table_for_people(cnncli: Cnncli, columns: int) -> None:
    """It fits the terminal: columns are left out where they do not."""
    found = cnncli(f"bench lenet --precision float32 --memory-format contiguous {SHORT}", columns)
    assert found.code == 0
    assert found.err == ""
    lines = found.out.splitlines()
    assert max(map(len, lines)) <= columns
    assert lines[0] == "LeNet · d2l edition · input 1×28×28 · float32"
    assert any(line.startswith("float32, contiguous · at most ") for line in lines)
    assert [line.split()[0] for line in lines if line.startswith(("forward  ", "+ backward  "))].count("forward") == 2
    assert "those of a 8×8" in " ".join(lines)
    assert ("MiB" in found.out) == (columns > 60)
    assert "largest batch, forward: about " in found.out
    assert "estimate" in found.out


def test_rows_for_scripts(cnncli: Cnncli) -> None:
    """CSV and Markdown, one measurement a row; without the backward pass where it is not wanted."""
    line = f"bench lenet --precision float32 --memory-format contiguous {SHORT}"
    rows = list(csv.DictReader(cnncli(f"{line} --format csv").out.splitlines()))
    assert [(row["pass"], row["batch"]) for row in rows] == [
        ("forward", "1"),
        ("forward", "32"),
        ("forward+backward", "1"),
        ("forward+backward", "32"),
    ]
    assert len(cnncli(f"{line} --forward-only --format markdown").out.splitlines()) == 4


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("lenet@classic activation=relu", "lenet"),
        ("lenet --input 1x32x32", "lenet"),
        ("tests/formats/net_yaml/examples/residual.yaml", "tiny-resnet"),
        ("torchvision:resnet18 --input 3x32x32", "resnet18"),
        ("torchvision:shufflenet_v2_x0_5 --input 3x32x32", "shufflenet_v2_x0_5"),
        ("tests/sources/examples/net.py:Net --input 3x32x32", "Net"),
        ("tests/bench/nets.py:Pair --input image=3x8x8 --input word=5:int64", "Pair"),
        ("torch.nn:Linear in_features=4 out_features=2 --input 4", "Linear"),
    ],
)
def test_every_source_with_a_module(cnncli: Cnncli, source: str, name: str) -> None:
    """Built in, a file, a library's, one's own."""
    values = _values(cnncli, f"{source} -b 2 --precision float32")
    assert values["model"] == name
    assert len(values["measurements"]) == 2


def test_timm(cnncli: Cnncli) -> None:
    """Where it is installed."""
    pytest.importorskip("timm")
    assert _values(cnncli, "timm:test_vit --forward-only -b 1")["macs"] > 0


@pytest.mark.usefixtures("elsewhere")
def test_a_run_folder(cnncli: Cnncli) -> None:
    """Its network; the weights are random, as nothing depends on them."""
    Path("runs/lenet-1").mkdir(parents=True)
    Path("runs/lenet-1/recipe.yaml").write_text(
        "kind: recipe\nmodel: {name: lenet}\ndata: {name: digits}\n", encoding="utf-8"
    )
    assert _values(cnncli, "runs/lenet-1 --forward-only -b 1")["params"] == 61706


def test_an_unknown_cost_is_a_lower_bound(cnncli: Cnncli) -> None:
    """Said in words, and in every figure that rests on it."""
    line = f"bench tests/bench/nets.py:Counted --input 8x8 -b 1 --precision float32 --forward-only {SHORT}"
    assert not json.loads(cnncli(f"{line} --format json").out)["complete"]
    out = cnncli(line).out
    assert "at least 0.00 million MACs" in out
    assert "≥" in out


def test_what_fails_is_left_out_and_told(cnncli: Cnncli) -> None:
    """One line for each on stderr, in which nothing is markup; the rest is measured."""
    line = f"bench tests/bench/nets.py:Broken --input 4 -b 1,2 --precision float32 {SHORT}"
    found = cnncli(line)
    assert found.code == 0
    assert found.err == (
        "cnncli: forward + backward of 1, float32, contiguous left out: ValueError: [red]more than one example, please\n"
    )
    assert [m["batch"] for m in json.loads(cnncli(f"{line} --format json").out)["measurements"]] == [1, 2, 2]


def test_channels_last_needs_images(cnncli: Cnncli) -> None:
    """Left out, with the reason."""
    values = _values(
        cnncli, "torch.nn:Linear in_features=4 out_features=2 --input 4 --memory-format channels_last,contiguous"
    )
    assert values["left_out"][-1] == {"what": "channels last", "why": "no input is a batch of images"}
    assert {m["memory_format"] for m in values["measurements"]} == {"contiguous"}


def test_numbers_that_the_device_emulates_are_left_out(cnncli: Cnncli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless they are asked for."""
    from cnncli.training import device

    monkeypatch.setattr(device, "has_bfloat16", lambda _where: False)
    values = _values(cnncli, "lenet -b 1 --forward-only")
    assert [m["precision"] for m in values["measurements"]] == ["float32"]
    assert values["left_out"][0]["what"] == "bfloat16"
    assert _values(cnncli, "lenet -b 1 --forward-only --precision bfloat16")["left_out"] == []
    monkeypatch.setattr(device, "has_bfloat16", lambda _where: True)
    assert len(_values(cnncli, "lenet -b 1 --forward-only")["measurements"]) == 2


def test_a_batch_that_does_not_fit_is_left_out(cnncli: Cnncli, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what it would take; nothing at all is an error."""
    from cnncli.bench import subject

    monkeypatch.setattr(subject, "available", lambda: 3_000_000)
    found = cnncli(f"bench lenet -b 1,1000 --precision float32 --forward-only {SHORT}")
    assert found.code == 0
    assert "forward of 1,000, float32, channels last left out: it takes about 0.0353 GiB" in found.err
    monkeypatch.setattr(subject, "available", lambda: 300_000)
    assert_refused(cnncli(f"bench lenet -b 1000 {SHORT}"), 2, "lenet: nothing could be measured: ")


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("bench lennet", 2, "did you mean 'lenet'"),
        ("bench net.onnx", 2, "an ONNX file holds a graph, not a module"),
        ("bench weights.safetensors", 2, "a file of tensors holds no network"),
        ("bench lenet --input 1x8x8", 2, "the smallest input this network takes is 1×12×12"),
        ("bench lenet -b 0", 2, "write them as in 1,8,32"),
        ("bench lenet --precision float16", 2, "did you mean 'bfloat16'"),
        ("bench lenet --memory-format nhwc", 2, "memory format"),
        ("bench lenet --seconds 0", 2, "no time to measure"),
        ("bench lenet --device gpu", 2, "is no device"),
        ("bench lenet --device cuda:99", 2, "is not on this machine"),
        ("bench tests/sources/examples/net.py:Net --input 3x36x36", 2, "net.py:21: fc1: in_features is 400"),
        ("bench runs/nowhere", 3, "there is no such run folder"),
    ],
)
def test_what_is_wrong_is_refused(cnncli: Cnncli, line: str, code: int, words: str) -> None:
    """One line, the contract's exit code, and nothing on stdout."""
    assert_refused(cnncli(line), code, words)


def test_a_wrong_option_is_refused_before_torch_is_imported() -> None:
    """Neither is there any need of it."""
    assert heavy_imports("bench lenet -b 0") == []
    assert heavy_imports("bench nowhere") == []
    assert heavy_imports("bench net.onnx") == []


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent otherwise there")
def test_ctrl_c_shows_what_was_measured(tmp_path: Path) -> None:
    """Exit code 130, the figures up to there as whole JSON, and no process left behind."""
    command = [
        sys.executable,
        "-c",
        STARTED,
        "bench",
        "lenet",
        "--seconds",
        "100",
        "--format",
        "json",
        "--device",
        "cpu",
    ]
    mark = tmp_path / "measuring"
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "MARK": str(mark)}
    ) as child:
        deadline = time.monotonic() + 100
        while not mark.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    values = json.loads(out)
    assert values["interrupted"]
    assert len(values["measurements"]) == 1
    assert "stopped by Ctrl-C" in err


STARTED = """
import os, sys
from pathlib import Path
from cnncli.bench import memory, run
from cnncli.cli import main
memory.supported = lambda: False
class Watch(run.Stopwatch):
    def _once(self, task):
        took = super()._once(task)
        if len(self.seconds[0]) > 2:
            Path(os.environ["MARK"]).touch()
        return took
run.Stopwatch = Watch
main()
"""
