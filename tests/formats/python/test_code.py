"""The code that is printed is the network: the same names, the same bits; readable, and nothing but torch."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cnncli.formats.net_yaml import read
from cnncli.formats.python import to_python
from cnncli.formats.python.check import differences
from cnncli.models import network
from tests.cli.quick import heavy_imports
from tests.network_sources import SOURCES

EXAMPLES = sorted((Path(__file__).parent.parent / "net_yaml" / "examples").glob("*.yaml"))
QUICK = {
    "lenet@d2l",
    "lenet@classic",
    "lenet@paper",
    "nin@paper",
    "googlenet@d2l",
    "resnet18@torchvision",
    "mobilenet_v2@torchvision",
}


@pytest.mark.parametrize("source", [pytest.param(s, marks=[] if s in QUICK else pytest.mark.slow) for s in SOURCES])
def test_the_code_of_a_built_in_network(source: str) -> None:
    """Run by itself, it has the built module's keys, takes its state dict and gives the same bits."""
    net = network(source)
    assert differences(net, to_python(net)) == []


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_code_of_a_net_yaml(file: Path) -> None:
    """So does the code of a network from a file."""
    net = read(file).network
    assert differences(net, to_python(net)) == []


@pytest.mark.parametrize("source", SOURCES)
def test_it_is_formatted_and_its_blocks_are_classes(source: str, tmp_path: Path) -> None:
    """Ruff would change nothing, and every kind of block is a class that is written once."""
    pytest.importorskip("ruff", reason="ruff is not installed (pip install -e .[dev])")
    net = network(source)
    text = to_python(net)
    file = tmp_path / "net.py"
    file.write_text(text, encoding="utf-8")
    found = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--check", str(file)], capture_output=True, check=False
    )
    assert found.returncode == 0, found.stdout
    classes = re.findall(r"^class (\w+)\(", text, re.MULTILINE)
    assert len(classes) == len(set(classes))
    for kind in set(net.blocks.values()):
        assert [name for name in classes if re.fullmatch(f"{kind}[A-Z]?", name)], kind


def test_torch_alone_is_imported() -> None:
    """The file stands by itself; and writing it needs no torch."""
    imports = [line for line in to_python(network("googlenet")).splitlines() if line.startswith(("import ", "from "))]
    assert {line.split()[1].partition(".")[0] for line in imports} <= {"torch", "math", "typing", "__future__"}
    assert heavy_imports("code googlenet") == []


def test_every_line_says_its_shapes() -> None:
    """As the course notes write them."""
    assert "# b×1×28×28 => b×6×28×28" in to_python(network("lenet"))
