"""The documents are true: what they show is run elsewhere (`tests/docs.py`); here, that nothing is missing."""

from __future__ import annotations

import re
from pathlib import Path

from cnncli import __version__
from cnncli.registry import stems
from tests.pictures import LINES

ROOT = Path(__file__).parent.parent


def test_the_readme_names_every_command() -> None:
    """A command that the README does not mention is a command nobody finds."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [stem for stem in stems("cnncli.cli") if f"cnncli {stem.replace('_', '-')}" not in readme]
    assert not missing


def test_the_changelog_names_this_version() -> None:
    """What changed in the version that the package carries is written down."""
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_picture_is_there_and_shown() -> None:
    """The README shows each picture in docs/, and nothing that is not there."""
    shown = set(re.findall(r"!\[[^]]+\]\(docs/([a-z0-9-]+\.png)\)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert shown == {file.name for file in (ROOT / "docs").glob("*.png")}
    assert {f"{name}.png" for name in LINES} <= shown
