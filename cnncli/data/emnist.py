"""EMNIST: handwritten letters and digits of NIST Special Database 19, in six arrangements that one download brings.

G. Cohen, S. Afshar, J. Tapson, A. van Schaik, "EMNIST: an extension of MNIST to handwritten letters", 2017. The files hold
every image with rows and columns exchanged; here they are upright, as in MNIST.
"""

from __future__ import annotations

import string

from cnncli.data.mnist import Source, declare

_DIGITS = tuple(string.digits)
_ALIKE = set("cijklmopsuvwxyz")  # letters whose small and capital forms are one class in two of the arrangements
_ALL = (*string.digits, *string.ascii_uppercase, *string.ascii_lowercase)
_MERGED = tuple(letter for letter in _ALL if letter not in _ALIKE)

# arrangement: title, classes, images to train on, to test on
_ARRANGEMENTS = {
    "balanced": ("balanced classes", _MERGED, 112_800, 18_800),
    "byclass": ("digits, capital and small letters", _ALL, 697_932, 116_323),
    "bymerge": ("letters that look alike merged", _MERGED, 697_932, 116_323),
    "letters": ("letters, capital and small merged", tuple(string.ascii_lowercase), 124_800, 20_800),
    "digits": ("digits", _DIGITS, 240_000, 40_000),
    "mnist": ("digits, as many as MNIST's", _DIGITS, 60_000, 10_000),
}


def _source(arrangement: str) -> Source:
    _, classes, train, test = _ARRANGEMENTS[arrangement]
    start = f"emnist-{arrangement}"
    return Source(
        name=start,
        kind="EMNIST",
        train=train,
        test=test,
        classes=classes,
        arguments=(("split", arrangement),),
        files=(
            f"{start}-train-images-idx3-ubyte",
            f"{start}-train-labels-idx1-ubyte",
            f"{start}-test-images-idx3-ubyte",
            f"{start}-test-labels-idx1-ubyte",
        ),
        first=1 if arrangement == "letters" else 0,
        lying=True,
    )


DATASETS = {
    f"emnist-{arrangement}": declare(
        _source(arrangement),
        title=f"EMNIST, {title}",
        licence="none stated; NIST Special Database 19 is in the public domain",
    )
    for arrangement, (title, *_) in _ARRANGEMENTS.items()
}
