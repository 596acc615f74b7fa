"""The documents are true: what they show is run elsewhere (`tests/docs.py`); here, that nothing is missing."""

from __future__ import annotations

from pathlib import Path

from cnncli import __version__
from cnncli.registry import stems

ROOT = Path(__file__).parent.parent


def test_the_readme_names_every_command() -> None:
    """A command that the README does not mention is a command nobody finds."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [stem for stem in stems("cnncli.cli") if f"cnncli {stem.replace('_', '-')}" not in readme]
    assert not missing


def test_the_changelog_names_this_version() -> None:
    """What changed in the version that the package carries is written down."""
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
