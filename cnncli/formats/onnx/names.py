"""What rows are called: by the module that an exporter wrote down, by the path of their weights, or by their node."""

from __future__ import annotations

import re
from ast import literal_eval
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from cnncli.formats.onnx.values import Draft

if TYPE_CHECKING:
    from onnx import NodeProto

LONGEST = 200
"""Characters of a name from outside."""
Scope = tuple[str, ...]


def scope_of(node: NodeProto, weights: Iterable[str]) -> Scope:
    """The path of the module that `node` is part of, () where nothing says. weights: names of the initializers that it reads first.

    Torch's tracing exporter calls nodes `/layer1/layer1.0/conv1/Conv`; its newer one writes a list of scopes beside each node;
    others name the weights by their path.
    """
    scopes = _said(node, "pkg.torch.onnx.name_scopes")
    home = _home(weights)
    if len(scopes) > 1:
        return path(scopes[-2].split("."))
    if not node.name.startswith("/"):
        return home
    found = path(joined(node.name.split("/")[1:-1]))
    plain = tuple(re.sub(r"_[0-9]+$", "", part) for part in found)  # numbered: called as others within what holds it
    return home if found and home[-len(found) :] in {found, plain} else found


def _home(weights: Iterable[str]) -> Scope:
    """The path that all weights lie in, if they do."""
    homes = {name.rpartition(".")[0] for name in weights}
    home = homes.pop() if len(homes) == 1 else ""
    return path(home.split(".")) if re.fullmatch(r"\w+(\.\w+)*", home) else ()


def blocks_of(node: NodeProto) -> Mapping[str, str]:
    """Paths of the modules around `node`, and their classes' names, where its exporter wrote them down."""
    scopes, kinds = _said(node, "pkg.torch.onnx.name_scopes"), _said(node, "pkg.torch.onnx.class_hierarchy")
    if len(scopes) != len(kinds):
        return {}
    around = zip(scopes[1:-2], kinds[1:-2], strict=True)
    return {".".join(path(scope.split("."))): kind.rpartition(".")[2][:LONGEST] for scope, kind in around}


def _said(node: NodeProto, key: str) -> list[str]:
    """A list of words among what an exporter wrote beside a node."""
    found = next((each.value for each in node.metadata_props if each.key == key), "[]")
    try:
        words = literal_eval(found) if len(found) < 10_000 else []
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else []


def joined(scopes: Iterable[str]) -> list[str]:
    """`layer1`, `layer1.0`, `conv1` → layer1, 0, conv1: a scope that goes on from the one before says it once more."""
    parts: list[str] = []
    before = ""
    for scope in scopes:
        inner = scope.removeprefix(f"{before}.") if before and scope.startswith(f"{before}.") else scope
        parts += inner.split(".")
        before = scope
    return parts


def path(parts: Iterable[str]) -> Scope:
    """The parts as identifiers, empty ones left out."""
    return tuple(word for part in parts if (word := identifier(part)))


def identifier(text: str) -> str:
    """`text` as part of a path: letters, digits and underscores."""
    return re.sub(r"\W+", "_", text[:LONGEST]).strip("_")


def name_all(drafts: Iterable[Draft], taken: Iterable[str]) -> None:
    """Give every row its name: its module's where it is all that the module does, else one within the module's path."""
    rows = list(drafts)
    alone = Counter(row.scope for row in rows)
    above = {row.scope[:count] for row in rows for count in range(len(row.scope))}
    used = set(taken)
    for row in rows:
        own = row.scope if alone[row.scope] == 1 and row.scope not in above else ()
        row.name = _free(".".join(own or (*row.scope, row.hint if row.scope else row.fallback or row.hint)), used)
        used.add(row.name)


def _free(name: str, used: set[str]) -> str:
    """`name`, or the first of name_1, name_2, … that nothing has yet."""
    free, number = name, 0
    while free in used:
        number += 1
        free = f"{name}_{number}"
    return free


def fallback(node: NodeProto) -> str:
    """What a node without a module is called: its name, or its first output; "" where they say no more than what it does."""
    for text in () if node.name.startswith("/") else (node.name, *node.output[:1]):
        found = identifier(text)
        if found and not found[0].isdigit():
            return found
    return ""
