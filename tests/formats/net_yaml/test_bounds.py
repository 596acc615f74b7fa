"""A small file cannot ask for much: what it comes to is counted before anything is built."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cnncli.analysis.report import report
from cnncli.errors import RequestError
from cnncli.formats.net_yaml import dump, parse
from cnncli.formats.python import to_python
from tests.conftest import Result, python

HEAD = "kind: network\nname: net\ninput: 1x28x28\n"
TENFOLD = "".join(f"  B{depth}: [{', '.join([f'B{depth + 1}'] * 10)}]\n" for depth in range(20))
CHAIN = "".join(f"  B{depth}: [B{depth + 1}]\n" for depth in range(9000))

TOO_MUCH = {
    "a repeat": "layers: [{repeat: {times: 100001, steps: [ReLU]}}]",
    "a repeat of a billion": "layers: [{repeat: {times: 1000000000, steps: [ReLU]}}]",
    "a repeat of nothing": "layers: [{repeat: {times: 1000000000, steps: [{from: input}]}}]",
    "a repeat of an empty list": "layers: [ReLU, {repeat: {times: 1000000000, steps: []}}]",
    "repeats in repeats": f"layers: {'[{repeat: {times: 10, steps: ' * 12}[ReLU]{'}}]' * 12}",
    "blocks that multiply": f"blocks:\n{TENFOLD}  B20: [ReLU]\nlayers: [B0]",
    "blocks that multiply nothing": f"blocks:\n{TENFOLD}  B20: []\nlayers: [B0]",
    "blocks in blocks": f"blocks:\n{CHAIN}  B9000: [ReLU]\nlayers: [B0]",
    "a block in itself": "blocks: {A: [ReLU, A]}\nlayers: [A]",
    "lists in lists": f"layers: {'[' * 60}ReLU{']' * 60}",
    "a million bytes": "layers: [ReLU] #" + "x" * 1_000_000,
}


@pytest.mark.parametrize("what", TOO_MUCH)
def test_too_much_is_refused_at_once(what: str) -> None:
    """Within two seconds, and with the line that asks for it."""
    started = time.perf_counter()
    with pytest.raises(RequestError, match=r"^net\.yaml:"):
        parse(HEAD + TOO_MUCH[what], "net.yaml")
    assert time.perf_counter() - started < 2


HUGE = {
    "channels": (
        HEAD,
        "[{Conv2d: {out_channels: 1000000000, kernel_size: 5}}, {Conv2d: {out_channels: 1000000000, kernel_size: 3}}]",
    ),
    "pixels": (
        HEAD.replace("1x28x28", "3x100000x100000"),
        "[{Conv2d: {out_channels: 8, kernel_size: 5}}, {MaxPool2d: {kernel_size: 2}}, Flatten, {Linear: {out_features: 1000000000}}]",
    ),
    "a kernel": (HEAD, "[{Conv2d: {out_channels: 1, kernel_size: 100000001, padding: 50000000}}]"),
    "classes": (HEAD.replace("1x28x28", "84"), "[{RBF: {out_features: 1000000000}}]"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the memory that a process used at most is read from /proc")
@pytest.mark.parametrize("what", HUGE)
def test_what_is_huge_is_answered_in_little_memory(what: str, tmp_path: Path) -> None:
    """Nothing is allocated for what is only counted: two seconds and 200 MB, of which Python itself has its share."""
    head, layers = HUGE[what]
    file = tmp_path / "net.yaml"
    file.write_text(f"{head}layers: {layers}\n", encoding="utf-8")
    program = f"""
import re, time
from pathlib import Path
from cnncli.cli import run
started = time.perf_counter()
code = run(["summary", {str(file)!r}])
assert code in (0, 2), code
print("used", time.perf_counter() - started, re.search("VmHWM:\\s*(.*) kB", Path("/proc/self/status").read_text())[1])
"""
    found = python("-c", program)
    assert found.returncode == 0, found.stderr
    _, seconds, kilobytes = found.stdout.splitlines()[-1].split()
    assert float(seconds) < 2
    assert int(kilobytes) < 200_000


def test_what_fits_is_read_written_and_coded_quickly() -> None:
    """20,000 layers, with many branches and long ways between them, take seconds and not minutes."""
    layers = "".join(f"  - r{place}: ReLU\n" for place in range(5000))
    sums = "".join(f"  - {{s{place}: Add, from: [r{4999 - place}, r{place}]}}\n" for place in range(5000))
    body = f"layers:\n{layers}{sums}  - repeat: {{times: 5000, steps: [{{add: [ReLU, identity]}}]}}\n"
    started = time.perf_counter()
    found = parse(HEAD + body, "net.yaml").network
    assert len(found.nodes) == 20_000
    assert report(found).failure is None
    dump(found)
    to_python(found)
    assert time.perf_counter() - started < 30


def test_unknown_names_are_looked_for_among_the_last_only(cnncli: Callable[..., Result], tmp_path: Path) -> None:
    """Guessing what was meant takes no longer for a long file."""
    file = tmp_path / "net.yaml"
    file.write_text(HEAD + "layers:\n" + "  - ReLU\n" * 40_000 + "  - {ReLU: {}, from: nobody}\n", encoding="utf-8")
    started = time.perf_counter()
    assert cnncli(f"summary {file}").code == 2
    assert time.perf_counter() - started < 10
