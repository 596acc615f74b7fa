"""The folder is the registry."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cnncli.cli import command
from cnncli.data import datasets
from cnncli.errors import UnknownName
from cnncli.layers import layer_kinds
from cnncli.models import models
from cnncli.registry import entries, find, stems


def test_no_name_is_declared_twice() -> None:
    """Layer kinds, networks and data sets each have one home (a second one would raise here)."""
    assert layer_kinds()
    assert models()
    assert datasets()


def test_every_command_file_is_a_command() -> None:
    """Each file in cli/ holds a function of its own name."""
    for stem in stems("cnncli.cli"):
        assert command(stem.replace("_", "-")).name == stem.replace("_", "-")


def test_a_duplicate_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files that declare one name are a fault, named with the second file."""
    package = tmp_path / "shelf"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "first.py").write_text("THINGS = {'a': 1}")
    (package / "second.py").write_text("THINGS = {'a': 2}")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ValueError, match=r"'a' is declared twice, the second time in second\.py"):
        entries("shelf", "THINGS")


def test_a_name_is_found_in_the_file_that_fits_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`vgg16` imports vgg.py and leaves its neighbours alone."""
    package = tmp_path / "rack"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "alexnet.py").write_text("THINGS = {'alexnet': 1}")
    (package / "vgg.py").write_text("THINGS = {'vgg16': 2}")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find("rack", "THINGS", "vgg16", "thing") == 2
    assert "rack.alexnet" not in sys.modules
    with pytest.raises(UnknownName, match=r"unknown thing 'vgg61'; did you mean 'vgg16'\?"):
        find("rack", "THINGS", "vgg61", "thing")
