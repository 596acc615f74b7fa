"""How long a command takes from the shell, beside the smallest Typer program that prints a Rich table."""

from __future__ import annotations

from pathlib import Path

from tests.bench.race import cnncli, python, race

HELLO = python(str(Path(__file__).with_name("hello.py")))
BARS = {"params": 1.25, "--help": 1.25, "summary lenet": 1.5}


def main() -> None:
    """Print each command's best time, its ratio to hello.py and the bar."""
    found = race(
        {
            "hello.py": HELLO,
            "params": cnncli("params conv --cin 6 --cout 16 --k 5"),
            "--help": cnncli("--help"),
            "summary lenet": cnncli("summary lenet"),
        }
    )
    hello = found["hello.py"].seconds
    for name, finish in found.items():
        bar = f"  (at most {BARS[name]}×)" if name in BARS else ""
        print(
            f"{name:16} {finish.seconds * 1000:6.0f} ms  {finish.seconds / hello:5.2f}×  {finish.mebibytes:4.0f} MiB{bar}"
        )
