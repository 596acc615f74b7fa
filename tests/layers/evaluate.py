"""Working out the numbers of a formula, exactly."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from fractions import Fraction

OPERATIONS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def evaluate(numbers: str) -> Fraction:
    """The value of `⌊(14 + 2·0 − 5)/1⌋ + 1`; raises `SyntaxError` or `ValueError` for what is no such expression."""
    text = re.sub(r"(?<=\d),(?=\d{3})", "", numbers)
    for sign, written in (("·", "*"), ("−", "-"), ("⌊", "floor("), ("⌈", "ceil("), ("⌋", ")"), ("⌉", ")")):
        text = text.replace(sign, written)
    return _value(ast.parse(text, mode="eval").body, text)


def _value(node: ast.expr, text: str) -> Fraction:
    if isinstance(node, ast.Constant):
        return Fraction(ast.get_source_segment(text, node) or "")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, text)
    if isinstance(node, ast.BinOp):
        return OPERATIONS[type(node.op)](_value(node.left, text), _value(node.right, text))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return Fraction({"floor": math.floor, "ceil": math.ceil}[node.func.id](_value(node.args[0], text)))
    raise ValueError(f"{text!r} holds more than numbers and arithmetic")
