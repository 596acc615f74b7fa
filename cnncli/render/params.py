"""One layer's figures and formulas."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cnncli.arithmetic.formula import Formula
from cnncli.layers import Call, Layer, dims
from cnncli.layers.conv import Conv1d, Conv2d, Conv3d
from cnncli.layers.conventions import disagreement, outcomes, under, unread, windows_of
from cnncli.render.formulas import formula_json, formula_lines
from cnncli.render.table import Cell, Column, write_csv, write_json, write_markdown
from cnncli.render.window import window_lines
from cnncli.text import columns_of, say

SIZES = ("size", "length", "depth", "height", "width")
COLUMNS = (
    Column("of", "figure", left=True),
    Column("value", "value"),
    Column("symbols", "formula", left=True),
    Column("numbers", "with numbers", left=True),
)


def show_layer(layer: Layer, call: Call, format: str, convention: str = "torch") -> None:
    """The layer as text, JSON, CSV or Markdown on stdout; its size by `convention`."""
    use, formulas = call, tuple(_remarked(each, layer, call) for each in layer.formulas(call))
    if convention != "torch":
        use, sizes = under(convention, layer, call)
        formulas = (*sizes, *(each for each in layer.formulas(use) if each.of not in SIZES))
    if format == "json":
        write_json(layer_json(layer, use, formulas, convention) | _conventions_json(layer, call))
    elif format == "table":
        say(*_text(layer, use, formulas, convention), *_beside(layer, call, convention))
    else:
        lines = [
            [Cell(f.of, f.of), Cell(f.value, f"{f.value:,}"), Cell(f.symbols, f.symbols), Cell(f.numbers, f.numbers)]
            for f in formulas
        ]
        (write_csv if format == "csv" else write_markdown)(COLUMNS, lines)


def _remarked(found: Formula, layer: Layer, call: Call) -> Formula:
    """With a convolution's connections, the count that some notes have for them."""
    if found.of != "connections" or not isinstance(layer, (Conv1d, Conv2d, Conv3d)):
        return found
    return found._replace(note="; ".join(note for note in (found.note, layer.one_map(call)) if note))


def layer_json(layer: Layer, call: Call, formulas: Sequence[Formula], convention: str) -> dict[str, object]:
    """The `cnncli/params/1` object."""
    given = bool(call.inputs)
    return {
        "schema": "cnncli/params/1",
        "layer": layer.torch_name,
        "config": layer.config,
        "convention": convention,
        "input": list(call.x.shape) if given else None,
        "output": list(call.y.shape) if given else None,
        "params": layer.params,
        "macs": layer.macs(call) if given else None,
        "connections": layer.connections(call) if given else None,
        "formulas": [formula_json(found) for found in formulas],
    }


def _conventions_json(layer: Layer, call: Call) -> dict[str, object]:
    sizes = outcomes(layer, call)
    return {"conventions": {name: list(size) for name, size in sizes.items()}} if sizes else {}


def _text(layer: Layer, call: Call, formulas: Sequence[Formula], convention: str) -> list[str]:
    by = "" if convention == "torch" else f", as {convention} counts"
    lines = [layer.sentence + by, *formula_lines(formulas, columns_of(sys.stdout))]
    if not formulas:
        lines.append("parameters  0   (nothing to learn; the shape stays as it is)")
    if call.inputs:
        return [lines[0], f"{dims(call.x.shape)} → {dims(call.y.shape)}", *lines[1:]]
    return lines if not formulas else [*lines, f"add --input {_example(layer)} for output size, MACs and connections"]


def _example(layer: Layer) -> str:
    """An input that the layer takes, as one would write it."""
    if "in_features" in layer.config:
        return "400"
    return {1: "100", 2: "14x14", 3: "8x14x14"}.get(len(windows_of(layer)), "64x14x14")


def _beside(layer: Layer, call: Call, convention: str) -> list[str]:
    """What stands beside the figures: pixels nobody reads, conventions that differ, a picture of the window."""
    if not call.inputs or not windows_of(layer):
        return []
    lines = []
    if convention == "torch" and (lost := unread(layer, call)):
        lines.append(f"rounding down: {lost}")
    if differ := disagreement(layer, call):
        lines.append(f"conventions differ: {differ}")
    picture = window_lines(windows_of(layer), call.x.shape[1:])
    return [*lines, *([""] if picture else []), *picture]
