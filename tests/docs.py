"""`python -m tests.docs`: what the documents show is what the program prints.

In README.md and CONTRIBUTING.md every ```console block is run, line by line of `$ cnncli …`, and compared; a block that trains is
written ```text, because its seconds differ. The commands' table between the markers is generated. `--overwrite` writes both.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from cnncli.cli import command, run
from cnncli.registry import stems

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md")
BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"(?<=<!-- commands -->\n).*?(?=<!-- /commands -->)", re.DOTALL)


def main() -> None:
    """Compare, or with `--overwrite` write; exits with 1 where a document is out of date."""
    os.environ["COLUMNS"] = "80"
    os.chdir(ROOT)
    stale = [name for name in DOCUMENTS if _stale(ROOT / name, overwrite="--overwrite" in sys.argv)]
    for name in stale:
        sys.stderr.write(f"{name} does not show what cnncli prints; refresh it: python -m tests.docs --overwrite\n")
    raise SystemExit(1 if stale else 0)


def _stale(document: Path, *, overwrite: bool) -> bool:
    text = document.read_text(encoding="utf-8")
    fresh = TABLE.sub(lambda _: command_table(), BLOCK.sub(lambda block: _run_block(block.group()), text))
    if fresh == text:
        return False
    if overwrite:
        document.write_text(fresh, encoding="utf-8")
    return not overwrite


def _run_block(block: str) -> str:
    """The block with every command's output as it is now."""
    lines = [line for line in block.splitlines() if line.startswith("$ ")]
    return "\n".join(f"{line}\n{output(line.removeprefix('$ cnncli '))}" for line in lines)


def output(line: str) -> str:
    """What a command line prints, stdout and stderr as a terminal shows them."""
    shown = StringIO()
    with redirect_stdout(shown), redirect_stderr(shown):
        run(shlex.split(line))
    return shown.getvalue()


def command_table() -> str:
    """Every command with the first sentence of its help."""
    names = [stem.replace("_", "-") for stem in stems("cnncli.cli")]
    rows = [f"| `cnncli {name}` | {(command(name).help or '').partition('. ')[0].splitlines()[0]} |" for name in names]
    return "\n".join(["| command | what it does |", "| :-- | :-- |", *rows, ""])


if __name__ == "__main__":
    main()
