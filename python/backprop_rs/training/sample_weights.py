"""Weights of samples and of classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal import checks

if TYPE_CHECKING:
    from .._internal.types import AnyArray, Array, Data


def weights_of(
    sample_weight: Data | None,
    class_weight: Any,
    classes: tuple[AnyArray | None, int],
    m: int,
    dtype: str,
) -> Array | None:
    """The weight of each sample times that of its class, (m,); None where all are the same.

    `classes` are the labels, where the targets are classes, and how many there can be.
    """
    weights = None
    if sample_weight is not None:
        weights = checks.sample_weight(sample_weight, m, dtype)
    if class_weight is None:
        return weights
    labels, n = classes
    if labels is None:
        raise ValueError("class_weight must go with targets that are classes; got values")
    if isinstance(class_weight, Mapping):
        check(class_weight, n)
    of_class = of_classes(class_weight, labels)
    if weights is None:
        checks.weights("class_weight", of_class, dtype)
        rounded: Array = np.asarray(of_class, dtype)
        return rounded
    checks.weights("sample_weight times class_weight", weights.astype(float) * of_class, dtype)
    product: Array = weights * of_class.astype(dtype)
    return product


def as_mapping(class_weight: Any) -> Any:
    """A dict in the place of what only resembles one, such as a Series of pandas."""
    if isinstance(class_weight, Mapping) or not callable(getattr(class_weight, "items", None)):
        return class_weight
    return dict(class_weight.items())


def check(class_weight: Mapping[Any, Any], n: int) -> None:
    for key, value in class_weight.items():
        if key not in range(n):
            raise ValueError(
                f"class_weight must name classes from 0 to {n - 1}; got {checks.shown(key)}"
            )
        checks.nonnegative(f"class_weight of class {key}", value)


def of_classes(class_weight: Any, labels: AnyArray) -> AnyArray:
    """The weight of each sample's class."""
    classes, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if isinstance(class_weight, str) and class_weight == "balanced":
        weights: AnyArray = len(labels) / (len(classes) * counts)
        return weights[places]
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            "class_weight must be 'balanced' or a mapping from class to weight; "
            f"got {checks.shown(class_weight)}"
        )
    return np.array([float(class_weight.get(int(one), 1.0)) for one in classes])[places]
