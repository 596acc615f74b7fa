"""`python -m tests.bench [NAME …]`: run the benchmarks, all or some."""

from __future__ import annotations

import sys
from importlib import import_module

from cnncli.registry import stems


def main() -> None:
    """Run `main()` of every module here that has one, under its docstring's first line."""
    wanted = sys.argv[1:]
    for stem in stems("tests.bench"):
        module = import_module(f"tests.bench.{stem}")
        if hasattr(module, "main") and (not wanted or stem in wanted):
            print(f"\n{stem}: {(module.__doc__ or '').splitlines()[0]}")
            module.main()


if __name__ == "__main__":
    main()
