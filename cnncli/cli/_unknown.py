"""Commands that there are not: other spellings of ours, other programs' commands, and what is the argument of one."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from cnncli.cli._mistake import IMAGES, newest_run, typed
from cnncli.errors import RequestError, UnknownName, nearest
from cnncli.registry import letters, same_letters, synonyms


def line_meant(given: Sequence[str], known: Sequence[str]) -> list[str]:
    """The line whose first word is none of the commands `known`, as it was meant; raises `RequestError` with what to type."""
    name, rest = given[0], list(given[1:])
    if letters(name) in {"help", "h", "?", "/help", "man", "commands", "usage"}:
        return [*rest[:1], "--help"]
    if letters(name) in {"cnncli", "!cnncli", "$", "%"} and rest:
        return rest
    if joined := _joined(name, known):
        return [*joined, *rest]
    if letters(name) == "version":
        return ["--version"]
    found = same_letters(name, known) or synonyms.meant(synonyms.COMMANDS, name)
    if found:
        return [found, *rest]
    if advice := synonyms.meant(synonyms.NO_COMMANDS, name):
        raise RequestError(f"unknown command {name!r}; {advice}")
    if instead := synonyms.meant(synonyms.INSTEAD, name):
        raise RequestError(f"unknown command {name!r}; write {_line(instead, rest)}")
    mode = next((word[5:] for word in given if word.startswith("mode=")), "")
    if "=" in name and mode in known:
        others = [word for word in given if word.partition("=")[0] not in {"mode", "task"}]
        raise RequestError(f"{name!r} is no command, which comes first; write {typed(mode, *others)}")
    if what := _argument(name, rest):
        raise RequestError(what)
    raise UnknownName("command", name, known, cure="" if nearest(name, known) else "cnncli --help lists them")


def _joined(name: str, known: Sequence[str]) -> list[str]:
    """`summary-lenet` as `summary lenet`, `--train` as `train`; nothing for what begins with no command."""
    bare = name.strip("-")
    found = max((each for each in known if bare == each or bare.startswith(f"{each}-")), key=len, default="")
    return [part for part in (found, bare[len(found) + 1 :]) if part] if found else []


def _line(instead: str, rest: Sequence[str]) -> str:
    """Our command with the rest of the line, or with an example where there is none."""
    from cnncli.cli import example

    words_ = instead.split()
    if instead == "diff" and rest and all(_is_run(word) for word in rest):
        words_ = ["runs", "compare"]
    if instead == "pool2d" and any(word.startswith("--c") for word in rest):
        words_ = ["params", "max-pool"]
    if instead == "params" and rest and not _is_layer(rest[0]):
        words_ = ["summary"]
    if instead == "corr2d" and any(word.startswith("--c") for word in rest):
        words_ = ["params", "conv"]
    if not rest and words_[0] in ("evaluate", "resume", "health", "export") and newest_run():
        return typed(words_[0], newest_run(), *(("--to", "onnx") if words_[0] == "export" else ()))
    if not rest:
        return example(words_[0]) if len(words_) == 1 else typed(*(word for word in words_ if word != "{}"), "NAME")
    filled = [part for word in words_ for part in (rest if word == "{}" else [word])]
    return typed(*filled, *([] if "{}" in words_ else rest))


def _is_run(name: str) -> bool:
    return any((path / "recipe.yaml").is_file() for path in (Path(name), Path("runs", name)))


def _is_layer(name: str) -> bool:
    from cnncli.layers import layer_kinds

    return bool(same_letters(name, layer_kinds())) or letters(name) in {*synonyms.KINDS, *synonyms.NO_KINDS}


def _argument(name: str, rest: Sequence[str]) -> str:
    """What a word is that some command takes as its argument, and which; "" for none."""
    from cnncli.data import datasets
    from cnncli.models import models
    from cnncli.sources.recipes import available

    source = same_letters(name.partition("@")[0], models()) or ":" in name
    suffix, rest_of_line = Path(name).suffix.lower(), " ".join(map(shlex.quote, rest))
    recipe, data_set = same_letters(name, available()), synonyms.one_of(name, synonyms.SETS, datasets())
    quoted = shlex.quote(name)
    known = (
        (_is_run(name), f"is a run; write cnncli evaluate {quoted}, or predict, health, export"),
        (
            source or suffix in _SOURCES,
            f"is a network; write cnncli summary {quoted} {rest_of_line}, or train, code, bench",
        ),
        (suffix in IMAGES, f"is an image; write cnncli predict RUN {quoted}, or cnncli corr2d --input {quoted}"),
        (
            Path(name).is_dir(),
            f"is a folder; write cnncli train lenet --data folder:{quoted}, or cnncli predict RUN {quoted}",
        ),
        ("=" in name, "is no command, which comes first, as in cnncli train lenet epochs=3"),
        (recipe, f"is a recipe; write cnncli train {recipe} {rest_of_line}"),
        (data_set, f"is a data set; write cnncli data info {data_set}, or cnncli train lenet --data {data_set}"),
        (_is_layer(name), f"is a layer; write cnncli params {quoted} {rest_of_line}"),
    )
    return next((f"{name!r} {what.replace(' ,', ',').strip()}" for is_one, what in known if is_one), "")


_SOURCES = {".py", ".yaml", ".yml", ".onnx", ".safetensors", ".pt", ".pth"}
