"""`cnncli data`: the list, one set, what is fetched; in every format, and what is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from cnncli.data import datasets
from cnncli.data.progress import Progress
from cnncli.render.data import bar
from tests.cli.quick import heavy_imports
from tests.conftest import Result
from tests.data.conftest import put

Cnncli = Callable[..., Result]


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNCLI_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_every_set_is_listed(cnncli: Cnncli, tmp_path: Path) -> None:
    """In 80 columns: shape, classes, counts, whether it is here; then the families and where downloads go."""
    found = cnncli("data ls")
    lines = found.out.splitlines()
    assert found.code == 0
    assert {line.split()[0] for line in lines[1:-3]} == set(datasets())
    assert max(map(len, lines[:-1])) <= 80
    words = {line.split()[0]: line.split()[1:6] for line in lines}
    assert words["digits"] == ["1×8×8", "10", "1,437", "360", "yes"]
    assert words["cifar100"] == ["3×32×32", "100", "50,000", "10,000", "no"]
    assert words["food101"][0] == "3×?×?"
    assert lines[-3:-1] == [
        "fake:CxHxWxCLASSESxIMAGES: noise of that shape, made up",
        "folder:PATH: your own images, a folder for each class",
    ]
    assert lines[-1] == f"downloads go to {tmp_path / 'data'}"
    assert cnncli("data").out == found.out


def test_a_wide_terminal_shows_licence_and_place(cnncli: Cnncli, tmp_path: Path) -> None:
    """Beyond 120 columns."""
    line = next(line for line in cnncli("data ls", 400).out.splitlines() if line.startswith("kmnist"))
    assert "CC BY-SA 4.0" in line
    assert line.endswith(str(tmp_path / "data" / "KMNIST" / "raw"))


def test_the_list_in_other_formats(cnncli: Cnncli) -> None:
    """One row a set in CSV and Markdown, one object in JSON."""
    rows = {row["name"]: row for row in csv.DictReader(cnncli("data ls --format csv").out.splitlines())}
    assert set(rows) == set(datasets())
    assert (rows["mnist"]["shape"], rows["mnist"]["train"], rows["mnist"]["there"]) == ("1x28x28", "60000", "False")
    found = json.loads(cnncli("data ls --format json").out)
    assert found["schema"] == "cnncli/data/1"
    assert [each["name"] for each in found["sets"]] == sorted(datasets())
    assert {each["pattern"] for each in found["families"]} == {"folder:PATH", "fake:CxHxWxCLASSESxIMAGES"}
    food = next(each for each in found["sets"] if each["name"] == "food101")
    assert (food["shape"], food["train"], food["there"], len(food["classes"])) == ([3, None, None], 75750, False, 101)
    assert cnncli("data ls --format markdown").out.startswith("| name | shape |")


def test_a_set_that_is_here_is_looked_at(cnncli: Cnncli) -> None:
    """Facts, moments, licence, place, and how many of each class."""
    lines = cnncli("data info digits").out.splitlines()
    assert lines[:4] == [
        "digits · Optical Recognition of Handwritten Digits (UCI)",
        "1×8×8 · 10 classes · 1,437 train, 360 test",
        "mean 0.3052 · deviation 0.3759",
        "licence: CC BY 4.0 (E. Alpaydin, C. Kaynak, 1998)",
    ]
    assert "".join(lines[4:-13]).endswith("digits.gz")
    assert lines[-12].split() == ["class", "train", "test"]
    assert lines[-1].split() == ["total", "1,437", "360"]
    assert max(map(len, lines[:4])) <= 80


def test_a_set_that_is_not_here_is_told_about(cnncli: Cnncli) -> None:
    """Its facts, and how to bring it; nothing is downloaded."""
    found = cnncli("data info cifar10")
    assert found.code == 0
    assert "not here: cnncli data fetch cifar10 brings it to" in found.out
    assert "class " not in found.out
    assert "balance" not in json.loads(cnncli("data info cifar10 --format json").out)
    assert (
        cnncli("data info cifar10 --format csv").out.splitlines()[1].startswith("cifar10,3x32x32,10,50000,10000,False")
    )


def test_a_folder_is_looked_at(cnncli: Cnncli, tmp_path: Path) -> None:
    """Sizes and moments of a sample, a class that is not tested on, names shown inert."""
    put(
        tmp_path / "pets",
        "train/cat/1.png",
        "train/cat/2.png",
        "train/a\x1b[31m/1.png",
        "train/dog/1.png",
        "test/dog/1.png",
    )
    (tmp_path / "pets/train/cat/3.png").touch()
    found = cnncli("data info folder:pets").out
    assert "colour, any size · 3 classes · 5 train, 1 test" in found
    assert "sizes: 4×6" in found
    assert "· 1 of them cannot be read" in " ".join(found.split())
    assert "\x1b" not in found
    lines = [line.split() for line in found.splitlines()]
    assert ["cat", "3", "0"] in lines
    assert ["dog", "1", "1"] in lines
    assert ["a\\x1b[31m", "1", "0"] in lines
    told = json.loads(cnncli("data info folder:pets --format json").out)
    assert told["balance"][1] == {"class": "cat", "train": 3, "test": 0}
    assert (told["smallest"], told["largest"], told["looked_at"], told["unreadable"]) == ([4, 6], [4, 6], 5, 1)
    assert len(told["mean"]) == len(told["deviation"]) == 3
    rows = [*csv.reader(cnncli("data info folder:pets --format csv").out.splitlines())]
    assert ["cat", "3", "0"] in rows


@pytest.mark.parametrize("name", ["digits", "fake:3x9x5x2x30", "fake:1x4x4x47x470"])
def test_a_sheet_of_samples_is_drawn(cnncli: Cnncli, tmp_path: Path, name: str) -> None:
    """A PNG beside the text; colour or grey, square or not, of many classes twenty at most."""
    found = cnncli(f"data info {name} --out sheets/samples.png")
    assert found.code == 0, found.err
    with Image.open(tmp_path / "sheets" / "samples.png") as image:
        assert image.format == "PNG"
        assert image.width > 800
        assert len(image.convert("L").getcolors()) > 10
    assert [path.name for path in (tmp_path / "sheets").iterdir()] == ["samples.png"]


def test_a_folder_is_fetched_and_prepared(cnncli: Cnncli, tmp_path: Path) -> None:
    """Looked through without a size, prepared with one; a bad image is exit 3, its path and the cure."""
    put(tmp_path / "pets", *(f"{name}/{number}.png" for name in "ab" for number in range(5)))
    for line in ("data fetch folder:pets", "data fetch folder:pets --size 3x8x8"):
        found = cnncli(line)
        assert (found.code, found.err) == (0, "")
        assert found.out == f"folder:{tmp_path / 'pets'}: 8 train, 2 test, in {tmp_path / 'pets'}\n"
    names = {path.name.rpartition("-")[2] for path in (tmp_path / "data" / "prepared").iterdir()}
    assert names == {"bad.safetensors", "3x8x8.safetensors"}
    (tmp_path / "pets" / "b" / "3.png").write_bytes(b"")
    found = cnncli("data fetch folder:pets")
    assert (found.code, found.out) == (3, "")
    assert "b/3.png': it is empty; mend or remove it, or write data.on_bad_image: skip" in found.err
    assert json.loads(cnncli("data fetch digits --format json").out)["there"] is True


def test_what_cannot_be_fetched_is_one_line(cnncli: Cnncli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 3, why, where to put it by hand; nothing on stdout."""
    monkeypatch.setattr("torchvision.datasets.CIFAR10.url", "http://127.0.0.1:9/cifar.tar.gz")
    found = cnncli("data fetch cifar10")
    assert (found.code, found.out) == (3, "")
    assert "cifar10: the download failed" in found.err
    assert found.err.endswith("by hand, or use --data digits\n")
    assert len(found.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("data infoo mnist", 2, "unknown action 'infoo'; did you mean 'info'?"),
        ("data mnist", 2, "unknown action 'mnist'; write cnncli data info mnist"),
        ("data folder:x", 2, "unknown action 'folder:x'; write cnncli data info folder:x"),
        ("data ls mnist", 2, "data ls takes no name, got 'mnist'; cnncli data info NAME looks at one"),
        ("data info", 2, "data info takes a name, as in cnncli data info mnist"),
        ("data fetch", 2, "data fetch takes a name, as in cnncli data fetch mnist"),
        ("data info mnits", 2, "unknown data set 'mnits'; did you mean 'mnist'?"),
        ("data info folder:nowhere", 3, "nowhere': No such file or directory"),
        ("data info fake:1", 2, "is not fake:CxHxWxCLASSESxIMAGES"),
        ("data info digits --out x.jpg", 2, "--out 'x.jpg' must end in .png"),
        ("data ls --out x.png", 2, "--out 'x.png' means nothing to data ls"),
        (
            "data info cifar10 --out x.png",
            3,
            "'cifar10' is not here, so it cannot be drawn; write cnncli data fetch cifar10",
        ),
        ("data info digits --out /dev/null/x.png", 3, "cannot write '/dev/null/x.png'"),
        ("data info digits --size 3x8x8", 2, "--size means nothing to data info"),
        ("data fetch digits --size 3x8x8", 2, "digits lies in one piece and is sized as it is used; leave it out"),
        ("data fetch flowers102 --size 2x8x8", 2, "'2x8x8' is no size of an image"),
        ("data fetch flowers102 --size 3x8", 2, "'3x8' is no size of an image"),
        ("data fetch flowers102 --size 3x8x9999", 2, "up to 1024 pixels"),
    ],
)
def test_wrong_requests_are_one_line(cnncli: Cnncli, line: str, code: int, message: str) -> None:
    """The exit code, nothing on stdout, the place and the cure on stderr."""
    found = cnncli(line)
    assert (found.code, found.out) == (code, "")
    assert message in found.err
    assert len(found.err.splitlines()) == 1


@pytest.mark.parametrize("line", ["data ls", "data info cifar10", "data info nosuch", "data --help"])
def test_no_heavy_import(line: str) -> None:
    """Telling about data needs no torch."""
    assert heavy_imports(line) == []


def test_a_bar_says_how_far_it_is() -> None:
    """Empty where nothing is under way, else twenty squares and the counts."""
    progress = Progress()
    assert bar(progress) == ""
    progress.begin("preparing images", 60_000)
    assert bar(progress) == f"preparing images {'░' * 20} 0 of 60,000"
    progress.done = 30_000
    assert bar(progress) == f"preparing images {'█' * 10}{'░' * 10} 30,000 of 60,000"
    progress.end()
    assert bar(progress) == ""


def test_a_validation_split_is_counted_everywhere(cnncli: Cnncli) -> None:
    """In the lines, the table, CSV and JSON of a folder that brings one; what is not used of it is said on stderr."""
    put(Path("set"), "train/a/1.png", "train/b/1.png", "val/b/1.png", "test/a/1.png", "test/b/1.png", "rest/a/1.png")
    told = cnncli("data info folder:set")
    lines = told.out.splitlines()
    assert "train/, val/ and test/" in " ".join(told.out.split())
    assert "2 classes · 2 train, 1 val, 2 test" in told.out
    assert [line.split() for line in lines[-4:]] == [
        ["class", "train", "val", "test"], ["a", "1", "0", "1"], ["b", "1", "1", "1"], ["total", "2", "1", "2"]
    ]  # fmt: skip
    assert "not used: the images in" in told.err
    assert cnncli("data info folder:set --format csv").out.splitlines()[0] == "class,train,val,test"
    values = json.loads(cnncli("data info folder:set --format json").out)
    assert (values["train"], values["val"], values["test"], len(values["notes"])) == (2, 1, 2, 1)
    assert values["balance"][0] == {"class": "a", "train": 1, "val": 0, "test": 1}
    fetched = cnncli("data fetch folder:set")
    assert "2 train, 1 val, 2 test" in fetched.out
    assert "not used" in fetched.err
    values = json.loads(cnncli("data info digits --format json").out)
    assert (values["val"], values["notes"], values["balance"][0].keys()) == (None, [], {"class", "train", "test"})
