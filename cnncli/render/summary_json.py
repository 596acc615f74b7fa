"""A report as the `cnncli/summary/1` object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnncli.analysis.report import Report, Row
from cnncli.arithmetic.receptive_field import Field
from cnncli.network import Network
from cnncli.render.formulas import formula_json

if TYPE_CHECKING:
    from cnncli.analysis.explain import Explanation
    from cnncli.render.summary import Findings
    from cnncli.tracing import Fault


def network_json(network: Network) -> dict[str, object]:
    """Which network, and its input's shape; of several inputs the list of their shapes."""
    shapes = [list(tensor.shape) for tensor in network.inputs.values()]
    return {"model": network.name, "edition": network.edition, "input": shapes[0] if len(shapes) == 1 else shapes}


def summary_json(report: Report, findings: Findings) -> dict[str, object]:
    """The `cnncli/summary/1` object."""
    explained = {each.row.name: each for each in findings.explanations or ()}
    found: dict[str, object] = {
        "schema": "cnncli/summary/1",
        **network_json(report.network),
        "batch_size": report.batch_size,
        "dtype": next(iter(report.network.inputs.values())).dtype,
        "complete": report.complete,
        "rows": [row_json(row, explained.get(row.name)) for row in report.rows],
        "totals": report.totals._asdict() | {"flops": report.totals.flops},
        "unexplained": list(report.unexplained),
    }
    if report.network.decided:
        found["value_dependent"] = list(report.network.decided)
    if report.unused:
        found["unused"] = [name for row in report.unused for name in row.layer.weights]
    if report.network.unread:
        found["unread_buffers"] = list(report.network.unread)
    if findings.adapted:
        found["adapted"] = list(findings.adapted)
    if findings.check is not None:
        found["check"] = [each._asdict() for each in findings.check]
    if report.failure:
        failure = {name: value for name, value in report.failure._asdict().items() if name != "place" or value}
        smallest = list(findings.smallest) if findings.smallest else None
        found["error"] = {
            **failure,
            "smallest_input": smallest,
            **(fault_json(findings.fault) if findings.fault else {}),
        }
    return found


def fault_json(fault: Fault) -> dict[str, object]:
    """Where in somebody else's module it went wrong."""
    shapes = [list(shape) for shape in fault.shapes]
    return {"module": fault.path, "code": fault.code, "shapes": shapes}


def row_json(row: Row, explanation: Explanation | None) -> dict[str, object]:
    """One row of the `cnncli/summary/1` object."""
    found: dict[str, object] = {
        "name": row.name,
        "layer": row.layer.torch_name,
        "config": row.layer.config,
        "from": list(row.inputs),
        "inputs": [list(tensor.shape) for tensor in row.call.inputs],
        "output": list(row.call.y.shape) if row.call.outputs else None,
        "params": row.params,
        "trainable": row.trainable,
        "macs": row.macs,
        "connections": row.connections,
        "receptive_field": field_json(row.field),
        "activation_bytes": row.activation_bytes,
        "saved_bytes": row.saved_bytes,
    }
    if len(row.call.outputs) > 1:
        found["outputs"] = [list(tensor.shape) for tensor in row.call.outputs]
    if row.buffers:
        found["buffers"] = row.buffers
    if explanation:
        found["formulas"] = [formula_json(formula) for formula in explanation.formulas]
    return found


def field_json(field: Field | None) -> dict[str, object] | None:
    """Size, stride and padding per axis."""
    if field is None:
        return None
    axes: Sequence[tuple[int, int, int]] = [(reach.size, reach.jump, -reach.low) for reach in field.axes]
    sizes, stride, padding = (list(values) for values in zip(*axes, strict=True))
    return {"size": sizes, "stride": stride, "padding": padding, "whole_input": field.whole}
