"""Strict YAML: one meaning or none, within bounds, and a line for everything."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cnncli.errors import DataError, RequestError
from cnncli.formats import strict_yaml
from cnncli.formats.strict_yaml import MAX_BYTES, MAX_NODES, Value, dotted, dump, parse, read


def refused(text: str) -> str:
    """What is said about `text`, which must be one printable line beginning with the file and a line number."""
    with pytest.raises(RequestError) as caught:
        parse(text, "f.yaml")
    message = str(caught.value)
    assert message.startswith("f.yaml:")
    assert message.isprintable()
    return message


def test_values_and_lines() -> None:
    """Every key and item knows the line it stands on."""
    found = parse("# about\na: 1\nb:\n  - x\n  - {c: true}\nd: |\n  text\n", "f.yaml")
    assert found.value == {"a": 1, "b": ["x", {"c": True}], "d": "text\n"}
    assert found.lines == {(): 1, ("a",): 2, ("b",): 3, ("b", 0): 4, ("b", 1): 5, ("b", 1, "c"): 5, ("d",): 6}
    assert found.where(("b", 1, "c")) == "f.yaml:5"
    assert found.where(("b", 7, "z")) == "f.yaml:3"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001), ("1E3", 1000.0), (".5", 0.5), ("5.", 5.0), ("-0.25", -0.25), ("+3", 3), ("0", 0), ("-7", -7),
        ("0x1F", 31), ("0o17", 15), ("~", None), ("null", None), ("", None), ("True", True), ("FALSE", False),
        ("'1e-3'", "1e-3"), ('"no"', "no"), ("None", "None"), ("nan", "nan"), ("3x5", "3x5"), ("1.2.3", "1.2.3"),
        ("lenet@classic", "lenet@classic"), ("a_b", "a_b"), ("12:ab", "12:ab"), ("e3", "e3"), ("2024-x", "2024-x"),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    """A plain scalar is what YAML 1.2 says it is, a quoted one is text."""
    assert repr(parse(f"a: {text}", "f.yaml").value) == repr({"a": value})


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("yes", "write true or false"), ("No", "write true or false"), ("on", "write true or false"),
        ("OFF", "write true or false"), ("y", "write true or false"), ("n", "write true or false"),
        ("010", "write 10,"), ("-007", "write -7,"), ("00", "write 0,"), ("1_000", "write 1000,"), ("1_0.5", "write 10.5,"),
        ("0x_ff", "write 0xff,"), ("1:30", "quote it"), ("20:30:40.5", "quote it"), ("0b11", "quote it"),
        ("2026-01-31", "quote it"), ("2026-01-31T10:00:00Z", "quote it"), (".inf", "finite"), ("-.INF", "finite"),
        (".nan", "finite"), ("1e999", "finite"), ("9223372036854775808", "below 2^63"), ("9" * 5000, "below 2^63"),
        ("0." + "1" * 200, "digits"),
    ],
)  # fmt: skip
def test_traps_are_refused_with_a_suggestion(text: str, cure: str) -> None:
    """What two YAML readers understand differently names its line, its key and the cure."""
    message = refused(f"x: 1\nsection:\n  key: {text}\n")
    assert message.startswith("f.yaml:3: section.key: ")
    assert cure in message


def test_keys_are_text_given_once() -> None:
    """A key given twice names both lines, at any depth; other keys than text are refused."""
    assert refused("a: 1\nb: 2\na: 3") == "f.yaml:3: a: is given twice, first on line 1; keep one"
    assert refused("s:\n  lr: 1\n  x: 2\n  'lr': 3").startswith("f.yaml:4: s.lr: is given twice, first on line 2")
    assert "twice" in refused("{a: 1, a: 1}")
    for key in ("1", "true", "~", "1.5", "[a]", "? {a: b}\n"):
        assert refused(f"{key}: 2").startswith("f.yaml:1: ")
    assert parse("on: 1\ny: 2\n'1': 3", "f.yaml").value == {"on": 1, "y": 2, "1": 3}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: &x 1", "anchors"), ("a: *x", "aliases"), ("a: !!str 1", "tags"), ("a: ! 1", "tags"), ("!!map {a: 1}", "tags"),
        ("a: !!python/object/apply:os.system ['touch /tmp/x']", "tags"), ("!!python/object:os.x {}", "tags"),
        ("a: 1\n---\nb: 2", "f.yaml:2: a second document"), ("\ta: 1", "spaces, not tabs"), ("a:\n\t- b", "f.yaml:2: "),
        ("lr:0.1\nb: 2", "a space after each colon"), ("a: b: c", "a space after each colon"), ("a: [1,\n", "brackets"),
        ("a: @x", "quote text"), ("a: 'x", "close the quote"), ('a: "\\q"', "backslash"), ("a: 1\n\n- b", "f.yaml:3: "),
        ("a: \x1b[31m", "U+001B"), ("\n\na: \x00", "f.yaml:3: "), ("a: \x85", "U+0085"), ("a: \u2028", "U+2028"),
        ("a: \ud800", "U+D800"), ('a: "\\x1b[31m"', "U+001B"), ('"\\x07": 1', "U+0007"), ("a: x\ufeff", "U+FEFF"),
    ],
)  # fmt: skip
def test_what_is_not_plain_yaml_is_refused(text: str, part: str) -> None:
    """Anchors, tags, second documents, tabs, control characters and broken syntax get one line each."""
    assert part in refused(text)


def test_bounds() -> None:
    """Size, nodes and nesting are bounded, and the largest text within them is read quickly."""
    assert "nests more than 50 deep" in refused("[" * 60 + "]" * 60)
    assert "nests more than 50 deep" in refused("".join(f"{' ' * depth}k:\n" for depth in range(60)))
    assert "nests more than 50 deep" in refused("[" * 900_000)
    assert parse("[" * 50 + "]" * 50, "f.yaml").value
    assert f"more than {MAX_NODES:,} values" in refused("- 1\n" * MAX_NODES)  # the list itself is one
    assert len(str(parse("- 1\n" * (MAX_NODES - 1), "f.yaml").value)) > MAX_NODES
    assert parse("#" * MAX_BYTES, "f.yaml").value is None
    with pytest.raises(RequestError, match=r"more than 1,000,000 bytes"):
        parse("#" * (MAX_BYTES + 1), "f.yaml")
    with pytest.raises(RequestError, match=r"more than 1,000,000 bytes"):
        parse("#" + "é" * (MAX_BYTES // 2), "f.yaml")


def test_laughs_do_not_multiply() -> None:
    """Nine layers of nine aliases are refused at the first anchor."""
    layers = ["a: &a [lol,lol]"]
    layers += [f"{chr(98 + at)}: &{chr(98 + at)} [{','.join(['*' + chr(97 + at)] * 9)}]" for at in range(9)]
    assert "anchors" in refused("\n".join(layers))


@pytest.mark.parametrize(
    "text",
    [
        "a: 1" + "_" * 900_000 + "x",
        "a: 1" + ":5" * 400_000 + "x",
        "a: " + "1" * 999_000,
        "? " * 499_000,
        "[a: " * 200_000,
    ],
    ids=["underscores", "colons", "digits", "complex keys", "pairs"],
)
def test_hostile_texts_take_no_time(text: str) -> None:
    """No pattern and no parser state grows faster than the text (0.2 s here; a quadratic one takes hours)."""
    start = time.perf_counter()
    try:
        parse(text, "f.yaml")
    except RequestError as error:
        assert len(str(error)) < 300  # either outcome is right, in good time and few words
    assert time.perf_counter() - start < 5


def test_the_slower_parser_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML comes without libyaml, its own parser reads and refuses alike."""
    monkeypatch.setattr(strict_yaml, "LOADER", yaml.SafeLoader)
    assert parse("a: [1e-3, {b: x}]\n", "f.yaml").value == {"a": [0.001, {"b": "x"}]}
    assert "nests more than 50 deep" in refused("[" * 900_000)
    assert "twice" in refused("a: 1\na: 2")
    assert "a space after each colon" in refused("a: b: c")
    assert "U+D800" in refused('a: "\\ud800"')


def test_read_takes_utf8_with_or_without_a_mark(tmp_path: Path) -> None:
    """A byte order mark is skipped; other encodings are refused with the line and the cure."""
    file = tmp_path / "x.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\r\n")
    assert read(file).value == {"a": "é"}
    file.write_bytes(b"a: 1\nb: \xe9\n")
    with pytest.raises(RequestError, match=r"x\.yaml:2: byte 0xe9 is not UTF-8; save as UTF-8"):
        read(file)
    file.write_bytes("a: 1".encode("utf-16"))
    with pytest.raises(RequestError, match="UTF-8"):
        read(file)
    file.write_bytes(b"#" * MAX_BYTES + b"\xc3\xa9")
    with pytest.raises(RequestError, match="bytes"):
        read(file)


def test_read_says_why_a_file_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a folder and an impossible name are data errors (exit code 3)."""
    for file in (tmp_path / "none.yaml", tmp_path, Path("a\0b.yaml")):
        with pytest.raises(DataError, match="cannot be read"):
            read(file)


def test_dotted() -> None:
    """A path is written as one would write an override, and is inert."""
    assert dotted(("data", "augment", 0, "shift")) == "data.augment[0].shift"
    assert dotted(("a\n",)) == "'a\\n'"
    assert dotted(()) == ""


TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\ufeff\ufffe\uffff"))
TRAPS = st.sampled_from(
    ["no", "Yes", "y", "1e-3", "010", "1:30", "1_0", "2026-01-01", "null", "~", "", "0o7", "1.5", ".inf", "-"]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | TRAPS
)


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXT | TRAPS, inner), max_leaves=20))
def test_what_is_dumped_is_read_back(value: Value) -> None:
    """`parse` reads back whatever `dump` writes, type for type."""
    assert repr(parse(dump(value), "f.yaml").value) == repr(value)
