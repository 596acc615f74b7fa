"""SVHN: house numbers in street photographs, 32×32 pixels about one digit.

Y. Netzer, T. Wang, A. Coates, A. Bissacco, B. Wu, A. Y. Ng, "Reading digits in natural images with unsupervised feature
learning", 2011. The third part of the set, 531,131 easier images, is left out.
"""

from __future__ import annotations

import string

from cnncli.data.vision import Source, declare

DATASETS = {
    "svhn": declare(
        Source(
            name="svhn",
            kind="SVHN",
            folder=".",
            entries=("train_32x32.mat", "test_32x32.mat"),
            train=({"split": "train"},),
            test=({"split": "test"},),
            images="data",
            labels="labels",
            needs="scipy",
        ),
        title="SVHN, street view house numbers",
        shape=(3, 32, 32),
        classes=tuple(string.digits),
        train=73_257,
        test=26_032,
        licence="for non-commercial use (Y. Netzer et al., 2011)",
    )
}
