"""The data and the model that a page carries."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal.writing import writing
from ..data import load_digits, load_iris, standardize
from .assembly import packed

if TYPE_CHECKING:
    from .._internal.types import AnyArray
    from ..network import Network

IMAGE = (8, 8)  # of the digits


def built_in() -> dict[str, Any]:
    """Return the data sets of the package, standardized."""
    iris, digits = standardize(load_iris()), load_digits()
    names = [name.removesuffix(" (cm)") for name in iris.feature_names]
    return {
        "iris": table(iris.X, iris.y, names, iris.class_names),
        "digits": table(digits.X, digits.y, digits.feature_names, digits.class_names)
        | {"image": IMAGE},
    }


def table(
    X: AnyArray, y: AnyArray | None, names: Sequence[str], class_names: Sequence[str] = ()
) -> dict[str, Any]:
    """Return samples for the page: a row has the inputs, and then a class or the targets."""
    if y is None:
        raise ValueError("X must have targets; this Dataset has none")
    targets = y.reshape(len(y), -1)
    rows = np.hstack([X, targets]).astype("<f8")
    return {
        "inputs": X.shape[1],
        "targets": targets.shape[1],
        "classes": len(class_names),
        "names": list(map(str, names)),
        "class_names": list(map(str, class_names)),
        "rows": packed(rows.tobytes()),
    }


def network(content: bytes) -> Network:
    """Return the network that a page has sent as a file."""
    from ..network import Network

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "network.safetensors")
        with writing(path) as file:
            file.write(content)
        return Network.load(path)


def model(network: Network) -> str:
    """Return the file of a network, packed."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "network.safetensors")
        network.save(path)
        with open(path, "rb") as file:
            return packed(file.read())
