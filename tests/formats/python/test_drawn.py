"""Any network as Python: the same keys, the same bits, formatted."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings

from cnncli.formats.python import to_python
from cnncli.formats.python.check import differences
from cnncli.network import Network
from tests.formats.net_yaml.drawn import networks

RUFF = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")


@given(networks())
@settings(max_examples=120, deadline=None)
def test_any_network_is_the_same_to_the_bit(given: Network) -> None:
    """Groups and blocks, modules called again, values read by nobody, several inputs and outputs; evaluating and training."""
    torch.set_num_threads(1)
    assert differences(given, to_python(given)) == []


@pytest.mark.skipif(RUFF is None, reason="ruff is not installed")
@given(networks())
@settings(max_examples=40, deadline=None)
def test_any_network_is_formatted(given: Network) -> None:
    """Ruff changes nothing, however long the names and lines."""
    text = to_python(given)
    command = [str(RUFF), "format", "--isolated", "-"]
    assert (
        subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8", check=True).stdout == text
    )
