"""Arrays as people write them, and files that hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from cnncli.errors import DataError, RequestError
from cnncli.lessons import images
from cnncli.lessons.arrays import read_array, read_maps, written
from cnncli.lessons.images import read_image
from cnncli.render.grids import nested

SQUARE = [[0.0, 1.0], [2.0, 3.0]]


@pytest.mark.parametrize(
    "text",
    [
        "0 1; 2 3",
        "0,1;2,3",
        "0, 1\n2, 3",
        " 0 1 ; 2 3 ; ",
        "[[0, 1], [2, 3]]",
        "[[0 1]\n [2 3]]",
        "0/7 2/2; 4/2 3",
        "−0 1; 2 3",
        "array([[0, 1],\n       [2, 3]])",
        "tensor([[0., 1.],\n        [2., 3.]], dtype=torch.float64)",
    ],
)
def test_a_matrix_is_written_in_many_ways(text: str) -> None:
    """Blanks or commas between numbers, semicolons or lines between rows, what Python, numpy and torch print, fractions."""
    assert read_array(text).tolist() == SQUARE


def test_channels_and_kernels_have_signs_of_their_own() -> None:
    """`|` ends a channel, `||` a kernel."""
    assert read_array("1 2 | 3 4").tolist() == [[[1, 2]], [[3, 4]]]
    assert read_array("1 | 2 || 3 | 4").tolist() == [[[[1]], [[2]]], [[[3]], [[4]]]]
    assert read_array("1 || 2").shape == (2, 1, 1, 1)
    assert read_maps("1 2").shape == (1, 1, 2)


@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=4, max_side=3), elements=st.integers(-99, 99)))
def test_what_is_printed_can_be_read(values: np.ndarray) -> None:
    """Nested brackets, ours and numpy's, come back; an axis of one in front is left out."""
    wanted = values
    while wanted.ndim > 2 and len(wanted) == 1:
        wanted = wanted[0]
    for text in (nested(values.tolist()), str(values), repr(values), repr(values.tolist())):
        found = written(text)
        assert np.array_equal(found.reshape(wanted.shape), wanted)


WRONG = {
    "0 1; 2": "row 1: 1 number, row 0 has 2",
    "0 1; 2 x": "row 1, column 1: 'x' is not a number",
    "0 1;; 2 3": "row 1: no number stands in it",
    "": "row 0: no number stands in it",
    "1,,2": "row 0, column 1: '' is not a number",
    "1 2 | 3 4; 5 6": "channel 1, it is 2×2, the first is 1×2",
    "1 | 2; 3 x": "channel 1, row 1: 2 numbers, row 0 has 1",
    "1 | 2 || 3": "kernel 1: 1 channel, kernel 0 has 2",
    "nan": "row 0, column 0: 'nan' is not finite",
    "1 -inf": "row 0, column 1: '-inf' is not finite",
    "1e101": "row 0, column 0: '1e101' is not finite, or beyond 1e+100",
    "1/0": "row 0, column 0: '1/0' is not a number",
}


@pytest.mark.parametrize(("text", "words"), WRONG.items())
def test_what_is_written_wrongly_is_named(text: str, words: str) -> None:
    """Option, row, column and value, and how it is written; exit code 2."""
    with pytest.raises(RequestError) as caught:
        read_array(text, "--kernel")
    assert str(caught.value).startswith(f"--kernel: {words}")
    assert '"0 1 2; 3 4 5"' in str(caught.value)


def test_an_input_has_three_axes() -> None:
    """Several kernels are no input."""
    with pytest.raises(RequestError, match="--input: 4 axes"):
        read_maps("1 || 2")


def test_what_is_for_images_alone_is_not_passed_over() -> None:
    """Numbers have no colours, and no size but their own."""
    for options in ({"channels": 3}, {"size": (2, 2)}):
        with pytest.raises(RequestError, match="for images; name one with --input"):
            read_maps("1 2", **options)


def test_csv_has_a_line_for_a_row(tmp_path: Path) -> None:
    """Commas, semicolons, tabs or blanks; an empty line between channels; a byte order mark and Windows' line ends."""
    path = tmp_path / "x.csv"
    for text in ("0,1\n2,3\n", "\ufeff0;1\r\n2;3\r\n", "0\t1\n2\t3", "0 1\n2 3\n\n\n"):
        path.write_text(text, encoding="utf-8", newline="")
        assert read_array(str(path)).tolist() == SQUARE
    path.write_text("0,1\n2,3\n\n4,5\n6,7\n")
    assert read_array(str(path)).tolist() == [SQUARE, [[4, 5], [6, 7]]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"a,b\n1,2\n", "row 0, column 0: 'a' is not a number"),
        (b"1,2\n3\n", "row 1: 1 number, row 0 has 2"),
        (b"1,2,\n", "row 0, column 2: '' is not a number"),
        (b"", "no number"),
        (b"\xff\xfe1", "it is no text in UTF-8"),
    ],
)
def test_a_wrong_csv_is_named(tmp_path: Path, text: bytes, words: str) -> None:
    """Path, row, column and value; exit code 3."""
    path = tmp_path / "x.csv"
    path.write_bytes(text)
    with pytest.raises(DataError, match=r"x\.csv") as caught:
        read_array(str(path))
    assert words in str(caught.value)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a device without an end")
def test_a_csv_is_read_no_further_than_its_limit(tmp_path: Path) -> None:
    """Whatever size the system says."""
    path = tmp_path / "x.csv"
    path.symlink_to("/dev/zero")
    with pytest.raises(DataError, match="more than 16 MiB"):
        read_array(str(path))


@pytest.mark.parametrize("name", ["x.csv", "x.npy", "x.png", "x\0.csv", "x\0.npy"])
def test_a_file_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    """The path and the system's reason."""
    with pytest.raises(DataError, match="cannot read"):
        read_array(str(tmp_path / name))


@pytest.mark.parametrize("kind", ["float32", "int16", "bool", ">f8", "uint8"])
def test_npy_of_real_numbers(tmp_path: Path, kind: str) -> None:
    """Two to four axes of any real type, in C or Fortran order."""
    path = tmp_path / "x.npy"
    for order in "CF":
        values = np.asarray(np.arange(24).reshape(2, 3, 4) % 2, dtype=kind, order=order)
        np.save(path, values)
        assert np.array_equal(read_array(str(path)), values)


def test_a_wrong_npy_is_named(tmp_path: Path) -> None:
    """Pickles, complex numbers, one axis, nothing, infinities, a header that promises too much, something else."""
    path = tmp_path / "x.npy"
    for values in (
        np.array([[object()]]),
        np.ones((2, 2), complex),
        np.ones(3),
        np.ones((0, 2)),
        np.array([[1, np.inf]]),
    ):
        np.save(path, values, allow_pickle=True)
        with pytest.raises(DataError, match=r"x\.npy"):
            read_array(str(path))
    np.save(path, np.ones((8, 8)))
    whole = path.read_bytes()
    for damaged in (
        whole[:-1],
        whole.replace(b"(8, 8)", b"(9, 9)"),
        whole.replace(b"8)", b")8"),
        b"",
        b"\x93NUMPY",
        b"hello",
    ):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"x\.npy"):
            read_array(str(path))


def test_an_image_is_between_black_and_white(tmp_path: Path) -> None:
    """Grey files have one channel, coloured ones three; asked for, either is made of the other."""
    grey, colour = str(tmp_path / "grey.png"), str(tmp_path / "colour.png")
    Image.fromarray(np.array([[0, 51], [102, 255]], np.uint8)).save(grey)
    Image.fromarray(np.full((2, 3, 3), (255, 0, 51), np.uint8)).save(colour)
    found = read_image(grey)
    assert found.dtype == np.float32
    assert found == pytest.approx(np.array([[[0, 0.2], [0.4, 1]]]))
    assert read_image(colour).shape == (3, 2, 3)
    assert read_image(colour)[:, 0, 0] == pytest.approx([1, 0, 0.2])
    assert read_image(colour, 1).shape == (1, 2, 3)
    assert read_image(grey, 3, (4, 5)).shape == (3, 4, 5)
    assert read_array(colour, channels=1, size=(2, 2)).shape == (1, 2, 2)


def test_an_image_that_is_too_large_says_how_to_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit counts numbers; grey or smaller it may be read."""
    monkeypatch.setattr(images, "MOST", 100)
    path = str(tmp_path / "x.png")
    Image.new("RGB", (9, 9)).save(path)
    with pytest.raises(DataError, match=r"3×9×9 numbers are more than 100; read it smaller or in grey"):
        read_image(path)
    assert read_image(path, 1).shape == (1, 9, 9)
