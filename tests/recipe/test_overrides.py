"""`key=value`: what is set, where, and what is said of the rest."""

from __future__ import annotations

import pytest

from cnncli.errors import RequestError
from cnncli.formats.strict_yaml import Value
from cnncli.recipe.draft import Draft
from cnncli.recipe.overrides import Override, apply, override, path

OWN = ("activation", "pool")


def changed(*texts: str, **sections: Value) -> dict[str, Value]:
    """The values of a draft with `sections` once `texts` are set."""
    return dict(apply(Draft(sections, {(): "f.yaml:1"}), texts, lambda _: OWN).values)


def refused(*texts: str, **sections: Value) -> str:
    """The one line that refuses `texts`."""
    with pytest.raises(RequestError) as caught:
        changed(*texts, **sections)
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("lr=1e-3", "lr", 0.001), ("lr=.5", "lr", 0.5), ("epochs=3", "epochs", 3), ("batch-size=64", "batch_size", 64),
        ("clip_norm=null", "clip_norm", None), ("clip_norm=~", "clip_norm", None), ("nesterov=true", "nesterov", True),
        ("augment=[{shift: 2}, flip]", "augment", [{"shift": 2}, "flip"]), ("augment=[]", "augment", []),
        ("a=b=c", "a", "b=c"), ("a = b ", "a", "b"), ("a=x: y #z", "a", "x: y #z"), ("a='no'", "a", "no"), ('a="1"', "a", "1"),
        ("data.name=fashion-mnist", "data.name", "fashion-mnist"),
    ],
)  # fmt: skip
def test_a_value_follows_the_rules_of_yaml(text: str, key: str, value: Value) -> None:
    """Scalars as in YAML; what begins with a bracket or a quote is YAML itself; the first equals sign splits."""
    assert override(text) == Override(key, value, text)


@pytest.mark.parametrize("text", ["lr", "", "=3", "=", "  =3", "lr\n", "\x1b[31m"])
def test_what_is_not_key_value_is_refused(text: str) -> None:
    """The text is shown inert, with an example."""
    assert refused(text).endswith("is not key=value; write it as in lr=0.1")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("lr=", "write a value, or null"), ("lr=  ", "write a value, or null"), ("nesterov=no", "write true or false"),
        ("epochs=010", "write 10"), ("lr=1_0", "write 10"), ("augment=[{shift: 2}", "brackets"), ("augment=[*x]", "aliases"),
        ("augment=" + "[" * 60, "nests more than 50 deep"), ("lr='1", "close the quote"), ("augment=[1]\n---\n[2]", "document"),
        ("lr=1e999", "finite"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_the_override(text: str, part: str) -> None:
    """The place is the override as written; a line number would be none."""
    message = refused(text)
    assert message.startswith((text[:8], repr(text)[:8]))
    assert part in message
    assert ":1: " not in message


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("lr", "optimizer.lr"), ("optimizer.lr", "optimizer.lr"), ("epochs", "train.epochs"), ("batch_size", "data.batch_size"),
        ("seed", "seed"), ("momentum", "optimizer.momentum"), ("gamma", "schedule.gamma"), ("val", "data.val"),
        ("patience", "stop.patience"), ("activation", "model.activation"), ("model.hidden", "model.hidden"),
        ("model.name", "model.name"), ("train.memory-format", "train.memory_format"), ("learning-rate", "optimizer.lr"),
        ("bs", "data.batch_size"), ("weightDecay", "optimizer.weight_decay"), ("freeze", "model.frozen"),
    ],
)  # fmt: skip
def test_a_bare_key_belongs_to_the_section_that_has_it(key: str, meant: str) -> None:
    """Dotted or bare; the network's own arguments count among the bare ones."""
    assert ".".join(path(override(f"{key}=1"), OWN)) == meant


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("momentun", "did you mean 'optimizer.momentum'?"), ("optimizer.momentun", "did you mean 'optimizer.momentum'?"),
        ("train.lr", "did you mean 'optimizer.lr'?"),
        ("activaton", "did you mean 'activation'?"), ("LR", "did you mean"),
        ("foo", "the keys are accumulate, activation, alpha, "), ("a.b.c", "the keys are"), ("model.", "the keys are"),
        (".", "the keys are"), ("kind", "the keys are"), ("data.augment.0", "data.augment.0"),
        ("name", "may be model.name, data.name, optimizer.name, schedule.name"),
        ("optimizer", "is a section; set one of its keys, as in optimizer.name=…"), ("stop", "as in stop.patience=…"),
        ("\x1b[31m", "unknown key"), ("k" * 5000, "unknown key"),
    ],
)  # fmt: skip
def test_an_unknown_or_ambiguous_key_is_refused(key: str, part: str) -> None:
    """The nearest key is offered as it must be written, an ambiguous one with its candidates."""
    message = refused(f"{key}=1")
    assert part in message
    assert len(message) < 800  # all the keys, and what was written cut short


def test_a_key_is_set_once() -> None:
    """Bare and dotted spellings are one key."""
    assert refused("lr=1", "optimizer.lr=2") == "optimizer.lr=2: optimizer.lr is set already, by lr=1; keep one"
    assert "set already" in refused("seed=1", "seed=1")
    assert "set already" in refused("optimizer.name=adam", "optimizer.name=sgd")


def test_overrides_change_only_what_they_name() -> None:
    """Other keys stay, missing sections appear, and the input is left alone."""
    data: Value = {"name": "digits", "batch_size": 8}
    found = changed("batch_size=64", "epochs=3", "seed=1", data=data)
    assert found == {"data": {"name": "digits", "batch_size": 64}, "train": {"epochs": 3}, "seed": 1}
    assert data == {"name": "digits", "batch_size": 8}


def test_a_new_name_starts_its_section_afresh() -> None:
    """What belonged to the old name goes with it, in whatever order overrides stand; other sections keep their keys."""
    sgd: Value = {"name": "sgd", "lr": 0.9, "momentum": 0.9}
    assert changed("optimizer.name=adam", optimizer=sgd) == {"optimizer": {"name": "adam"}}
    assert changed("lr=1e-4", "optimizer.name=adam", optimizer=sgd) == {"optimizer": {"name": "adam", "lr": 1e-4}}
    assert changed("optimizer.name=sgd", optimizer=sgd) == {"optimizer": sgd}
    assert changed("optimizer.name=sgd", optimizer={"lr": 0.9}) == {"optimizer": {"lr": 0.9, "name": "sgd"}}
    assert changed("data.name=mnist", data={"name": "digits", "val": 0.1}) == {"data": {"name": "mnist", "val": 0.1}}
    assert changed("model.name=nin", model={"name": "lenet", "pool": "max"}) == {"model": {"name": "nin"}}


def test_a_broken_section_stays_for_its_own_error() -> None:
    """An override does not hide that a section is no mapping."""
    assert changed("lr=1", "optimizer.name=adam", optimizer=[3]) == {"optimizer": [3]}


def test_places_follow_the_overrides() -> None:
    """An error about a value points to who set it: the file's line or the override."""
    draft = Draft({"data": {"augment": ["x"], "val": 2}}, {(): "f:1", ("data",): "f:2", ("data", "augment", 0): "f:3"})
    draft = apply(draft, ["augment=[z]"], lambda _: OWN)
    assert str(draft.refusal(("data", "augment", 0), "bad")) == "augment=[z]: data.augment[0]: bad"
    assert str(draft.refusal(("data", "val"), "bad")) == "f:2: data.val: bad"
    assert str(draft.refusal((), "bad")) == "f:1: bad"
    spelled = draft.having(("data", "val"), 3, "data.val=3")
    assert str(spelled.refusal(("data", "val"), "bad")) == "data.val=3: bad"
