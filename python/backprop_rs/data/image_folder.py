"""Find the files of MNIST and its successors in a folder, by their names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from os import listdir
from os.path import isfile, join

from .._internal.printable import printable
from .io import Path
from .table_options import listed

NAME = re.compile(
    r"(?P<split>.*?)-?(?P<part>train|test|t10k)-(?P<what>images|imgs|labels)"
    r"(?:[-.]idx[123]-ubyte(?:\.gz)?|(?P<npz>\.npz))",
    re.I,
)
"""train-images-idx3-ubyte.gz of MNIST, emnist-letters-train-..., k49-train-imgs.npz of KMNIST."""


@dataclass(frozen=True)
class ImageFiles:
    """The four files of a data set, and the file with the names of its classes."""

    train_images: str
    train_labels: str
    test_images: str
    test_labels: str
    mapping: str | None = None

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The images and labels of the train set and of the test set."""
        return [(self.train_images, self.train_labels), (self.test_images, self.test_labels)]


def find_files(folder: Path, split: str | None = None) -> ImageFiles:
    """Return the files of the one data set in a folder, or of that whose name ends with `split`.

    Raises
    ------
    ValueError
        If a file is absent, or there are several data sets and `split` does not choose.
    """
    found: dict[str, dict[tuple[str, str], str]] = {}
    try:
        names = sorted(listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        names = []
    for name in names:
        match = NAME.fullmatch(name)
        if match is None or not isfile(join(folder, name)):
            continue
        part = "test" if match["part"].lower() == "t10k" else match["part"].lower()
        what = "labels" if match["what"].lower() == "labels" else "images"
        # A packed file comes after the plain one, which stays.
        found.setdefault(match["split"], {}).setdefault((part, what), join(folder, name))
    chosen = chosen_split(folder, found, split)
    files = found.get(chosen, {})
    for part in ("train", "test"):
        for what in ("images", "labels"):
            if (part, what) not in files:
                raise ValueError(absent(folder, chosen, part, what))
    mapping = join(folder, f"{chosen}-mapping.txt")
    return ImageFiles(
        files["train", "images"],
        files["train", "labels"],
        files["test", "images"],
        files["test", "labels"],
        mapping if chosen and isfile(mapping) else None,
    )


def chosen_split(folder: Path, found: dict[str, dict[tuple[str, str], str]], split: object) -> str:
    """Return the beginning of the names of the files to read."""
    splits = sorted(found)
    if split is None:
        if len(splits) > 1:
            raise ValueError(
                f"{printable(folder)} has several data sets "
                f"({listed([name or 'train' for name in splits])}); give split= the name of one"
            )
        return splits[0] if splits else ""
    if not isinstance(split, str):
        raise TypeError(f"split must be a text such as 'letters'; got {split!r}")
    fitting = [name for name in splits if split in (name, name.rpartition("-")[2])]
    if len(fitting) != 1:
        raise ValueError(f"split must be one of {listed(splits) or 'none'}; got {split!r}")
    return fitting[0]


def absent(folder: Path, split: str, part: str, what: str) -> str:
    """Return the sentence for a file that is not there."""
    prefix = f"{split}-" if split else ""
    shown = "t10k" if part == "test" and not split else part
    name = f"{prefix}{shown}-{what}-idx{3 if what == 'images' else 1}-ubyte"
    return f"folder must hold the file {name} or {name}.gz; {printable(folder)} does not"


def read_mapping(path: str) -> dict[int, str]:
    """Return the character of each label of EMNIST: lines of a label and codes of characters.

    Labels with two characters, an uppercase and a lowercase letter, have the first.
    """
    with open(path, encoding="ascii") as file:
        lines = [line.split() for line in file if line.strip()]
    try:
        return {int(label): chr(int(code)) for label, code, *_ in lines}
    except ValueError:
        raise ValueError(
            f"{printable(path)} must hold lines of a label and the code of its character"
        ) from None
