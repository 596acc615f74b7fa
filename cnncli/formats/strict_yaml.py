"""YAML that means one thing: bounded, free of duplicates, with the line of every key.

Texts come from outside, so they are bounded before anything is built from them (size, nodes, nesting), and anchors,
aliases and tags are not read: no text grows by more than its size, and none makes an object. Scalars follow
`yaml_scalar`, so that no value means one thing here and another in the next program.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import yaml

from cnncli.errors import DataError, RequestError
from cnncli.files import not_there
from cnncli.formats.yaml_scalar import Scalar, is_bool_word, scalar
from cnncli.text import truncate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Value: TypeAlias = "Scalar | list[Value] | dict[str, Value]"
KeyPath: TypeAlias = "tuple[str | int, ...]"

MAX_BYTES, MAX_NODES, MAX_NESTING = 1_000_000, 100_000, 50
_TOO_DEEP = f"nests more than {MAX_NESTING} deep; flatten it"
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's parser, where PyYAML has it, is the faster

_UNPRINTABLE = re.compile("[^\t\n\r -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

_CURES = {
    "cannot start any token": "quote text that starts with @, ` or %, and indent with spaces, not tabs",
    "mapping values are not allowed": "put a space after each colon, the line before included, and quote text that holds one",
    "could not find expected ':'": "write a colon and a space after the key, as in lr: 0.1",
    "end of stream": "close the quote or bracket opened above",
    "unknown escape": "write the backslash twice, or use single quotes",
}


def not_text(text: str) -> str:
    """What is in `text` that no YAML file can hold, in words; "" where there is nothing."""
    found = _UNPRINTABLE.search(text)
    return f"holds the character U+{ord(found[0]):04X}, which is not text" if found else ""


@dataclass(frozen=True)
class Document:
    """What a text holds.

    place: the file as errors name it · lines: from the path of a key or list item to its line, counted from 1;
    `()` is the whole text
    """

    value: Value
    lines: Mapping[KeyPath, int]
    place: str

    def where(self, path: KeyPath) -> str:
        """`file:line` of `path`, or of the nearest thing around it that the text holds."""
        while path not in self.lines:
            path = path[:-1]
        return f"{self.place}:{self.lines[path]}"


def read(file: Path) -> Document:
    """The one document in `file`; raises `DataError` where it cannot be read, else as `parse`."""
    place = truncate(str(file), 300)
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise DataError(f"{place}: cannot be read: {not_there(str(file), ('.yaml', '.yml'))}") from None
    except (OSError, ValueError) as error:  # a name with a NUL is a ValueError
        raise DataError(f"{place}: cannot be read: {getattr(error, 'strerror', None) or 'not a file name'}") from None
    _check_size(data, place)
    try:
        return parse(data.decode("utf-8-sig"), place)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RequestError(f"{place}:{line}: byte 0x{data[error.start]:02x} is not UTF-8; save as UTF-8") from None


def parse(text: str, place: str) -> Document:
    """The one document in `text`, None for an empty one; `place` names it in errors.

    Raises `RequestError` for what is not YAML, is ambiguous, or exceeds the bounds, with place, line and key.
    """
    text = text.removeprefix("\ufeff")
    if found := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise RequestError(f"{place}:{line}: character U+{ord(found[0]):04X} is not text; remove it")
    _check_size(text.encode(), place)
    builder = _Builder(text, place)
    try:
        return Document(builder.document(), builder.lines, place)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise RequestError(f"{place}:{line}: {_explained(str(error.problem))}") from None
    except yaml.YAMLError as error:
        raise RequestError(f"{place}: {_explained(str(error).partition(chr(10))[0])}") from None


def dump(value: Value) -> str:
    """`value` as YAML that `parse` reads back as it is; keys stay in their order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=100)


def dotted(path: KeyPath) -> str:
    """`("data", "augment", 0)` as `data.augment[0]`."""
    parts = [f"[{key}]" if isinstance(key, int) else f".{truncate(key, 40)}" for key in path]
    return "".join(parts).removeprefix(".")


class _Builder:
    """Builds values from the parser's events, which take no stack however deep the text nests."""

    def __init__(self, text: str, place: str) -> None:
        self.events = yaml.parse(text, Loader=LOADER)
        self.place = place
        self.lines: dict[KeyPath, int] = {(): 1}
        self.nodes = 0

    def document(self) -> Value:
        next(self.events)  # the start of the stream
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return None
        value = self.node(next(self.events), ())
        next(self.events)  # the end of the document
        event = next(self.events)
        if not isinstance(event, yaml.StreamEndEvent):
            self.refuse(event, (), "a second document starts here; keep one to a file")
        return value

    def node(self, event: yaml.Event, path: KeyPath) -> Value:
        self.check(event, path)
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(path)
        return self.scalar(event, path)

    def mapping(self, path: KeyPath) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.key(event, path)
            here = (*path, key)
            if key in found:
                self.refuse(event, here, f"is given twice, first on line {self.lines[here]}; keep one")
            self.lines[here] = _line(event)
            found[key] = self.node(next(self.events), here)
        return found

    def sequence(self, path: KeyPath) -> list[Value]:
        found: list[Value] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            here = (*path, len(found))
            self.lines[here] = _line(event)
            found.append(self.node(event, here))
        return found

    def key(self, event: yaml.Event, path: KeyPath) -> str:
        self.check(event, path)
        if not isinstance(event, yaml.ScalarEvent):
            self.refuse(event, path, "a list or a mapping stands for a key; keys are text")
        # `on` and `y` can only be text where keys are; what else is not text under either reading is refused.
        text = str(event.value)
        if not is_bool_word(text) and not isinstance(self.scalar(event, path), str):
            self.refuse(event, path, f"the key {truncate(text, 40)!r} is not text; quote it")
        return text

    def scalar(self, event: yaml.Event, path: KeyPath) -> Scalar:
        assert isinstance(event, yaml.ScalarEvent)  # noqa: S101  (check() has refused aliases, the only other kind)
        text = str(event.value)
        if wrong := not_text(text):
            self.refuse(event, path, f"{wrong}; remove its escape")
        try:
            return scalar(text) if _is_plain(event) else text
        except RequestError as error:
            self.refuse(event, path, str(error))

    def check(self, event: yaml.Event, path: KeyPath) -> None:
        """Count a node; refuse one over the bounds, or with an anchor, an alias or a tag."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self.refuse(event, (), f"more than {MAX_NODES:,} values; make the file smaller")
        if len(path) >= MAX_NESTING and isinstance(event, yaml.CollectionStartEvent):
            self.refuse(event, (), _TOO_DEEP)
        if getattr(event, "anchor", None) is not None:
            self.refuse(event, path, "anchors (&) and aliases (*) are not read; write the value out, or quote the text")
        if tag := getattr(event, "tag", None):
            self.refuse(event, path, f"tags such as {truncate(tag, 40)!r} are not read; remove it, or quote the text")

    def refuse(self, event: yaml.Event, path: KeyPath, wrong: str) -> NoReturn:
        key = f"{dotted(path)}: " if path else ""
        raise RequestError(f"{self.place}:{_line(event)}: {key}{wrong}")


class _Dumper(yaml.SafeDumper):
    """Quotes what `scalar` would not read back as the same text; PyYAML alone leaves `y` and `1e-3` bare."""

    def text(self, value: str) -> yaml.ScalarNode:
        try:
            style = None if scalar(value) == value else '"'
        except RequestError:
            style = '"'
        return self.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _Dumper.text)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _is_plain(event: yaml.ScalarEvent) -> bool:
    return event.style in (None, "")


def _check_size(data: bytes, place: str) -> None:
    if len(data) > MAX_BYTES:
        raise RequestError(f"{place}: more than {MAX_BYTES:,} bytes; make the file smaller")


def _explained(problem: str) -> str:
    if (
        "maximum nesting depth" in problem
    ):  # libyaml has a bound of its own, and looks far ahead before it gives an event
        return _TOO_DEEP
    cures = (cure for part, cure in _CURES.items() if part in problem)
    return f"{truncate(problem, 160)}; {next(cures, 'check the indentation, brackets and quotes')}"
