"""The scaling and the names that data and predictions of a trained network need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .dataset import Dataset
from .labels import class_name
from .scaling import Scaling

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .sources import Source

LARGEST_PIXEL = 255
MIN_PIXELS = 64


class OutOfCoreSet(Protocol):
    """Samples that are read when they are needed, in place of a `Dataset`."""

    def prepared(self, preparation: Preparation) -> Source:
        """Return a source of the samples, scaled."""

    def preparation(self, scale_target: bool) -> Preparation:
        """Choose how to scale the samples."""


@dataclass(frozen=True)
class Preparation:
    """Names and scalings of the data that a network was trained on; empty if there are none."""

    feature_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    scaling: Scaling | None = None
    target_scaling: Scaling | None = None
    fill_values: dict[str, float] = field(default_factory=dict)
    target: str = ""

    def inputs(self, dataset: Dataset | OutOfCoreSet) -> Any:
        """Return the features (m, n_0), scaled, or a source of all samples."""
        if not isinstance(dataset, Dataset):
            return dataset.prepared(self)
        return dataset.X if self.scaling is None else self.scaling.apply(dataset.X)

    def targets(self, dataset: Dataset | OutOfCoreSet) -> Any:
        """Return the labels (m,) or the scaled values (m, n_L); None if `inputs` has them."""
        if not isinstance(dataset, Dataset):
            return None
        assert dataset.y is not None
        if dataset.is_classification:
            return dataset.y
        values = dataset.y.reshape(len(dataset), -1)
        return values if self.target_scaling is None else self.target_scaling.apply(values)

    def values(self, activations: NDArray[Any]) -> NDArray[Any]:
        """Return the network's outputs (m, n_L) in the units of the target."""
        scaling = self.target_scaling
        return activations if scaling is None else scaling.invert(activations)

    def to_metadata(self) -> dict[str, object]:
        """Return the preparation as a dictionary for JSON and `Network.metadata`."""
        metadata: dict[str, object] = {
            "feature_names": list(self.feature_names),
            "class_names": list(self.class_names),
            "target": self.target,
            "fill_values": self.fill_values,
            "scaling": None if self.scaling is None else self.scaling.to_dict(),
            "target_scaling": None
            if self.target_scaling is None
            else self.target_scaling.to_dict(),
        }
        return {key: value for key, value in metadata.items() if value}

    @classmethod
    def from_metadata(cls, metadata: dict[str, Any], sizes: Sequence[int]) -> Preparation:
        """Return the preparation in `Network.metadata`, checked against the network's sizes."""
        n_in, n_out = sizes[0], sizes[-1]
        return cls(
            _names(metadata, "feature_names", (n_in,)),
            _names(metadata, "class_names", (n_out, max(n_out, 2))),  # one output: two classes
            _scaling(metadata, "scaling", n_in),
            _scaling(metadata, "target_scaling", n_out),
            _fill_values(metadata),
            _target(metadata),
        )


def prepare(train: Dataset | OutOfCoreSet, scale_target: bool) -> Preparation:
    """Choose how to scale, from the training set alone."""
    if not isinstance(train, Dataset):
        return train.preparation(scale_target)
    preparation = Preparation(
        known_names(train),
        train.class_names,
        feature_scaling(train.X),
        fill_values=dict(train.fill_values or {}),
        target=train.target_name,
    )
    if train.is_classification or not scale_target:
        return preparation
    return replace(preparation, target_scaling=Scaling.fit(preparation.targets(train)))


def known_names(dataset: Dataset) -> tuple[str, ...]:
    """Return the feature names of the data, without made-up ones."""
    return dataset.feature_names if dataset.has_feature_names else ()


def feature_scaling(X: NDArray[Any]) -> Scaling | None:
    """Return the scaling that brings the features (m, n_0) to a common range.

    Pixels within [0, 1] stay unscaled, and whole numbers from 0 to 255 are divided by their
    maximum: dividing by standard deviations would enlarge pixels that are nearly always 0.
    Other features, and features in fewer than 64 columns, get mean 0 and standard deviation 1.
    """
    smallest, largest, n_features = X.min(), X.max(), X.shape[1]
    if n_features < MIN_PIXELS or smallest < 0:
        return Scaling.fit(X)
    if largest <= 1:
        return None
    if largest <= LARGEST_PIXEL and not (X % 1).any():
        return Scaling(np.zeros(n_features), np.full(n_features, largest))
    return Scaling.fit(X)


def describe_scaling(preparation: Preparation) -> str:
    """Describe the scaling of features and target in a few words.

    >>> describe_scaling(Preparation())
    'features unscaled'
    """
    features = "features unscaled"
    if preparation.scaling is not None:
        pixels = not preparation.scaling.mean.any()
        features = "pixels divided by their maximum" if pixels else "features standardized"
    return features if preparation.target_scaling is None else f"{features}, target standardized"


def _names(metadata: dict[str, Any], key: str, counts: tuple[int, ...]) -> tuple[str, ...]:
    names = metadata.get(key) or []
    if not isinstance(names, list) or len(names) not in (0, *counts):
        raise ValueError(
            f"the model's {key} must be a list of {counts[0]} names; got {names!r:.60}"
        )
    return tuple(map(class_name, names))


def _fill_values(metadata: dict[str, Any]) -> dict[str, float]:
    values = metadata.get("fill_values") or {}
    if not isinstance(values, dict) or not all(
        isinstance(value, int | float) and np.isfinite(value) for value in values.values()
    ):
        raise ValueError(f"the model's fill_values must be finite numbers; got {values!r:.60}")
    return {str(name): float(value) for name, value in values.items()}


def _target(metadata: dict[str, Any]) -> str:
    target = metadata.get("target", "")
    if not isinstance(target, str):
        raise ValueError(f"the model's target must be a name; got {target!r:.60}")
    return target


def _scaling(metadata: dict[str, Any], key: str, n: int) -> Scaling | None:
    if metadata.get(key) is None:
        return None
    try:
        scaling = Scaling.from_dict(metadata[key])
    except (TypeError, ValueError) as error:
        raise ValueError(f"the model's {key} cannot be used: {error}") from None
    if len(scaling.mean) != n:
        raise ValueError(f"the model's {key} must have {n} means; got {len(scaling.mean)}")
    return scaling
