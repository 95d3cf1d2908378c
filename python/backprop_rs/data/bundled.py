"""The bundled data sets; datasets/SOURCES.md has their origin and license."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .csv import load_csv
from .dataset import Dataset


def load_iris() -> Dataset:
    """Load Fisher's Iris data (1936): 150 flowers, 4 lengths in cm, 3 species.

    Returns
    -------
    Dataset
        X (150, 4) in cm, not standardized; y labels of setosa, versicolor and virginica, 50 of
        each. Rows are in the order of the species: shuffle or split them before use.

    Examples
    --------
    >>> load_iris()
    Dataset('iris': 150 samples, 4 features, 3 classes: setosa, versicolor, virginica)
    """
    return _load("iris.csv")


def load_digits() -> Dataset:
    """Load the 1,797 handwritten digits of 8 x 8 pixels of Alpaydin and Kaynak (1998).

    Returns
    -------
    Dataset
        X (1797, 64) in float32, pixels row by row in [0, 1] (the counts 0..16 of the source divided
        by 16, which is exact); y labels 0..9.

    Examples
    --------
    >>> digits = load_digits()
    >>> digits
    Dataset('digits': 1,797 samples, 64 features, 10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    >>> digits.X[0].reshape(8, 8)[0].tolist()
    [0.0, 0.0, 0.3125, 0.8125, 0.5625, 0.0625, 0.0, 0.0]
    """
    counts = _load("digits.csv.gz")
    return replace(counts, X=(counts.X / 16).astype(np.float32))


def _load(name: str) -> Dataset:
    from importlib.resources import as_file, files

    with as_file(files("backprop_rs") / "datasets" / name) as path:
        return load_csv(path, header=True, classes=True)
