"""`python -m cnncli.cli._install_check`: do torch and torchvision come from matching releases?

A pair that does not match installs without complaint and fails at import, with an error about a missing operator.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version


def problem() -> str | None:
    """What is wrong with the installed pair, with the cure; None where both import."""
    try:
        for package in ("torch", "torchvision"):
            import_module(package)
    except (ImportError, RuntimeError, AttributeError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return (
            f"torch {_installed('torch')} and torchvision {_installed('torchvision')} do not work together ({reason}); "
            "they must come from matching releases: pip install --force-reinstall torch torchvision, both in one command"
        )
    return None


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


def main() -> None:
    """One line on stderr and exit code 1 where the pair does not work."""
    if found := problem():
        sys.stderr.write(f"cnncli: {found}\n")
        raise SystemExit(1)


if __name__ == "__main__":
    main()
