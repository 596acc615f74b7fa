"""What an unquoted YAML scalar means: the core schema of YAML 1.2, less what YAML 1.1 reads differently.

In the core schema (https://yaml.org/spec/1.2.2/#103-core-schema) `1e-3` is a number and `no` is text. YAML 1.1, which
PyYAML and Ruby follow, takes the first for text and the second for false. What two readers understand differently is
refused with a suggestion, except where one reading is plainly meant (`1e-3`).
"""

from __future__ import annotations

import re
from typing import TypeAlias

from cnncli.errors import RequestError
from cnncli.text import truncate

Scalar: TypeAlias = "bool | int | float | str | None"

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

_BOOL_WORD = re.compile(r"(y|yes|on)|n|no|off", re.IGNORECASE)
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_UNDERSCORED = re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|0[xob][0-9a-fA-F_]+")  # with an underscore
_BINARY = re.compile(r"[-+]?0b[01]+")
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?")

_MAX_INT = 2**63  # what a 64-bit integer holds
_MAX_DIGITS = 100  # longer ones take more than linear time to read, and Python refuses some


def scalar(text: str) -> Scalar:
    """The value of the plain scalar `text`.

    Raises `RequestError` where YAML 1.1 and 1.2 differ, and for a number that is not finite or over 64 bits.
    """
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if wrong := _ambiguity(text):
        raise RequestError(f"{truncate(text, 40)!r} reads as {wrong}")
    if _INT.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
        return _finite(text)
    return text


def is_bool_word(text: str) -> bool:
    """Whether YAML 1.1 takes `text` for a boolean and YAML 1.2 for text: `yes`, `no`, `on`, `off`, `y`, `n`."""
    return _BOOL_WORD.fullmatch(text) is not None


def _ambiguity(text: str) -> str | None:
    """How `text` can be read, and the cure; None where there is one reading."""
    if word := _BOOL_WORD.fullmatch(text):
        meant = "true" if word[1] else "false"
        return f"text or as {meant}; write true or false, or quote it for the text"
    if _LEADING_ZERO.fullmatch(text):
        sign, digits = text[: text[0] in "+-"], text.lstrip("+-").lstrip("0") or "0"
        return f"octal or as decimal; write {sign}{truncate(digits, 40)}, or quote it for the text"
    if "_" in text and _UNDERSCORED.fullmatch(text):
        return f"text or as a number; write {truncate(text.replace('_', ''), 40)}, or quote it for the text"
    for pattern, other in ((_BINARY, "a number"), (_BASE_60, "a number to base 60"), (_DATE, "a date")):
        if pattern.fullmatch(text):
            return f"text or as {other}; quote it for the text"
    return None


def _integer(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    value = int(text, base) if len(text) <= _MAX_DIGITS else _MAX_INT
    if abs(value) >= _MAX_INT:
        raise RequestError(f"{truncate(text, 40)} is too large; whole numbers stay below 2^63")
    return value


def _finite(text: str) -> float:
    if len(text) > _MAX_DIGITS:
        raise RequestError(f"{truncate(text, 40)} has {len(text):,} digits; write at most {_MAX_DIGITS}")
    value = None if _NOT_FINITE.fullmatch(text) else float(text)
    if value is None or abs(value) == float("inf"):
        raise RequestError(f"{truncate(text, 40)} is not a finite number; write one, or null for none")
    return value
