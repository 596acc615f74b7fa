"""Recipes: what is accepted, what is refused in one line, and that what is written down reads back the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncli.errors import DataError, RequestError, UnknownName
from cnncli.formats.strict_yaml import Value, parse
from cnncli.recipe.draft import Draft
from cnncli.recipe.keys import keys, section_names
from cnncli.sources.recipes import (
    Adam,
    Constant,
    OneCycle,
    Recipe,
    Rotate,
    Sgd,
    Shift,
    available,
    checked,
    load,
    recipes_folder,
    resolved,
)

HEAD = "kind: recipe\nmodel: {name: lenet}\ndata: {name: digits}\n"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that every recipe of this module is written to."""
    return tmp_path_factory.mktemp("recipes") / "x.yaml"


def written(file: Path, text: str, *overrides: str) -> Recipe:
    """The recipe in `text`."""
    file.write_text(text, encoding="utf-8")
    return load(str(file), overrides)


def refused(file: Path, text: str, *overrides: str) -> str:
    """The one line that refuses `text`, its folder left out."""
    with pytest.raises(RequestError) as caught:
        written(file, text, *overrides)
    message = str(caught.value)
    assert message.isprintable()
    return message.replace(str(file), "x.yaml")


def test_the_smallest_recipe_has_the_documented_defaults(file: Path) -> None:
    """A network and a data set are enough."""
    recipe = written(file, HEAD)
    assert (recipe.data.batch_size, recipe.data.val, recipe.data.limit, recipe.data.resize) == (256, 0.0, None, None)
    assert (recipe.data.augment, recipe.train.epochs, recipe.train.init, recipe.seed) == ((), 10, "xavier", 0)
    assert recipe.optimizer == Sgd(lr=0.1, momentum=0.0, weight_decay=0.0, nesterov=False)
    assert recipe.schedule == Constant(warmup_epochs=0.0)
    assert (recipe.stop.patience, recipe.stop.target_acc) == (None, None)


def test_values_reach_their_types(file: Path) -> None:
    """A whole number may stand for a fraction; augmentations and named sections have their own classes."""
    text = HEAD.replace("digits", "digits, augment: [shift: 2, rotate: 10, flip]").replace("lenet", "lenet, pool: max")
    recipe = written(
        file, f"{text}optimizer: {{name: adam, lr: 1e-3}}\nschedule: {{name: onecycle}}\ntrain: {{clip_norm: 1}}\n"
    )
    assert recipe.data.augment == (Shift(shift=2), Rotate(rotate=10), "flip")
    assert isinstance(recipe.data.augment[0], Shift)
    assert type(recipe.data.augment[0].shift) is float
    assert recipe.optimizer == Adam(lr=0.001)
    assert recipe.schedule == OneCycle()
    assert type(recipe.train.clip_norm) is float
    assert recipe.model.arguments == {"pool": "max"}


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ("lr: 0.1", "x.yaml:4: lr: unknown key; did you mean 'optimizer.lr'?"),
        ("optimiser: {lr: 1}", "x.yaml:4: optimiser: unknown key; did you mean 'optimizer'?"),
        ("epoch: 3", "did you mean 'train.epochs'?"),
        ("optimizer: {learning_rate: 3}", "x.yaml:4: optimizer.learning_rate: unknown key; did you mean 'optimizer.lr'?"),
        ("optimizer:\n  lr: 1\n  momentun: 0.9", "x.yaml:6: optimizer.momentun: unknown key; did you mean 'momentum'?"),
        ("train: {batch_size: 3}", "train.batch_size: unknown key; did you mean 'data.batch_size'?"),
        ("train: {batch-size: 3}", "did you mean 'data.batch_size'?"),
        ("train: {zzz: 2}", "the keys of train are epochs, label_smoothing"),
        ("foo: 1", "the keys of a recipe are model, data, optimizer, schedule, train, stop, seed"),
        ("optimizer: {name: adam, momentum: 0.9}", "is a key of sgd, rmsprop, not of adam; remove it, or write optimizer.name: sgd"),
        ("schedule: {gamma: 0.1}", "is a key of step, not of constant"),
        ("schedule: {name: onecycle, warmup_epochs: 1}", "not of onecycle"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_refused(file: Path, body: str, part: str) -> None:
    """Never ignored: the line, the key, and the key that was meant, wherever it belongs."""
    assert part in refused(file, HEAD + body)


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ("optimizer: {lr: '0.1'}", "optimizer.lr: '0.1' is not a number; write 0.1 without quotes"),
        ("optimizer: {lr: '1,000'}", "write 1000"), ("optimizer: {lr: true}", "true is not a number"),
        ("optimizer: {lr: }", "null is not a number; write a number, as in lr: 0.1"), ("optimizer: {lr: [1]}", "a list is not"),
        ("optimizer: {name: adam, lr: x}", "as in lr: 0.001"), ("optimizer: {lr: {a: 1}}", "a mapping is not a number"),
        ("optimizer: {nesterov: 1}", "1 is not true or false"), ("optimizer: {nesterov: yes}", "write true or false"),
        ("optimizer: {nesterov: 'true'}", "write true without quotes"),
        ("train: {epochs: 1e1}", "10.0 is not a whole number; write 10"),
        ("train: {epochs: 10.5}", "is not a whole number; write a whole number, as in epochs: 10"),
        ("train: {epochs: true}", "true is not a whole number"), ("train: {epochs: ten}", "'ten' is not a whole number"),
        ("train: {clip_norm: None}", "or null for none"), ("seed: 1.5", "x.yaml:4: seed: 1.5 is not a whole number"),
        ("optimizer: 3", "3 is not a section; write its keys below it: name, lr"), ("stop:", "null is not a section"),
        ("optimizer: adam", "write optimizer: {name: adam}"), ("train: [1]", "a list is not a section"),
        ("optimizer: {name: adan}", "optimizer.name: 'adan' is none of the choices; did you mean 'adam'?"),
        ("optimizer: {name: 3}", "write one of sgd, adam, adamw, rmsprop, adadelta"),
        ("schedule: {name: }", "write one of constant"),
        ("train: {init: xavierr}", "did you mean 'xavier'?"), ("train: {precision: [1]}", "write one of auto, float32, bfloat16, float16"),
        ("train: {clip_norm: " + "x" * 9000 + "}", "…"), ('train: {clip_norm: "a\\nb"}', "'a\\nb' is not a number"),
    ],
)  # fmt: skip
def test_a_wrong_type_is_refused(file: Path, body: str, part: str) -> None:
    """Text never becomes a number; the cure says what was probably meant."""
    message = refused(file, HEAD + body)
    assert part in message
    assert len(message) < 250


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ("optimizer: {lr: 0}", "0 is too small; write a number above 0"), ("optimizer: {lr: -1}", "above 0"),
        ("optimizer: {momentum: 1}", "below 1"), ("optimizer: {weight_decay: -1}", "at least 0"),
        ("optimizer: {name: adamw, weight_decay: -1}", "at least 0"), ("train: {epochs: 0}", "at least 1"),
        ("train: {epochs: 1000000}", "at most 100,000"), ("train: {label_smoothing: 1}", "below 1"),
        ("train: {label_smoothing: 10}", "write 0.1 for 10 %"), ("train: {clip_norm: 0}", "above 0"),
        ("stop: {target_acc: 98.5}", "write 0.985 for 98.5 %"), ("stop: {target_acc: 0}", "above 0"),
        ("stop: {patience: 0}", "at least 1"), ("seed: -1", "at least 0"), ("seed: 4294967296", "below 4,294,967,296"),
        ("schedule: {name: step, gamma: 0}", "above 0"), ("schedule: {name: step, step_epochs: 0}", "at least 1"),
        ("schedule: {warmup_epochs: -1}", "at least 0"), ("optimizer: {lr: .nan}", "finite"),
        ("optimizer: {lr: 1e999}", "finite"),
        ("stop: {patience: 3}", "x.yaml:4: stop.patience: needs a validation split; write data.val: 0.1 as well"),
        ("optimizer:\n  nesterov: true", "x.yaml:5: optimizer.nesterov: needs a momentum; write momentum: 0.9 as well"),
        ("schedule: {warmup_epochs: 11}", "warmup_epochs: 11 is longer than the training; write at most train.epochs, 10"),
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_refused(file: Path, body: str, part: str) -> None:
    """Bounds are named; keys that need each other name both."""
    assert part in refused(file, HEAD + body)


@pytest.mark.parametrize(
    ("data", "part"),
    [
        ("name: digit", "data.name: unknown data set 'digit'; did you mean 'digits'?"),
        ("", "data.name: is missing; write name: digits"),
        ("name: digits, batch_size: 0", "at least 1"), ("name: digits, limit: 0", "at least 1"),
        ("name: digits, val: 20", "write 0.2 for 20 %"), ("name: digits, val: 1", "below 1"),
        ("name: digits, resize: 0", "at least 1"), ("name: digits, resize: 8", "x.yaml:3: data.resize: conv2: a 4×4 input"),
        ("name: digits, augment: flip", "'flip' is not a list; write one, as in [{shift: 2}, flip]"),
        ("name: digits, augment: {shift: 2}", "a mapping is not a list"),
        ("name: digits, augment: [shift]", "shift takes a number"), ("name: digits, augment: [flip: 1]", "flip stands alone"),
        ("name: digits, augment: [shift: 1, flap]", "augment[1]: unknown augmentation 'flap'; did you mean 'flip'?"),
        ("name: digits, augment: [shfit: 2]", "did you mean 'shift'?"), ("name: digits, augment: [3]", "3 is no augmentation"),
        ("name: digits, augment: [{shift: 2, flip: 1}]", "holds 2 augmentations"),
        ("name: digits, augment: [[1]]", "a list is no augmentation"), ("name: digits, augment: [{}]", "is no augmentation"),
        ("name: digits, augment: [shift: -1]", "data.augment[0].shift: -1 is too small"),
        ("name: digits, augment: [shift: a]", "not a number"), ("name: digits, augment: [rotate: 181]", "at most 180"),
        ("name: digits, augment: [scale: 1]", "below 1"), ("name: digits, augment: [flip, flip]", "flip stands there twice"),
        ("name: digits, augment: [" + "flip," * 50 + "]", "has 50 entries"),
    ],
)  # fmt: skip
def test_wrong_data_are_refused(file: Path, data: str, part: str) -> None:
    """Data sets must exist, augmentations are typed, and the network must take the size."""
    assert part in refused(file, f"kind: recipe\nmodel: {{name: lenet}}\ndata: {{{data}}}\n")


@pytest.mark.parametrize(
    ("model", "part"),
    [
        ("name: lenett", "x.yaml:2: model.name: unknown network 'lenett'; did you mean 'lenet'?"),
        ("", "model.name: is missing"),
        ("name: lenet@clasic", "unknown edition 'clasic'; did you mean 'classic'?"), ("name: 5", "5 is not a word"),
        ("name: lenet, activation: relux", "x.yaml:2: model.activation: unknown activation 'relux'; did you mean 'relu'?"),
        ("name: lenet, activation: 3", "model.activation: "),
        ("name: lenet, pol: max", "lenet has no such argument; did you mean 'pool'?"),
        ("name: lenet, lr: 1", "did you mean 'optimizer.lr'?"), ("name: lenet, weights: best", "x.yaml:2: model.weights: 'best' is no weights; write a .safetensors"), ("name: lenet, weights: 3", "3 is not a word"),
        ("name: lenet, classes: 3", "follows from the data set; remove it"), ("name: lenet, input: 3", "no such argument"),
        ("name: lenet, source: 3", "no such argument"), ("name: lenet, pool: [1]", "a list cannot be an argument"),
        ("name: lenet, frozen: conv1", "'conv1' is not a list; write one, as in [conv1, conv2]"),
        ("name: lenet, frozen: [conv9]", "x.yaml:2: model.frozen: 'conv9' is no layer with weights; did you mean 'conv2'?"),
        ("name: lenet, frozen: [conv1, 3]", "model.frozen[1]: 3 is not a word"), ("name: lenet, frozen: [[a]]", "a list is not a word"),
        ("name: lenet, pool: {a: 1}", "a mapping cannot be an argument"), ("name: lenet, __class__: 3", "no such argument"),
    ],
)  # fmt: skip
def test_a_wrong_network_is_refused(file: Path, model: str, part: str) -> None:
    """The network, its edition and its own arguments are checked by the registry, at the line of the argument."""
    assert part in refused(file, f"kind: recipe\nmodel: {{{model}}}\ndata: {{name: digits}}\n")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "x.yaml:1: is empty; begin with kind: recipe"), ("# about\n", "is empty"),
        ("- a", "is no recipe"), ("lenet", "is no recipe"),
        ("model: {name: lenet}", "its first key must be kind: recipe"), ("kind: network\nlayers: []", "describes a network"),
        ("kind: recepi", "write kind: recipe"), ("kind: [recipe]", "is not a kind of file"), ("kind:", "is not a kind of file"),
        ("# x\nmodel: {name: lenet}\nkind: recipe", "x.yaml:3: kind: must be the first key"),
        ("kind: recipe", "model: is missing; write model: {name: lenet} (and 1 more to mend)"),
        ("kind: recipe\nmodel: {name: lenet}\nmodel: {name: lenet}", "x.yaml:3: model: is given twice, first on line 2"),
        (HEAD + "seed: 1_000", "x.yaml:4: seed: "), (HEAD + "seed: &a 1", "anchors"),
        (HEAD + "seed: !!python/object:os.x {}", "tags"),
        (HEAD + "seed: " + "[" * 60, "nests more than 50 deep"),
    ],
)  # fmt: skip
def test_what_is_no_recipe_is_refused(file: Path, text: str, part: str) -> None:
    """The first key says what a file is; YAML is read strictly."""
    assert part in refused(file, text)


def test_an_unknown_key_comes_before_what_is_missing(file: Path) -> None:
    """A misspelt section is named as such, with the count of what else there is."""
    message = refused(file, "kind: recipe\nmodle: {name: lenet}\ndata: {name: digits}\n")
    assert message == "x.yaml:2: modle: unknown key; did you mean 'model'? (and 1 more to mend)"


def test_overrides_win_over_the_file(file: Path) -> None:
    """`key=value` takes precedence over the file, and the file over the defaults."""
    text = f"{HEAD}optimizer: {{lr: 0.5, momentum: 0.5}}\n"
    recipe = written(file, text, "lr=1e-2", "epochs=3", "activation=relu", "augment=[{shift: 1}, flip]", "seed=7")
    assert recipe.optimizer == Sgd(lr=0.01, momentum=0.5)
    assert (recipe.train.epochs, recipe.seed, recipe.model.arguments) == (3, 7, {"activation": "relu"})
    assert recipe.data.augment == (Shift(shift=1), "flip")
    assert written(file, text, "optimizer.name=adam").optimizer == Adam()


@pytest.mark.parametrize(
    ("overrides", "part"),
    [
        (["lr=-1"], "lr=-1: optimizer.lr: -1 is too small"), (["optimizer.lr=-1"], "optimizer.lr=-1: -1 is too small"),
        (["activation=relux"], "activation=relux: model.activation: unknown activation"), (["momentun=1"], "did you mean"),
        (["activaton=relu"], "did you mean 'activation'?"), (["model.classes=3"], "model.classes=3: follows from the data set"),
        (["model.name=lenett", "activation=relu"], "model.name=lenett: unknown network"),
        (["data.name=x"], "data.name=x: unknown data set"),
        (["gamma=0.5"], "gamma=0.5: schedule.gamma: is a key of step"), (["patience=3"], "patience=3: stop.patience: needs"),
        (["resize=8"], "resize=8: data.resize: conv2"), (["lr=\x1b[31m"], "'lr=\\x1b[31m': optimizer.lr: '\\x1b[31m' is not a number"),
    ],
)  # fmt: skip
def test_a_wrong_override_names_itself(file: Path, overrides: list[str], part: str) -> None:
    """Not the file's line: the override is what has to change."""
    assert part in refused(file, HEAD, *overrides)


def test_an_override_that_breaks_the_file_names_the_file(file: Path) -> None:
    """`val=0` takes away what the file's patience needs: the message stands at the patience and names data.val."""
    text = HEAD.replace("digits", "digits, val: 0.1") + "stop: {patience: 3}\n"
    assert written(file, text).stop.patience == 3
    assert refused(file, text, "val=0").startswith("x.yaml:4: stop.patience: needs a validation split; write data.val")


@pytest.mark.parametrize("name", available())
def test_shipped_recipes_are_valid(name: str) -> None:
    """Each loads, opens with its command, and rereads what it resolves to."""
    text = (recipes_folder() / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.startswith(f"# cnncli train {name}\n")
    assert Recipe.model_validate(load(name).model_dump()) == load(name)


def test_the_textbook_recipes_are_the_textbooks() -> None:
    """Sigmoid, average pooling, Xavier, plain SGD at 0.9, batches of 256, ten epochs."""
    for data in ("mnist", "fashion-mnist"):
        recipe = load(f"lenet-{data}")
        assert recipe.model.arguments == {"activation": "sigmoid", "pool": "avg"}
        assert recipe.optimizer == Sgd(lr=0.9, momentum=0.0, weight_decay=0.0)
        assert (recipe.data.name, recipe.data.batch_size, recipe.train.epochs) == (data, 256, 10)
        assert (recipe.train.init, recipe.schedule, recipe.data.augment) == ("xavier", Constant(), ())


def test_a_name_that_is_no_recipe_is_refused() -> None:
    """Near names are offered, networks among them; a network by itself needs data."""
    with pytest.raises(UnknownName, match=r"unknown recipe 'lnet'; did you mean 'lenet'\?"):
        load("lnet")
    with pytest.raises(UnknownName, match=r"did you mean 'alexnet'\?"):
        load("alexnett", networks=["alexnet"])
    with pytest.raises(RequestError, match=r"'alexnet@paper' is a network, not a recipe; .* --data digits"):
        load("alexnet@paper", networks=["alexnet"])
    for name in ("", "..", "lenet\x1b[31m", "x" * 5000):
        with pytest.raises(RequestError) as caught:
            load(name)
        assert str(caught.value).isprintable()


def test_a_file_that_is_missing_is_a_data_error(tmp_path: Path) -> None:
    """Exit code 3, and the shipped recipe of that name is pointed out."""
    with pytest.raises(DataError, match=r"the shipped recipe is called 'lenet'"):
        load(str(tmp_path / "lenet.yaml"))
    with pytest.raises(DataError, match=r"none\.yaml: cannot be read"):
        load(str(tmp_path / "none.yaml"))


def test_resolved_names_every_key_in_order(file: Path) -> None:
    """Nothing is left to a default that may change; `kind: recipe` is the first line."""
    text = resolved(written(file, HEAD))
    assert text.startswith(
        "kind: recipe\nmodel:\n  name: lenet\n  weights: null\n  frozen: []\ndata:\n  name: digits\n"
    )
    values = parse(text, "x").value
    assert isinstance(values, dict)
    assert list(values) == ["kind", *section_names(), "seed"]
    assert values["train"] == {
        "epochs": 10, "label_smoothing": 0.0, "clip_norm": None, "accumulate": 1, "mixup": 0.0, "cutmix": 0.0, "ema": None,
        "init": "xavier", "precision": "auto", "memory_format": "auto", "compile": False,
        "checkpoint_steps": None, "checkpoint_seconds": 60.0,
    }  # fmt: skip


POSITIVE = st.floats(1e-9, 1e9)
FRACTION = st.floats(0, 1, exclude_max=True)
AMOUNT = FRACTION.filter(bool)
AUGMENT = st.permutations(["shift", "rotate", "scale", "flip"]).flatmap(
    lambda kinds: st.tuples(
        *(st.just(kind) if kind == "flip" else st.fixed_dictionaries({kind: AMOUNT}) for kind in kinds)
    )
)
OPTIMIZERS = st.fixed_dictionaries(
    {"name": st.just("sgd"), "momentum": st.floats(0.1, 0.9)}, optional={"nesterov": st.booleans(), "lr": POSITIVE}
) | st.fixed_dictionaries(
    {"name": st.sampled_from(["adam", "adamw", "rmsprop", "adadelta"])},
    optional={"lr": POSITIVE, "weight_decay": FRACTION},
)
SCHEDULES = st.fixed_dictionaries(
    {"name": st.sampled_from(["constant", "linear", "cosine", "step"])}, optional={"warmup_epochs": FRACTION}
) | st.just({"name": "onecycle"})
RECIPES = st.fixed_dictionaries(
    {
        "model": st.fixed_dictionaries({"name": st.just("lenet")}, optional={"pool": st.sampled_from(["avg", "max"])}),
        "data": st.fixed_dictionaries(
            {"name": st.just("digits"), "val": st.just(0.5)},
            optional={"augment": AUGMENT, "limit": st.integers(1, 10**9) | st.none()},
        ),
        "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES,
        "train": st.fixed_dictionaries({}, optional={"epochs": st.integers(1, 99), "clip_norm": POSITIVE | st.none()}),
        "stop": st.fixed_dictionaries(
            {}, optional={"patience": st.integers(1, 99) | st.none(), "target_acc": st.floats(0.1, 1)}
        ),
        "seed": st.integers(0, 2**32 - 1),
    }
)


@settings(deadline=None)
@given(RECIPES)
def test_what_is_resolved_reads_back_the_same(file: Path, values: dict[str, Value]) -> None:
    """A resolved recipe reruns as it is, to the last digit."""
    recipe = Recipe.model_validate(values)
    text = resolved(recipe)
    assert written(file, text) == recipe
    assert resolved(written(file, text)) == text


SEED_TEXT = (recipes_folder() / "lenet.yaml").read_text(encoding="utf-8")
SNIPPETS = st.sampled_from([
    "no", "1e-3", "010", "null", "[", "{", "}", "]", ": ", "\n", "- ", "&a ", "*a", "!!str ", '"', "'", "#", "---\n", "\t", "  ",
    ",", ".nan", "-1", "0", "1e999", "[[1]]", "{a: b}", "lr", "name", "flip", "shift: x", "optimizer:\n", "?", "|\n", "\x00",
])  # fmt: skip
EDIT = st.tuples(st.integers(0, len(SEED_TEXT)), st.integers(0, 20), SNIPPETS | st.text(max_size=5))


def outcome(what: Callable[[], Recipe]) -> Recipe | str:
    """A recipe, or the message that refuses it; any other exception is a failure."""
    try:
        return what()
    except RequestError as error:
        return str(error)


@settings(max_examples=300, deadline=None)  # a busy machine is no failure
@given(st.lists(EDIT, min_size=1, max_size=4))
def test_mutated_recipes_are_read_or_refused(file: Path, edits: list[tuple[int, int, str]]) -> None:
    """Whatever a text has become, it is a recipe or one printable line with a place: never another exception."""
    text = SEED_TEXT
    for start, length, snippet in edits:
        text = text[:start] + snippet + text[start + length :]
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    found = outcome(lambda: load(str(file)))
    if isinstance(found, str):
        assert found.isprintable()
        assert found.startswith(f"{file}:")
    else:
        assert written(file, resolved(found)) == found


LEAVES: st.SearchStrategy[Value] = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
MAPS: st.SearchStrategy[Value] = st.dictionaries(st.sampled_from(["name", "lr", "shift", "x"]), LEAVES, max_size=3)
LISTS: st.SearchStrategy[Value] = st.lists(LEAVES | MAPS, max_size=3)


@settings(max_examples=300, deadline=None)  # a busy machine is no failure
@given(st.sampled_from([*keys(), *((name,) for name in section_names()), ("data", "x"), ("x",)]), LEAVES | MAPS | LISTS)
def test_odd_values_are_read_or_refused(path: tuple[str, ...], value: Value) -> None:
    """Any value at any key is accepted, or refused in one line that says where it was set."""
    values: dict[str, Value] = {"kind": "recipe", "model": {"name": "lenet"}, "data": {"name": "digits"}}
    draft = Draft(values, {(): "there"}).having(path, value, "here")
    found = outcome(lambda: checked(draft, []))  # not `load`: no YAML holds NaN
    assert isinstance(found, Recipe) or (found.isprintable() and found.startswith(("here: ", "there: ")))


def test_every_key_is_documented() -> None:
    """Each key of each section says what it does, and so does each section."""
    for path, sections in keys().items():
        for section in sections:
            assert section.model_fields[str(path[-1])].description, path
            assert section.__doc__
    assert all(field.description for field in Recipe.model_fields.values())


def test_bare_keys_are_unique_but_for_name() -> None:
    """What an override may call by its bare name belongs to one section."""
    bare = [path[-1] for path in keys() if path[-1] != "name"]
    assert len(bare) == len(set(bare))


def test_recipes_are_found_in_an_installed_package(tmp_path: Path) -> None:
    """In a wheel the recipes are package data, and a wrong recipe is refused without torch."""
    package = Path(__file__).parents[2] / "cnncli"
    shutil.copytree(package, tmp_path / "cnncli", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(package.parent / "recipes", tmp_path / "cnncli" / "recipes")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from cnncli.sources.recipes import available, load, recipes_folder\n"
        "load('lenet')\n"
        "try: load('lenet', ['activation=x'])\n"
        "except Exception as error: print(error)\n"
        "print(recipes_folder(), *available(), 'torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    wrong, found = done.stdout.splitlines()
    assert wrong.startswith("activation=x: model.activation: unknown activation 'x'")
    assert found == f"{tmp_path / 'cnncli' / 'recipes'} {' '.join(available())} False"
