"""One layer's figures and formulas."""

from __future__ import annotations

from cnncli.formula import Formula
from cnncli.layers import Call, Layer
from cnncli.render.table import Cell, Column, write_csv, write_json, write_markdown
from cnncli.render.text import say

COLUMNS = (
    Column("of", "figure", left=True),
    Column("value", "value"),
    Column("symbols", "formula", left=True),
    Column("numbers", "with numbers", left=True),
)


def show_layer(layer: Layer, call: Call, format: str) -> None:
    """The layer as text, JSON, CSV or Markdown on stdout."""
    formulas = layer.formulas(call)
    if format == "json":
        write_json(layer_json(layer, call))
    elif format == "table":
        say(*_text(layer, call, formulas))
    else:
        lines = [
            [Cell(f.of, f.of), Cell(f.value, f"{f.value:,}"), Cell(f.symbols, f.symbols), Cell(f.numbers, f.numbers)]
            for f in formulas
        ]
        (write_csv if format == "csv" else write_markdown)(COLUMNS, lines)


def layer_json(layer: Layer, call: Call) -> dict[str, object]:
    """The `cnncli/params/1` object."""
    return {
        "schema": "cnncli/params/1",
        "layer": layer.torch_name,
        "config": layer.config,
        "input": list(call.x.shape) if call.inputs else None,
        "output": list(call.y.shape) if call.inputs else None,
        "params": layer.params,
        "macs": layer.macs(call) if call.inputs else None,
        "connections": layer.connections(call) if call.inputs else None,
        "formulas": [formula_json(found) for found in layer.formulas(call)],
    }


def formula_json(found: Formula) -> dict[str, object]:
    """A formula in a JSON result; a remark only where there is one."""
    note = {"note": found.note} if found.note else {}
    return {"of": found.of, "symbols": found.symbols, "numbers": found.numbers, "value": found.value, **note}


def formula_lines(formulas: tuple[Formula, ...]) -> list[str]:
    """`parameters  (C_in·k_h·k_w + 1)·C_out = (6·5·5 + 1)·16 = 2,416`, the names padded to one width."""
    width = max((len(found.of) for found in formulas), default=0)
    return [f"{found.of:{width}}  {_chain(found)}" + (f"   ({found.note})" if found.note else "") for found in formulas]


def _chain(found: Formula) -> str:
    value = f"{found.value:,}"
    steps = [found.symbols, found.numbers, value]
    return " = ".join(step for place, step in enumerate(steps) if place == 0 or step != steps[place - 1])


def _text(layer: Layer, call: Call, formulas: tuple[Formula, ...]) -> list[str]:
    lines = [layer.sentence, *formula_lines(formulas)]
    if call.inputs:
        return lines
    return [*lines, f"add --input {'14x14' if hasattr(layer, 'axes') else '400'} for output size, MACs and connections"]
