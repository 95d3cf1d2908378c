"""`Preparation`: what a saved network needs beside its weights to meet data as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data import Dataset, Scaling

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .source_set import SourceSet

LARGEST_PIXEL = 255
FEWEST_PIXELS = 64


@dataclass(frozen=True)
class Preparation:
    """Names and scalings of the data that a network was trained on; empty where there are none."""

    feature_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    scaling: Scaling | None = None
    target_scaling: Scaling | None = None
    fill_values: dict[str, float] = field(default_factory=dict)
    target: str = ""

    def inputs(self, dataset: Dataset | SourceSet) -> Any:
        """Return the features (m, n_0) as the network takes them, or a source of all."""
        if not isinstance(dataset, Dataset):
            return dataset.prepared(self)
        return dataset.X if self.scaling is None else self.scaling.apply(dataset.X)

    def targets(self, dataset: Dataset | SourceSet) -> Any:
        """Return the labels (m,) or the values (m, n_L) as the network is trained on them."""
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
        """Return it as JSON can hold it, for `Network.metadata`."""
        scalings = {"scaling": self.scaling, "target_scaling": self.target_scaling}
        names = {"feature_names": self.feature_names, "class_names": self.class_names}
        return {
            **{key: list(value) for key, value in names.items() if value},
            **({"target": self.target} if self.target else {}),
            **({"fill_values": self.fill_values} if self.fill_values else {}),
            **{key: value.to_dict() for key, value in scalings.items() if value is not None},
        }

    @classmethod
    def from_metadata(cls, metadata: dict[str, Any], sizes: Sequence[int]) -> Preparation:
        """Return what `to_metadata` wrote, checked against the network's sizes."""
        return cls(
            _names(metadata, "feature_names", sizes[0]),
            _names(metadata, "class_names", sizes[-1], max(sizes[-1], 2)),
            _scaling(metadata, "scaling", sizes[0]),
            _scaling(metadata, "target_scaling", sizes[-1]),
            _fill_values(metadata),
            _target(metadata),
        )


def prepare(train: Dataset | SourceSet, scale_target: bool) -> Preparation:
    """Choose how to scale, from the training set alone."""
    if not isinstance(train, Dataset):
        return train.preparation(scale_target)
    preparation = Preparation(
        own_names(train),
        train.class_names,
        feature_scaling(train.X),
        fill_values=dict(train.fill_values or {}),
        target=train.target_name,
    )
    if train.is_classification or not scale_target:
        return preparation
    return replace(preparation, target_scaling=Scaling.fit(preparation.targets(train)))


def own_names(dataset: Dataset) -> tuple[str, ...]:
    """Return the feature names, or none if the data have none."""
    return dataset.feature_names if dataset.has_feature_names else ()


def feature_scaling(X: NDArray[np.float32]) -> Scaling | None:
    """Return what brings features to a common range.

    Pixels stay as they are within [0, 1], and whole numbers from 0 to 255 are divided by their
    maximum: a standard deviation of their own would blow up those that are nearly always 0.
    Other features, which are those of fewer than 64 columns too, get mean 0 and standard
    deviation 1.
    """
    least, most, n_features = X.min(), X.max(), X.shape[1]
    if n_features < FEWEST_PIXELS or least < 0:
        return Scaling.fit(X)
    if most <= 1:
        return None
    if most <= LARGEST_PIXEL and not (X % 1).any():
        return Scaling(np.zeros(n_features), np.full(n_features, most))
    return Scaling.fit(X)


def describe_scaling(preparation: Preparation) -> str:
    """Say in a few words what is done to the data.

    >>> describe_scaling(Preparation())
    'features as they are'
    """
    words = "features as they are"
    if preparation.scaling is not None:
        pixels = not preparation.scaling.mean.any()
        words = "pixels divided by their maximum" if pixels else "features standardised"
    return words if preparation.target_scaling is None else f"{words}, target standardised"


def _names(metadata: dict[str, Any], key: str, n: int, most: int = 0) -> tuple[str, ...]:
    """n names, or `most`: one output tells two classes apart."""
    names = metadata.get(key) or []
    if not isinstance(names, list) or len(names) not in (0, n, most):
        raise ValueError(f"the model's {key} must be a list of {n} names; got {names!r:.60}")
    return tuple(map(str, names))


def _fill_values(metadata: dict[str, Any]) -> dict[str, float]:
    given = metadata.get("fill_values") or {}
    if not isinstance(given, dict) or not all(
        isinstance(value, int | float) and np.isfinite(value) for value in given.values()
    ):
        raise ValueError(f"the model's fill_values must be finite numbers; got {given!r:.60}")
    return {str(name): float(value) for name, value in given.items()}


def _target(metadata: dict[str, Any]) -> str:
    given = metadata.get("target", "")
    if not isinstance(given, str):
        raise ValueError(f"the model's target must be a name; got {given!r:.60}")
    return given


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
