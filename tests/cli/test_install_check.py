"""A wrong pair of torch and torchvision is said plainly."""

from __future__ import annotations

import pytest

from cnncli.cli import _install_check


def test_the_installed_pair_works() -> None:
    """The environment that runs the tests is sound."""
    assert _install_check.problem() is None


def test_a_wrong_pair_is_named_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a mismatch raises at import becomes one line with both versions and what to do."""

    def import_module(name: str) -> None:
        if name == "torchvision":
            raise RuntimeError("operator torchvision::nms does not exist\nmore")

    monkeypatch.setattr(_install_check, "import_module", import_module)
    with pytest.raises(SystemExit) as stopped:
        _install_check.main()
    assert stopped.value.code == 1
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "do not work together" in line
    assert "operator torchvision::nms does not exist" in line
    assert "pip install --force-reinstall torch torchvision" in line
