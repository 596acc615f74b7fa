"""Lines that a command cannot read: read as they were meant where that is plain, else refused with what to type."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typer.core import TyperOption

from cnncli.errors import CnncliError, RequestError, nearest
from cnncli.registry import letters, same_letters, synonyms

# Characters that a word processor, a web page or another keyboard puts in the place of those a shell takes.

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_QUOTES = "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"
_FULL_WIDTH = {ord("\u3000"): " "} | {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_PLAIN = _FULL_WIDTH | dict.fromkeys(map(ord, _DASHES), "-") | dict.fromkeys(map(ord, _QUOTES), "")


def as_typed(word: str) -> str:
    """`word` in ASCII where only its typography is not: `\u2013epochs` as `--epochs`, `lr=\u201c0.1\u201d` as `lr=0.1`.

    What names a file here, and what holds other letters, stays as it is.
    """
    if word.isascii() or any(
        Path(part).exists() for part in (word, word.partition("=")[2], word.partition(":")[2]) if part
    ):
        return word
    bare = word.translate(dict.fromkeys(map(ord, _QUOTES), ""))
    option = bare[:1] in _DASHES and len(bare) > 2 and bare[1].isalpha()
    plain = ("-" if option else "") + word.translate(_PLAIN)
    return plain if plain.replace("\u00d7", "").isascii() else word


IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
_RECIPES = ("train", "resume", "lr-find")

Command = Any
"""One of typer's, whose click has no public types."""


def typed(*parts: str) -> str:
    """What to type, quoted for a shell."""
    return shlex.join(("cnncli", *parts))


def mended(command: Command, error: Any, given: list[str]) -> list[str]:  # noqa: ANN401
    """The line with what typer complains of replaced; raises `RequestError` with what to type."""
    match type(error).__name__:
        case "NoSuchOption":
            return _with_option(command, error.option_name, given)
        case "MissingParameter":
            raise RequestError(_missing(command, error.param, given)) from None
        case "BadOptionUsage":
            option = next((each for each in command.params if error.option_name in each.opts), None)
            takes = "takes no value" if option is None or option.is_flag else f"needs a value, as in {_example(option)}"
            raise RequestError(f"{error.option_name} {takes}") from None
        case "BadParameter" if error.__cause__ is not None and error.param is not None:
            return _with_value(command, error.param, error.__cause__.errors()[0], given)
        case "UsageError" if "extra argument" in error.message:
            raise RequestError(_nameless(command, given)) from None
    raise error


def named_first(command: Command, given: list[str]) -> list[str]:
    """`Conv2d(3, 64, 7)` as `Conv2d 3 64 7`, and `model=lenet` among `key=value`, first or not, as the first argument."""
    call = re.fullmatch(r"([A-Za-z][\w.:/\\\-]*|[./~][\w.:/\\\-]*)\((.*)\)", given[0])
    if call and not Path(given[0]).exists() and any(not isinstance(param, TyperOption) for param in command.params):
        parts = re.split(r",(?![^(\[]*[)\]])", call[2].replace("'", "").replace('"', ""))
        return [call[1], *("".join(part.split()) for part in parts if part.strip()), *given[1:]]
    takes = {param.name for param in command.params} & {"arguments", "images"}
    for place, word in enumerate(given):
        key, _, value = word.partition("=")
        if takes and value and synonyms.meant(synonyms.POSITIONS, key) == 0 and not Path(given[0]).exists():
            return [value, *given[:place], *given[place + 1 :]]
    sums = [
        given[place]
        for place in _alone(command, given)
        if re.fullmatch(r"[\d\s.()+*/^-]+[+*/(][\d\s.()+*/^-]+", given[place])
    ]
    if sums and "(" in "".join(sums) and not Path(sums[0]).exists():
        from cnncli.cli import example

        raise RequestError(
            f"{sums[0]!r} is a sum, which is not worked out; name its numbers, as in {example(command.name)}"
        )
    if command.name == "solve" and "=" in given[0]:
        return [part for word in given for part in (f"--{word}".split("=", 1) if "=" in word else [word])]
    return given


def refuse_loose(command: Command, loose: Sequence[str], given: Sequence[str]) -> None:
    """Raise `RequestError` for a word that stands among `key=value` and looks like the value of an option."""
    if command.name == "solve" and given[0].isdigit():
        raise RequestError(_nameless(command, given))
    place = given.index(loose[0])
    if given[place - 2 : place - 1] == ["--input"] and all(word.isdigit() for word in (given[place - 1], *loose)):
        line = [*given[: place - 1], "x".join((given[place - 1], *loose)), *given[place + len(loose) :]]
        raise RequestError(f"a shape is one word; write {typed(command.name, *line)}")
    before, after = given[:place], given[place + 1 :]
    if after[:1] == ["="] or loose[0].endswith("="):
        instead, after = ["".join(given[place : place + 3])], given[place + 3 :]
    elif (key := loose[0].partition(":")[0]).isidentifier() and key != loose[0] and "=" not in loose[0]:
        instead = [loose[0].replace(":", "=", 1)]
    elif place and (option := _option_for(command, loose[0])):
        instead = [option, loose[0]]
    else:
        raise RequestError(f"{loose[0]!r} is not key=value; {_instead_of_loose(command, loose[0], given)}")
    raise RequestError(f"{loose[0]!r} is not key=value; write {typed(command.name, *before, *instead, *after)}")


def _instead_of_loose(command: Command, word: str, given: Sequence[str]) -> str:
    """What to type where `word` stands behind the command's first argument and is no `key=value`."""
    from cnncli.cli import example
    from cnncli.models import edition, models

    first, key = given[0], word.strip("=")
    if first.endswith(".py") and word.isidentifier():
        return f"write {typed(command.name, f'{first}:{word}', *(part for part in given[1:] if part != word))}"
    after = [*given[given.index(word) + 1 :], ""][0]
    option = _options(command).get(letters(key))
    pair = f"{option} {after}" if option else _pair(command, key, after) if key.isidentifier() else ""
    if _is_number(after) and pair:
        return f"write {typed(command.name, *given).replace(f' {word} {after}', f' {pair}')}"
    if command.name == "summary" and (":" in word or same_letters(word.partition("@")[0], models())):
        return f"one network at a time, or two beside each other: {typed('diff', first, word)}"
    known = edition(first)[2].arguments if same_letters(first.partition("@")[0], models()) else {}
    if word in known:
        return f"write it with its value, as in {word}={known[word]}"
    takes = " ".join(str(param.metavar) for param in command.params if not isinstance(param, TyperOption))
    return f"{command.name} takes {takes}, as in {example(command.name)}"


def _with_option(command: Command, name: str, given: list[str]) -> list[str]:
    """The line with what was meant by the unknown option `name`."""
    place = _place(name, given)
    written, equals, value = given[place].partition("=")
    follows = not equals and place + 1 < len(given) and not _is_option(given[place + 1])
    value = given[place + 1] if follows else value
    before, after, values = given[:place], given[place + 1 + follows :], [value] if equals or follows else []
    options, word = _options(command), letters(written)
    for meant in (word, *synonyms.OPTIONS.get(word, ())):
        if letters(meant) in options and (values or word not in synonyms.FLAGS):
            option = options[letters(meant)]
            switch = _switched(command, option, value) if values else None
            return [*before, *([option, *values] if switch is None else [option] * switch), *after]
    if (no := options.get(f"no{word}")) and (value.lower() in _SWITCHES or not values):
        return [*before, *([no] if _SWITCHES.get(value.lower()) is False else []), *after]
    instead = synonyms.FLAGS.get(word, "").split()
    if instead and (letters(instead[0].strip("-")) in options or ("=" in instead[0] and command.name in _RECIPES)):
        return [*before, *instead, *values, *after]
    position = synonyms.POSITIONS.get(word)
    if value and position is not None and _takes(command, position):
        return [value, *before, *after] if position == 0 else [*before, *after, value]
    if value and (pair := _pair(command, written.lstrip("-"), value)):
        return [*before, *after, pair]
    if command.name in _RECIPES and not values and (pair := _bare_key(command, written.lstrip("-"))):
        return [*before, *after, pair]
    near = options.get(nearest(word, options, 0.75) or "")
    values = [] if _is_flag(command, near) else values
    advice = synonyms.ADVICE.get(word)
    if word in {"out", "output", "o", "save", "file"} and command.name not in _RECIPES:
        advice = f"the result goes to stdout: {typed(command.name, *before, *after)} > FILE"
    if advice is None and near:
        advice = f"did you mean {near}? {typed(command.name, *before, near, *values, *after)}"
    listed = ", ".join(param.opts[0] for param in command.params if isinstance(param, TyperOption))
    raise RequestError(f"{command.name} has no option {written}; {advice or f'its options are {listed}'}")


_SWITCHES = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def _is_flag(command: Command, option: str | None) -> bool:
    return any(isinstance(param, TyperOption) and param.is_flag for param in command.params if option in param.opts)


def _switched(command: Command, option: str, value: str) -> bool | None:
    """Whether a flag written as `--ceil true` is to stand there; None for what is no flag, or no such value."""
    return _SWITCHES.get(value.lower()) if _is_flag(command, option) else None


def _bare_key(command: Command, name: str) -> str:
    """`nesterov=true` for a recipe's key that stands alone, "" for none; raises `RequestError` where it needs a value."""
    from cnncli.recipe.keys import keys

    pair = _pair(command, name, "true")
    path = next((path for path in keys() if pair and str(path[-1]) == pair.partition("=")[0]), None)
    if path is None:
        return ""
    default = keys()[path][0].model_fields[str(path[-1])].default
    if isinstance(default, bool):
        return pair
    shown = synonyms.VALUES.get(str(path[-1]), default)
    raise RequestError(f"--{name} needs a value; write {path[-1]}={shown}")


def _options(command: Command) -> dict[str, str]:
    """Every option as it is written, by its letters."""
    return {letters(text): text for param in command.params if isinstance(param, TyperOption) for text in param.opts}


def _takes(command: Command, position: int) -> bool:
    """Whether the command's first argument, or its last, may be given by a name that other programs have for it."""
    arguments = [param for param in command.params if not isinstance(param, TyperOption)]
    return bool(arguments) and (position == 0 or arguments[-1].name == "images")


def _pair(command: Command, name: str, value: str) -> str:
    """`name=value` where an option is a recipe's key, or may be an argument of the network's own; else ""."""
    key = name.replace("-", "_")
    if command.name in _RECIPES:
        from cnncli.recipe.keys import keys

        known = {part for path in keys() for part in (str(path[-1]), ".".join(map(str, path)))} - {"name"}
        return f"{key}={value}" if key in known or letters(key) in synonyms.KEYS else ""
    free = "arguments" in {param.name for param in command.params} and command.name not in ("params", "models")
    strange = letters(name) not in synonyms.ADVICE and nearest(name, _options(command), 0.8) is None
    return f"{key}={value}" if free and strange else ""


def _missing(command: Command, param: Any, given: Sequence[str]) -> str:  # noqa: ANN401
    """What is missing, and a line that has it."""
    from cnncli.cli import example

    what = param.opts[0] if isinstance(param, TyperOption) else param.metavar
    line = example(command.name)
    alone = [given[place] for place in _alone(command, given)]
    if command.name == "export" and alone:
        run = newest_run() or "RUN" if Path(alone[0]).is_file() or Path(alone[0]).suffix == ".onnx" else alone[0]
        line = typed("export", run, "--to", (alone[1:] or ["onnx"])[0])
    if command.name in ("evaluate", "health", "export") and newest_run() and not alone:
        line = typed(
            command.name,
            newest_run(),
            *given,
            *(() if "--to" in given or command.name != "export" else ("--to", "onnx")),
        )
    if command.name == "predict" and alone:
        line = typed("predict", alone[0], "IMAGE")
        if alone[0].lower().endswith(IMAGES):
            run = newest_run()
            what, line = "a RUN", typed("predict", run or "RUN", *given)
            line += "" if run else "; train one first: cnncli train lenet"
    return f"{command.name} needs {what}, as in {line}"


def _with_value(command: Command, param: Any, wrong: Any, given: list[str]) -> list[str]:  # noqa: ANN401
    """The line with another name for one of an option's choices replaced by that; raises `RequestError` for other values."""
    name, value = max(param.opts, key=len), str(wrong["input"])
    name = name if isinstance(param, TyperOption) else str(param.metavar)
    choices = [str(choice) for choice in param.type_descriptor.choices or ()]
    clumped = next(
        (
            word
            for word in given
            if word[:1] == "-" != word[1:2] and word[1:].endswith(value) and word[:2] in param.opts
        ),
        "",
    )
    if clumped and not value.isdigit():  # typer reads `-bs 64` as `-b s`
        return _with_option(command, clumped, given)
    meant = synonyms.one_of(value, synonyms.CHOICES, choices)
    if meant is not None and meant != value:
        for written, instead in ((value, meant), *((f"{opt}={value}", f"{opt}={meant}") for opt in param.opts)):
            if written in given:
                return [instead if word == written else word for word in given]
    raise RequestError(f"{name} {value!r} {_cure(command, param, wrong, choices)}")


def _cure(command: Command, param: Any, wrong: Any, choices: Sequence[str]) -> str:  # noqa: ANN401
    """What is wrong with a value and what to write, in our words."""
    value, kind, limits = str(wrong["input"]), str(wrong["type"]), wrong.get("ctx", {})
    if choices:
        others = [each for each in command.params if value.lower() in str(each.metavar).split("|")]
        near = nearest(value, choices)
        cure = f"write {others[0].opts[0]} {value.lower()}" if others else f"did you mean {near!r}?" if near else ""
        return f"is none of {', '.join(choices)}" + (f"; {cure}" if cure else "")
    for key, side, bound in (("ge", "small", "least"), ("le", "large", "most")):
        if key in limits:
            return f"is too {side}; the {bound} is {limits[key]}"
    if kind.startswith("float"):
        number = value.strip(",").replace(",", ".")
        return f"is not a number; write {number if _is_number(number) else _example(param)}"
    if kind.startswith("int"):
        return f"is not a whole number; write {_whole(value) or _example(param)}"
    return f"cannot be read; write {_example(param)}"


def _whole(text: str) -> str:
    """The whole number that `3,`, `1,000`, `1e2`, `1k` or `3.0` most likely is; "" for others."""
    text = text.strip(",;").lower()
    text = text.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+", text) else text
    text = f"{text[:-1]}e3" if text[-1:] == "k" else text
    number = float(text) if _is_number(text) else -1.0
    return f"{number:.0f}" if 0 <= number < 1e9 and number.is_integer() else ""


def _nameless(command: Command, given: Sequence[str]) -> str:
    """What to write for words that stand where the command's arguments have names."""
    valued = {
        text for each in command.params if isinstance(each, TyperOption) and not each.is_flag for text in each.opts
    }
    places = [
        place for place, word in enumerate(given) if not _is_option(word) and given[max(place - 1, 0)] not in valued
    ]
    own = 0 if command.name == "solve" else sum(not isinstance(param, TyperOption) for param in command.params)
    named = [word for place, word in enumerate(given) if place not in places]
    first, loose = [given[place] for place in places[:own]], [given[place] for place in places[own:]]
    free = [name for name in synonyms.IN_ORDER.get(command.name, "").split() if f"--{name}" not in named]
    choices = {
        str(choice): param
        for param in command.params
        for choice in getattr(param.type_descriptor, "choices", None) or ()
    }
    if loose and loose[0] in choices:
        free = [choices[loose[0]].opts[0].strip("-"), *free]
    if (array := [*given, ""][given.index("--input") + 1] if "--input" in given else "") and all(
        re.fullmatch(r"[\d.,;\[\]-]+", word) for word in (array, *loose)
    ):
        rows = ("; " if "," in array else " ").join(word.strip(",;[]") for word in (array, *loose))
        others = [word for word in named if word not in {"--input", array}]
        return f"an array is one word; write {typed(command.name, '--input', rows, *others)}"
    if len(loose) > len(free):
        return f"{command.name} takes no {loose[len(free)]!r}; see cnncli {command.name} --help"
    pairs = [part for name, word in zip(free, loose, strict=False) for part in (f"--{name}", word)]
    return f"{command.name} takes {loose[0]!r} by name: {typed(command.name, *first, *pairs, *named)}"


def _alone(command: Command, given: Sequence[str]) -> list[int]:
    """Where words stand that are neither an option nor the value of one."""
    valued = {
        text for each in command.params if isinstance(each, TyperOption) and not each.is_flag for text in each.opts
    }
    before = ["", *given]
    return [place for place, word in enumerate(given) if not _is_option(word) and before[place] not in valued]


def _option_for(command: Command, word: str) -> str:
    """The option of which `word` looks like a value; "" for none."""
    from cnncli.data import datasets, families
    from cnncli.layers.parsing import parts_of

    suffix = Path(word).suffix.lower()
    looks = {
        "--image": suffix in IMAGES,
        "--level": word in {"1", "2", "3"},
        "--out": suffix in {".py", ".png"},
        "--input": all(part.isdigit() for part in parts_of(word)) and command.name not in _RECIPES,
        "--data": synonyms.one_of(word, synonyms.SETS, datasets()) is not None or word.partition(":")[0] in families(),
        "--row": re.fullmatch(r"[A-Za-z][\w.]*\d[\w.]*", word) is not None,
    }
    options = set(_options(command).values())
    return next((option for option, looks_so in looks.items() if looks_so and option in options), "")


def _place(name: str, given: Sequence[str]) -> int:
    """Where the option that typer did not find stands; `-l` may be the beginning, or a part, of `-lr`."""
    whole = (place for place, word in enumerate(given) if word.partition("=")[0] == name)
    short = (place for place, word in enumerate(given) if word[:1] == "-" and word[1:2] != "-" and name[1:] in word)
    return next(whole, next(short, 0))


def _is_option(word: str) -> bool:
    return word.startswith("-") and word != "-" and not _is_number(word.partition(",")[0].partition("x")[0])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _example(param: Any) -> str:  # noqa: ANN401
    """The option with a value: its default, or what its metavar or its type says."""
    kind = str(param.type_descriptor.annotation)
    default = param.default if isinstance(param.default, int | float | str) else None
    value = (
        default
        if default is not None
        else param.metavar or ("0.1" if "float" in kind else "1" if "int" in kind else "TEXT")
    )
    return f"{max(param.opts, key=len)} {value}"


def newest_run() -> str:
    """The newest run here; "" where there is none."""
    from cnncli.files import run_folder as folder

    try:
        return folder.newest().as_posix()
    except CnncliError:
        return ""
