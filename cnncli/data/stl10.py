"""STL-10: 13,000 labelled colour images of 96×96 pixels, from ImageNet.

A. Coates, H. Lee, A. Y. Ng, "An analysis of single-layer networks in unsupervised feature learning", 2011. The 100,000 images
without labels are left out, though they come along and torchvision checks them.
"""

from __future__ import annotations

from cnncli.data.vision import Source, declare

DATASETS = {
    "stl10": declare(
        Source(
            name="stl10",
            kind="STL10",
            folder="stl10_binary",
            entries=("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin"),
            train=({"split": "train"},),
            test=({"split": "test"},),
            images="data",
            labels="labels",
        ),
        title="STL-10, photographs",
        shape=(3, 96, 96),
        classes=("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"),
        train=5_000,
        test=8_000,
        licence="none stated (A. Coates, H. Lee, A. Y. Ng, 2011; images from ImageNet)",
    )
}
