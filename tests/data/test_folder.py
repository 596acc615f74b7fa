"""Images in folders: classes, splits, names; and that facts come from the listing alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from cnncli.data import dataset
from cnncli.data.folder import common_size, listing
from cnncli.errors import DataError, RequestError
from cnncli.training.default_recipe import default_recipe
from tests.data.conftest import put


def paths(split: object, root: Path) -> list[str]:
    """The files of a split, from `root`."""
    return [os.path.relpath(path, root) for path in split.paths]  # type: ignore[attr-defined]


def test_two_splits_are_those_folders(tmp_path: Path) -> None:
    """train/ and test/, with train's classes in order; one that is not tested on keeps its number."""
    put(
        tmp_path,
        "train/cat/1.png",
        "train/cat/2.png",
        "train/dog/1.png",
        "test/dog/9.png",
        "other/a.png",
    )
    facts = dataset(f"folder:{tmp_path}")
    assert facts.classes == ("cat", "dog")
    assert (facts.train, facts.test, facts.shape) == (3, 1, (3, None, None))
    train, test, _ = facts.load()
    assert train.labels.tolist() == [0, 0, 1]
    assert test.labels.tolist() == [1]
    assert paths(train, tmp_path) == ["train/cat/1.png", "train/cat/2.png", "train/dog/1.png"]


@pytest.mark.parametrize("name", ["test", "val", "valid", "validation", "Test", "VALID", "testing"])
def test_val_is_tested_on_where_there_is_no_test(tmp_path: Path, name: str) -> None:
    """Under each of its usual names."""
    put(tmp_path, "train/a/1.png", "train/b/1.png", f"{name}/a/1.png")
    assert dataset(f"folder:{tmp_path}").counts == {"train": 2, "test": 1}
    assert dataset(f"folder:{tmp_path}").load().val is None


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("train", "val", "test"),
        ("train", "valid", "test"),
        ("Training", "validation", "Testing"),
        ("TRAIN", "Val", "TEST"),
    ],
)
def test_test_comes_before_val(tmp_path: Path, train: str, val: str, test: str) -> None:
    """Where both are, val/ is the validation split, and the title says which folders are what."""
    put(tmp_path, f"{train}/a/1.png", f"{train}/b/1.png", f"{val}/b/1.png", f"{val}/b/2.png", f"{test}/a/1.png")
    facts = dataset(f"folder:{tmp_path}")
    assert facts.counts == {"train": 2, "val": 2, "test": 1}
    assert facts.title.endswith(f", {train}/, {val}/ and {test}/")
    found = facts.load().val
    assert paths(found, tmp_path) == [f"{val}/b/1.png", f"{val}/b/2.png"]
    assert found.labels.tolist() == [1, 1]


def test_images_that_are_not_used_are_named(tmp_path: Path) -> None:
    """Beside the folders of classes, and in folders that are no split; what holds no images is not worth a word."""
    put(tmp_path, "train/a/1.png", "test/a/1.png", "more/a/1.png", "train/x.png", "val.png", ".hidden/a/1.png")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/read.me").touch()
    loose, folder = dataset(f"folder:{tmp_path}").notes
    assert loose == f"not used, since in no class's folder: '{tmp_path}/val.png' and 1 more"
    assert folder == f"not used: the images in '{tmp_path}/more', which is no split beside train/ and test/"
    put(tmp_path / "classes", "a/1.png", "a/2.png")
    assert dataset(f"folder:{tmp_path}/classes").notes == ()


def test_runs_are_no_class(tmp_path: Path) -> None:
    """Though they hold pictures, and lie where somebody trained: in the folder of the images."""
    put(tmp_path, "a/1.png", "a/2.png", "runs/lenet-1/curves.png", "runs/lenet-1/confusion.png")
    (tmp_path / "runs/lenet-1/recipe.yaml").touch()
    assert (dataset(f"folder:{tmp_path}").classes, dataset(f"folder:{tmp_path}").notes) == (("a",), ())
    (tmp_path / "runs/lenet-1/recipe.yaml").unlink()
    put(tmp_path, "runs/lenet-1/more.png")  # the folder is looked at anew
    assert dataset(f"folder:{tmp_path}").classes == ("a", "runs")


def test_classes_alone_are_divided(tmp_path: Path) -> None:
    """A fifth of each class is tested on, one at least of two, none of one; every image is in one split."""
    put(tmp_path, *(f"big/{number}.png" for number in range(10)), "pair/1.png", "pair/2.png", "lone/1.png")
    facts = dataset(f"folder:{tmp_path}")
    train, test, _ = facts.load()
    assert facts.classes == ("big", "lone", "pair")
    assert (train.labels.bincount().tolist(), test.labels.bincount(minlength=3).tolist()) == ([8, 1, 1], [2, 0, 1])
    assert len({*train.paths, *test.paths}) == 13


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(st.sets(st.integers(0, 99), min_size=4, max_size=12), st.integers(100, 200))
def test_the_division_follows_from_names_alone(
    tmp_path_factory: pytest.TempPathFactory, numbers: set[int], new: int
) -> None:
    """Wherever the folder lies, in whatever order it was filled; another image moves at most one across."""
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    names = [f"a/{number}.png" for number in numbers]
    put(one, *names)
    put(two, *reversed(names))
    tested = [{path for path, _ in listing(str(root)).test} for root in (one, two)]
    assert tested[0] == tested[1]
    put(one, f"a/{new}.png")
    assert len(tested[0] - {path for path, _ in listing(str(one)).test}) <= 1


def test_a_class_called_train_is_a_class(tmp_path: Path) -> None:
    """Where it holds images and no folders."""
    put(tmp_path, "bus/1.png", "bus/2.png", "train/1.png", "train/2.png", "test/1.png", "test/2.png")
    assert dataset(f"folder:{tmp_path}").classes == ("bus", "test", "train")


def test_what_lies_deeper_belongs_to_its_class(tmp_path: Path) -> None:
    """At any depth, in order of the names; links to images count, links to folders are not followed."""
    put(tmp_path, "a/x/y/1.png", "a/2.png", "b/1.png", "b/2.png")
    (tmp_path / "b" / "link.png").symlink_to(tmp_path / "a" / "2.png")
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    found = listing(str(tmp_path))
    assert sorted(path for path, _ in (*found.train, *found.test)) == [
        "a/2.png",
        "a/x/y/1.png",
        "b/1.png",
        "b/2.png",
        "b/link.png",
    ]


def test_what_is_no_image_by_its_name_is_ignored_and_counted(tmp_path: Path) -> None:
    """The title says how many; hidden files and folders are not even counted; capital suffixes count."""
    put(tmp_path, "a/1.PNG", "a/2.jpeg", "b/1.tif", "b/2.WebP")
    for name in ("a/notes.txt", "b/Thumbs.db", "b/none", "a/.DS_Store", ".git/x.png", "top.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    facts = dataset(f"folder:{tmp_path}")
    assert (facts.train + facts.test, facts.classes) == (4, ("a", "b"))
    assert "3 other files ignored" in facts.title


def test_an_added_image_is_seen(tmp_path: Path) -> None:
    """The listing is remembered, but not beyond a change of the folder."""
    put(tmp_path, "a/1.png", "a/2.png")
    assert dataset(f"folder:{tmp_path}").train == 1
    os.utime(tmp_path / "a", ns=(0, 0))
    assert listing(str(tmp_path)) is listing(str(tmp_path))
    put(tmp_path, "a/3.png", "c/1.png")
    assert dataset(f"folder:{tmp_path}").classes == ("a", "c")


def test_grey_images_have_one_channel(tmp_path: Path) -> None:
    """Where all that were asked are grey; one with colours makes three."""
    put(tmp_path, "a/1.png", "a/2.png", "b/1.png", "b/2.png", mode="L")
    assert dataset(f"folder:{tmp_path}").shape[0] == 1
    put(tmp_path, "c/1.png", "c/2.png")
    assert dataset(f"folder:{tmp_path}").shape[0] == 3


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "holds no folders with images; put a folder for each class there"),
        (("1.png",), "holds no folders with images"),
        (("a/1.txt",), "holds no folders with images"),
        (("a/1.png", "b/1.png"), "holds one image a class; put two there at least"),
        (("train/a/1.png",), "holds train/ but no test/ or val/; write folder:.*/train"),
        (("train/a/1.png", "test/1.png"), "test' holds no images in class folders"),
        (("train/a/1.txt", "test/a/1.png"), "train' holds no images in class folders"),
        (("train/a/1.png", "test/a/1.png", "val/1.png"), "val' holds no images in class folders; .*, or rename it"),
        (("train/a/1.png", "test/a/1.png", "Valid/a/1.txt"), "Valid' holds no images in class folders"),
        (
            ("train/a/1.png", "test/a/1.png", "val/a/1.png", "valid/a/1.png"),
            "holds val/ and valid/, each a val split;",
        ),
        (("train/a/1.png", "val/a/1.png", "validation/a/1.png"), "val/ and validation/, .* or rename the other"),
        (("train/a/1.png", "Train/a/1.png", "test/a/1.png"), "Train/ and train/, each a train split"),
        (
            ("train/1.png", "train/2.png", "test/1.png", "test/2.png"),
            "test/ and train/ but no folder for each class in",
        ),
        (("test/a/1.png", "val/a/1.png"), "holds test/ and val/ but no folder for each class in train/"),
    ],
)
def test_a_folder_that_is_no_data_set_is_refused(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    """Exit code 3, the folder and what to put where."""
    put(tmp_path, *names)
    with pytest.raises(DataError, match=message):
        dataset(f"folder:{tmp_path}")


@pytest.mark.parametrize(
    ("path", "message"), [("nowhere", "No such file"), ("a\0b", "null"), ("file.png", "Not a directory")]
)
def test_a_path_that_is_no_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, message: str
) -> None:
    """One printable line."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "file.png")
    with pytest.raises(DataError, match=message) as caught:
        dataset(f"folder:{path}")
    assert str(caught.value).isprintable()


def test_names_that_are_nearly_folders_are_explained(tmp_path: Path) -> None:
    """A bare path, a family without its colon, nothing after it."""
    with pytest.raises(RequestError, match=f"write 'folder:{tmp_path}'"):
        dataset(str(tmp_path))
    for name in ("folder", "folder:", "folder: "):
        with pytest.raises(RequestError, match="write folder:PATH"):
            dataset(name)
    with pytest.raises(RequestError, match="did you mean 'folder'"):
        dataset("foldr:x")


@pytest.mark.skipif(sys.platform in {"darwin", "win32"}, reason="its file systems hold Unicode names only")
def test_names_in_no_encoding_are_read(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are a class like any other."""
    put(tmp_path, "a/1.png", "a/2.png")
    (tmp_path / "a").rename(tmp_path / os.fsdecode(b"\xff\xfe"))
    facts = dataset(f"folder:{tmp_path}")
    assert facts.classes == ("\udcff\udcfe",)
    assert facts.load()[0].paths[0].endswith(".png")


def test_a_home_folder_is_written_as_usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` is expanded."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    put(tmp_path, "mine/a/1.png", "mine/a/2.png")
    assert dataset("folder:~/mine").train == 1


def test_a_folder_is_named_from_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe that was resolved in one folder reruns in another."""
    put(tmp_path, "mine/a/1.png", "mine/a/2.png")
    monkeypatch.chdir(tmp_path)
    recipe = default_recipe("lenet", "folder:mine")
    assert recipe.data.name == f"folder:{tmp_path / 'mine'}"
    monkeypatch.chdir(tmp_path / "mine")
    assert default_recipe("lenet", recipe.data.name) == recipe


def test_facts_need_no_torch(tmp_path: Path) -> None:
    """A recipe with a folder is checked before torch is imported, and shown without its thousands of paths."""
    put(tmp_path, "a/1.png", "a/2.png")
    code = (
        f"import sys; from cnncli.data import dataset; found = dataset('folder:{tmp_path}'); "
        "print('torch' in sys.modules, 'numpy' in sys.modules, '1.png' in repr(found))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "False"]


def test_the_real_folder() -> None:
    """60,000 JPEGs of CIFAR-10: counts, classes and balance."""
    root = os.environ.get("CNNCLI_DATA", "")
    if not Path(root, "cifar10-jpg").is_dir():
        pytest.skip("CNNCLI_DATA holds no cifar10-jpg: the real images are not at hand")
    facts = dataset(f"folder:{root}/cifar10-jpg")
    assert (facts.train, facts.test, len(facts.classes), facts.shape) == (50_000, 10_000, 10, (3, None, None))
    train, test, _ = facts.load()
    assert set(train.labels.bincount().tolist()) == {5000}
    assert set(test.labels.bincount().tolist()) == {1000}


@pytest.mark.skipif(os.name == "nt", reason="links need POSIX")
def test_links_that_lead_nowhere_are_images_that_cannot_be_read(tmp_path: Path) -> None:
    """They neither stop the look into the folder nor vanish silently: reading names them, or leaves them out by name."""
    put(tmp_path, "a/1.png", "a/2.png", "b/1.png", "b/2.png")
    (tmp_path / "a/circle.png").symlink_to("circle.png")
    (tmp_path / "b/gone.png").symlink_to("nowhere.png")
    (tmp_path / "around").symlink_to("around")
    found = listing(str(tmp_path))
    assert {"a/circle.png", "b/gone.png"} < {path for path, _ in (*found.train, *found.test)}
    assert found.classes == ("a", "b")


@pytest.mark.parametrize(
    ("name", "cure"),
    [("cat", "did you mean 'Cat'?"), ("Cats", "did you mean 'Cat'?"), ("emu", "add images of it to train/")],
)
@pytest.mark.parametrize("split", ["test", "val"])
def test_a_class_that_is_tested_on_alone_is_refused(tmp_path: Path, split: str, name: str, cure: str) -> None:
    """By its path, with the spelling that was meant."""
    put(tmp_path, "train/Cat/1.png", "train/dog/1.png", "test/dog/1.png", "val/dog/1.png", f"{split}/{name}/1.png")
    with pytest.raises(DataError, match=f"{split}/{name}' is a class that train/ lacks; {re.escape(cure)}"):
        dataset(f"folder:{tmp_path}")


def test_images_of_one_size_are_known_by_it(tmp_path: Path) -> None:
    """By their headers; None where they differ."""
    for number, size in enumerate([(7, 5), (7, 5), (7, 5), (5, 7)]):
        path = tmp_path / f"{number // 3}/a/{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size).save(path)
        Image.new("RGB", size).save(path.with_name("more.png"))
    assert common_size(str(tmp_path / "0")) == (5, 7)
    (tmp_path / "1/a").rename(tmp_path / "0/b")
    assert common_size(str(tmp_path / "0")) is None
