"""Recipes and command lines that are surely wrong, made from valid ones: the same ones every time, from a seed.

Each is wrong by what was done to it, not by chance: an unknown key is compared with all known ones, a number lies outside the bounds that
the schema itself states, a text is no YAML of any kind.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, NamedTuple, get_args

import yaml

from cnncli.recipe.keys import keys

VALID: dict[str, Any] = {
    "kind": "recipe",
    "model": {"name": "lenet", "activation": "relu"},
    "data": {"name": "digits", "batch_size": 64, "val": 0.1, "augment": [{"shift": 2}, "flip"]},
    "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9},
    "schedule": {"name": "cosine", "warmup_epochs": 1.0},
    "train": {"epochs": 2, "clip_norm": 1.0, "precision": "float32"},
    "stop": {"patience": 2},
    "seed": 1,
}
FILE = "mine.yaml"


class Case(NamedTuple):
    """kind: what was done · arguments: the command line · recipe: what FILE holds, if it is there."""

    kind: str
    arguments: tuple[str, ...]
    recipe: bytes | None = None


Makers = dict[str, tuple[int, Callable[[random.Random, int], Case]]]


def cases(seed: int = 0) -> Iterator[Case]:
    """All of them, kind by kind."""
    for kind, (count, make) in MAKERS.items():
        drawn = random.Random(f"{seed} {kind}")  # noqa: S311  (nothing secret)
        for number in range(count):
            yield make(drawn, number)._replace(kind=kind)


def _written(draft: Any, drawn: random.Random) -> Case:  # noqa: ANN401  (any part of a document)
    return _file(yaml.safe_dump(draft, sort_keys=False).encode(), drawn)


def _file(text: bytes, drawn: random.Random) -> Case:
    lines = (("train", FILE), ("train", FILE, "--dry-run"), ("recipes", "check", FILE), ("train", FILE, "epochs=1"))
    return Case("", drawn.choice(lines), text)


def _places() -> list[tuple[str, str]]:
    return [(section, key) for section, values in VALID.items() if isinstance(values, dict) for key in values]


def _misspelt(drawn: random.Random, number: int) -> Case:
    """A letter left out, doubled or changed, so that it is no key of any section."""
    draft = deepcopy(VALID)
    section, key = _places()[number % len(_places())] if number % 4 else ("", drawn.choice(list(VALID)[1:]))
    known = {str(name) for path in keys() for name in path} | set(VALID) | {name for _, name in _places()}
    wrong = key
    while wrong in known:
        at = drawn.randrange(len(key))
        wrong = key[:at] + drawn.choice(["", key[at] * 2, drawn.choice("qxz_ß·")]) + key[at + 1 :]
    inner = draft[section] if section else draft
    inner[wrong] = inner.pop(key)
    return _written(draft, drawn)


def _wrong_type(drawn: random.Random, number: int) -> Case:
    """A list, a mapping, or text where the schema wants a scalar; a scalar where it wants a section or a list."""
    draft = deepcopy(VALID)
    section, key = _places()[number % len(_places())]
    value = draft[section][key]
    wrong: list[object] = [{"a": 1}, {"a": {"b": [1]}}, [[1]]]
    if isinstance(value, int | float):
        wrong += ["ten", "1,5", "0x", True, [value], str(value)]
    elif isinstance(value, list):
        wrong += ["shift", 3, True, [3], [None], [{"shift": "far"}]]
    else:
        wrong += [["lenet"], {"name": "lenet"}]
    if key not in {"activation", "name"}:
        wrong += ["yes please"]
    draft[section][key] = drawn.choice(wrong)
    return _written(draft, drawn)


def _bounds() -> list[tuple[str, str, float]]:
    """A value outside each bound that the schema states: section, key, value."""
    found = []
    for path, sections in keys().items():
        if len(path) != 2:
            continue
        field = sections[0].model_fields[str(path[1])]
        for rule in field.metadata:
            for name, step in (("ge", -1), ("gt", 0), ("le", 1), ("lt", 0)):
                if (limit := getattr(rule, name, None)) is not None:
                    found.append((str(path[0]), str(path[1]), limit + step))
        if float in (field.annotation, *get_args(field.annotation)):
            found += [(str(path[0]), str(path[1]), float(text)) for text in ("nan", "inf", "-inf")]
    return found


def _out_of_range(drawn: random.Random, number: int) -> Case:
    """On the command line, or in the file."""
    bounds = _bounds()
    section, key, value = bounds[number * 7 % len(bounds)]
    if number % 2:
        return Case("", ("train", "lenet", f"{section}.{key}={value}", *["optimizer.name=sgd"] * (section == "model")))
    draft = deepcopy(VALID)
    draft[section][key] = value
    return _written(draft, drawn)


def _nesting(drawn: random.Random, number: int) -> Case:
    """A section that is a list, a word, in itself, in another, or whose keys stand at the top."""
    draft = deepcopy(VALID)
    section = drawn.choice([name for name, values in VALID.items() if isinstance(values, dict)])
    match number % 5:
        case 0:
            draft[section] = [draft[section]]
        case 1:
            draft[section] = {section: draft[section]}
        case 2:
            draft |= draft.pop(section)
        case 3:
            draft[section] = 3.5
        case _:
            draft["train" if section != "train" else "data"][section] = draft.pop(section)
    return _written(draft, drawn)


_BROKEN = (
    "train: {epochs: 2", "train: [1, 2", "train: {epochs: 2]}", 'data: {name: "digits}', "data: 'digits", "train:\n\tepochs: 2",
    "train:\n   epochs: 2\n  lr: 1", "train: epochs: 2", "train {epochs: 2}", "@train: 1", "`x`: 1", "%YAML 3.0\n--- 1", "train: &a {epochs: 2}",
    "train: *a", "train: !!python/object:os.system {}", "train: !!int 2", "? [a, b]\n: 1", "--- \na: 1\n--- \nb: 2", "- a\nb: 1", "train: >\nepochs: 2\n  x",
    'seed: "\\q"', "seed: 1 2: 3", "}", "]", "train: {epochs: 2}}", "seed: - 1", "train: {? epochs}", "<<: {seed: 1}", "1: 2", "true: 1",
)  # fmt: skip


def _syntax(drawn: random.Random, number: int) -> Case:
    text = yaml.safe_dump({key: VALID[key] for key in ("kind", "model")}, sort_keys=False)
    return _file(f"{text}{_BROKEN[number % len(_BROKEN)]}\n".encode(), drawn)


def _twice(drawn: random.Random, number: int) -> Case:
    """A section or a key of one stands there twice."""
    lines = yaml.safe_dump(VALID, sort_keys=False, default_flow_style=False).splitlines()
    places = [place for place, line in enumerate(lines) if ": " in line and "- " not in line]
    if number % 3 == 0:
        return _file("\n".join([*lines, f"{drawn.choice(list(VALID))}: {{}}"]).encode(), drawn)
    place = drawn.choice(places)
    return _file("\n".join([*lines[: place + 1], lines[place], *lines[place + 1 :]]).encode(), drawn)


_BYTES = (
    b"", b"\n\n", b"# kind: recipe\n", b"\xef\xbb\xbf", b"null\n", b"\xff\xfe\x00\x01", b"kind: recipe\x00\n", b"\x00" * 100, b"\x1b[31mkind: recipe",
    "kind: recipe\n".encode("utf-16"), "kind: recipe\nmodel: {name: l\u00e9net}\n".encode("latin-1"), b"\x80\x81\x82", b"kind: \xc3\x28\n",
    b"kind: recipe\nmodel: {name: \x07lenet}\n", b"kind: recipe\r\rmodel\r", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"kind: recipe\x85\x0c\n", b"---", b"...",
)  # fmt: skip


def _bytes(drawn: random.Random, number: int) -> Case:
    return _file(_BYTES[number % len(_BYTES)], drawn)


def _huge(drawn: random.Random, number: int) -> Case:
    """Deep, long, or both, and never slow."""
    head = b"kind: recipe\nmodel: {name: lenet}\ndata: {name: digits}\n"
    tails = (
        b"x: " + b"[" * 100_000, b"x: " + b"{a: " * 20_000, b"x: " + b"[" * 60 + b"]" * 60, b"seed: " + b"9" * 100_000, b"seed: " + b"9" * 4000,
        b"k" * 200_000 + b": 1", b"#" * 2_000_000, b"x: [" + b"1, " * 150_000 + b"1]", b"".join(b"k%d: 1\n" % index for index in range(30_000)),
        b"optimizer: {lr: 1e999}", b"optimizer: {lr: -1e-999}", b"- " * 50_000, b"a: &a [x]\n" + b"b: [*a, *a]\n" * 1000, b'x: "' + b"\\n" * 100_000,
    )  # fmt: skip
    return _file(head + tails[number % len(tails)], drawn)


def _unknown_name(drawn: random.Random, number: int) -> Case:
    """Of a network, a data set, an optimizer, a schedule: nobody's, or misspelt."""
    section = ("model", "data", "optimizer", "schedule")[number % 4]
    name = VALID[section]["name"]
    wrong = drawn.choice(
        [name[:-1], name + name[-1], "nosuch", "../" + name, "", f"{name}@nosuch", " ", "torchvision:", "folder:"]
    )
    if number % 2:
        return Case("", ("train", "lenet", f"{section}.name={wrong}"))
    draft = deepcopy(VALID)
    draft[section] = {"name": wrong}
    return _written(draft, drawn)


_CONTRADICTIONS = (
    ("train", "lenet", "patience=2"), ("train", "lenet", "epochs=2", "warmup_epochs=3", "schedule.name=cosine"),
    ("train", "lenet", "nesterov=true", "momentum=0"), ("train", "lenet", "epochs=3", "--epochs", "4"), ("train", "lenet", "lr=0.1", "--lr", "0.2"),
    ("train", "lenet", "lr=0.1", "lr=0.1"), ("train", "lenet", "lr=0.1", "optimizer.lr=0.2"), ("train", "lenet", "optimizer.name=adam", "momentum=0.9"),
    ("train", "lenet", "classes=10"), ("train", "lenet", "--data", "mnist", "data.name=digits"), ("train", "lenet", "seed=1", "--seed", "2"),
    ("train", "lenet", "schedule.name=onecycle", "warmup_epochs=1"), ("train", "lenet", "schedule.name=constant", "gamma=0.5"),
    ("train", "lenet", "model.frozen=[nosuch]"), ("train", "lenet", "augment=[flip, flip]"), ("train", "lenet", "augment=[{shift: 1, rotate: 2}]"),
    ("train", "lenet", "-b", "8", "batch_size=9"), ("train", "lenet", "limit=10", "--limit", "11"), ("train", "lenet", "kind=network"),
    ("train", "resnet18"), ("train", "lenet", "resize=4"), ("train", "lenet", "model.weights=torchvision:nosuch"),
)  # fmt: skip


def _contradiction(_drawn: random.Random, number: int) -> Case:
    return Case("", _CONTRADICTIONS[number % len(_CONTRADICTIONS)])


_OTHERS = (
    b"kind: network\ninput: 1x28x28\nlayers:\n- fc: {kind: linear, out_features: 10}\n", b'{"a": 1}', b"[1, 2]", b"import torch\nx = 1\n", b"kind: Recipe\n",
    b"model: {name: lenet}\nkind: recipe\n", b"kind:\n", b"kind: [recipe]\n", b"name: CI\non: push\n", b"<html><body>404</body></html>", b"epochs = 10\n",
    b"epoch,step\n1,2\n", b"42", b"just words",
)  # fmt: skip


def _other_file(drawn: random.Random, number: int) -> Case:
    """A network, a program, a page: what is given in place of a recipe."""
    return _file(_OTHERS[number % len(_OTHERS)], drawn)


_LINES = (
    "train", "train lenet --nosuch", "train lenet --epochs", "train lenet --epochs ten", "train lenet --epochs 1.5", "train lenet --epochs 0", "train lenet -b -1",
    "train lenet --lr", "train lenet --lr nan", "train lenet --lr inf", "train lenet --lr -0.1", "train lenet --seed -1", "train lenet --seed 99999999999999999999",
    "train lenet --limit 0", "train lenet --device tpu", "train lenet --device cuda:x", "train lenet --format xml", "train lenet --format csv", "train lenet epochs",
    "train lenet epochs=", "train lenet =5", "train lenet =", "train lenet epochs==5", "train lenet lenet", "train lenet epochs:5",
    "train lenet --quiet=1", "train lenet --tensorbord", "train lenet nosuch=1", "train lenet nosuch.lr=1", "train lenet optimizer.nosuch=1",
    "train lenet lr=[1", "train lenet augment={", "train lenet lr={a:1}", "train lenet epochs=1e3", "train lenet epochs=0x1g", "train lenet epochs=1_000",
    "train lenet precision=fp16", "train lenet precision=half", "train lenet compile=maybe", "train lenet ema=1", "train lenet val=1", "train lenet val=20",
    "train --data digits", "train nosuch --data digits", "train lenet --data nosuch", "train lenet@nosuch --data digits", "train torchvision:nosuch --data digits", "train timm:resnt50 --data digits",
    "recipes nosuch", "recipes show", "recipes show nosuch", "recipes check", "recipes cp", "recipes cp nosuch x.yaml", "recipes ls extra", "recipes schema extra",
    "recipes show lenet --resolved nosuch=1", "trian lenet", "nosuch", "--nosuch", "summary", "summary nosuch", "summary lenet --input 1x", "summary lenet --input 0x28x28",
    "summary lenet --columns nosuch", "summary lenet --depth -1", "summary lenet nosuch=1", "params", "params nosuch", "params conv --k", "params conv --k -3",
    "solve", "solve --input x", "diff lenet", "diff lenet nosuch", "code nosuch", "models nosuch", "models show nosuch", "evaluate nosuch", "predict nosuch x.png",
    "export nosuch --to onnx", "resume nosuch", "runs nosuch", "data nosuch", "data info nosuch", "data fetch nosuch", "lr-find nosuch",
)  # fmt: skip


def _line(_drawn: random.Random, number: int) -> Case:
    return Case("", tuple(_LINES[number % len(_LINES)].split()))


MAKERS: Makers = {
    "key misspelt": (36, _misspelt),
    "value of another type": (36, _wrong_type),
    "value out of range": (40, _out_of_range),
    "nesting broken": (20, _nesting),
    "YAML broken": (len(_BROKEN), _syntax),
    "key twice": (12, _twice),
    "bytes": (len(_BYTES), _bytes),
    "deep or huge": (14, _huge),
    "unknown name": (24, _unknown_name),
    "contradiction": (len(_CONTRADICTIONS), _contradiction),
    "another file": (len(_OTHERS), _other_file),
    "command line": (len(_LINES), _line),
}
