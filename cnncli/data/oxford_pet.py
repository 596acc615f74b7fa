"""Oxford-IIIT Pet: 7,349 photographs of 37 breeds of cats and dogs.

O. M. Parkhi, A. Vedaldi, A. Zisserman, C. V. Jawahar, "Cats and dogs", 2012. A few of its files are PNG under the name of JPEG.
"""

from __future__ import annotations

from cnncli.data.vision import Source, declare

_BREEDS = (
    "Abyssinian", "American Bulldog", "American Pit Bull Terrier", "Basset Hound", "Beagle", "Bengal", "Birman", "Bombay",
    "Boxer", "British Shorthair", "Chihuahua", "Egyptian Mau", "English Cocker Spaniel", "English Setter",
    "German Shorthaired", "Great Pyrenees", "Havanese", "Japanese Chin", "Keeshond", "Leonberger", "Maine Coon",
    "Miniature Pinscher", "Newfoundland", "Persian", "Pomeranian", "Pug", "Ragdoll", "Russian Blue", "Saint Bernard",
    "Samoyed", "Scottish Terrier", "Shiba Inu", "Siamese", "Sphynx", "Staffordshire Bull Terrier", "Wheaten Terrier",
    "Yorkshire Terrier",
)  # fmt: skip

DATASETS = {
    "oxford-pet": declare(
        Source(
            name="oxford-pet",
            kind="OxfordIIITPet",
            folder="oxford-iiit-pet",
            entries=("images", "annotations"),
            train=({"split": "trainval"},),
            test=({"split": "test"},),
            images="_images",
            labels="_labels",
            of_files=True,
        ),
        title="Oxford-IIIT Pet, photographs of cats and dogs",
        shape=(3, None, None),
        classes=_BREEDS,
        train=3_680,
        test=3_669,
        licence="CC BY-SA 4.0 (O. M. Parkhi et al., 2012)",
    )
}
