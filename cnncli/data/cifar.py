"""CIFAR-10 and CIFAR-100: 60,000 colour images of 32×32 pixels (A. Krizhevsky, "Learning multiple layers of features", 2009)."""

from __future__ import annotations

from cnncli.data.vision import Source, declare

_TEN = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_HUNDRED = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
    "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
    "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur",
    "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard",
    "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
    "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree",
    "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket",
    "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
    "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor",
    "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
)  # fmt: skip


def _source(name: str, folder: str, entries: tuple[str, ...]) -> Source:
    return Source(
        name=name,
        kind=name.upper(),
        folder=folder,
        entries=entries,
        train=({"train": True},),
        test=({"train": False},),
        images="data",
        labels="targets",
        channels_last=True,
    )


_LICENCE = "none stated (A. Krizhevsky, V. Nair, G. Hinton, 2009)"

DATASETS = {
    "cifar10": declare(
        _source(
            "cifar10",
            "cifar-10-batches-py",
            (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"),
        ),
        title="CIFAR-10, small photographs",
        shape=(3, 32, 32),
        classes=_TEN,
        train=50_000,
        test=10_000,
        licence=_LICENCE,
    ),
    "cifar100": declare(
        _source("cifar100", "cifar-100-python", ("train", "test", "meta")),
        title="CIFAR-100, small photographs",
        shape=(3, 32, 32),
        classes=_HUNDRED,
        train=50_000,
        test=10_000,
        licence=_LICENCE,
    ),
}
