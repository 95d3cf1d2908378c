"""The settings of the estimators: one `Preset` for each name, for classes and for values.

Source of the recipe: Holzmüller, Grinsztajn and Steinwart 2024, Better by Default: Strong Pre-Tuned
MLPs and Boosted Trees on Tabular Data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import log2
from typing import Any

from .._internal import checks

PLAIN, BINS = "plain", "bins"
SCALED, SCALED_BINS = "scaled", "scaled_bins"
ENCODINGS = (PLAIN, BINS, SCALED, SCALED_BINS)
WITH_BINS = (BINS, SCALED_BINS)
WITH_SCALES = (SCALED, SCALED_BINS)


@dataclass(frozen=True)
class Preset:
    """All settings of members: their data, networks and training, and their combination.

    Attributes
    ----------
    n_members : int
        Networks of each encoding.
    n_folds : int
        Each member holds out one of so many parts of the rows; with more members than folds the
        rows are divided again.
    shared_folds : bool
        True: the members of each encoding hold out the same folds, so that out-of-fold predictions
        compare the encodings. False: they take turns, and hold out different folds.
    encodings : tuple of str
        "plain" or "bins": numbers alone, or with a piecewise-linear encoding; "scaled" or
        "scaled_bins": the same with learned factors of the features before the first layer.
    n_bins : int
        The bins of each number.
    max_bin_features : int
        The bins are fewer if all of them together were more.
    max_cells : int
        The bins are fewer if the features of all training rows were more numbers.
    max_one_hot : int
        Categories of more levels are coded by the target.
    smoothing : float
        Of target codes, in rows.
    max_statistics_rows : int
        Medians, quantiles and scales of numbers are those of at most so many random rows.
    hidden : tuple of int
    activation : str
    dropout, weight_decay : float
        Both end with the training, by the schedule "flat_cos".
    learning_rate, bias_rate, beta2 : float
        Biases have the factor `bias_rate`; weights have 1 / sqrt(n_in).
    scale_rate : float
        The factor of the learning rate of the factors of the features.
    schedule : str
    epochs : int
        The most passes over the training rows.
    min_updates : int
        With few rows there are more epochs, for at least so many updates.
    max_rows : int
        With many rows there are fewer epochs: at most so many rows in all of them.
    batches : int
        Batches of an epoch: the size is the power of 2 next to n / batches, within these limits.
    min_batch_size, max_batch_size : int
    large : int
        From so many rows on, `max_batch_size` grows with the number of rows, up to 4096.
    patience_factor, patience : float and int
        With early stopping, the training ends after epoch patience_factor best_epoch + patience.
    data_driven : bool
        Draw initial values that suit the training rows (`Network.initialize`).
    initial_rows : int
        At most so many rows determine the initial values.
    temperature : bool
        Calibrate probabilities by the out-of-fold predictions of several members.
    clip : bool
        Cut predicted values off at the range of the training rows.
    importance_rows : int
        The importance of columns is measured on at most so many out-of-fold rows.
    """

    n_members: int = 4
    n_folds: int = 8
    shared_folds: bool = False
    encodings: tuple[str, ...] = (SCALED, SCALED_BINS)
    n_bins: int = 16
    max_bin_features: int = 1024
    max_cells: int = 200_000_000
    max_one_hot: int = 100
    smoothing: float = 10.0
    max_statistics_rows: int = 200_000
    hidden: tuple[int, ...] = (128, 128, 128)
    activation: str = "mish"
    dropout: float = 0.15
    weight_decay: float = 0.02
    learning_rate: float = 0.04
    bias_rate: float = 0.1
    beta2: float = 0.95
    scale_rate: float = 6.0
    schedule: str = "coslog4"
    epochs: int = 64
    min_updates: int = 200
    max_rows: int = 20_000_000
    batches: int = 20
    min_batch_size: int = 32
    max_batch_size: int = 256
    large: int = 100_000
    patience_factor: float = 2.0
    patience: int = 21
    data_driven: bool = True
    initial_rows: int = 1_000
    temperature: bool = True
    clip: bool = True
    importance_rows: int = 2_000

    @property
    def n_networks(self) -> int:
        """The number of members of all encodings."""
        return self.n_members * len(self.encodings)

    def batch_size(self, n_rows: int) -> int:
        """Return the batch size for so many training rows.

        >>> [CLASSES.batch_size(n) for n in (20, 100, 5_000, 1_000_000)]
        [20, 32, 256, 2048]
        """
        most = min(self.max_batch_size * max(_power_of_2(n_rows / self.large), 1), 4096)
        size = max(_power_of_2(n_rows / self.batches), self.min_batch_size)
        return min(size, max(most, self.max_batch_size), n_rows)

    def n_epochs(self, n_rows: int) -> int:
        """Return the number of epochs for so many training rows."""
        steps = -(-n_rows // self.batch_size(n_rows))
        epochs = max(self.epochs, -(-self.min_updates // steps))
        return max(min(epochs, self.max_rows // n_rows), 1)


def _power_of_2(x: float) -> int:
    """Return the power of 2 that is next to x by ratio, at least 1."""
    return int(2 ** max(round(log2(x)), 0)) if x > 0 else 1


CLASSES = Preset(epochs=32)
VALUES = Preset(learning_rate=0.07)

FAST: dict[str, Any] = {"n_members": 2, "n_folds": 4, "epochs": 24}
BEST: dict[str, Any] = {"n_members": 8, "shared_folds": True, "epochs": 64}

PRESETS: dict[str, dict[str, Preset]] = {
    "fast": {"classes": replace(CLASSES, **FAST), "values": replace(VALUES, **FAST)},
    "default": {"classes": CLASSES, "values": VALUES},
    "best": {"classes": replace(CLASSES, **BEST), "values": replace(VALUES, **BEST)},
}


def preset_of(name: str, kind: str, settings: Mapping[str, Any] | None) -> Preset:
    """Return a preset for "classes" or "values", with some other settings.

    >>> preset_of("fast", "classes", {"epochs": 3}).epochs
    3
    """
    chosen = PRESETS[checks.choice("preset", name, list(PRESETS))][kind]
    if settings is None:
        return chosen
    if not isinstance(settings, Mapping):
        raise TypeError(f"settings must be a mapping or None; got {checks.shown(settings)}")
    known = {field.name for field in fields(Preset)}
    for key in settings:
        if key not in known:
            raise ValueError(f"settings must be among {', '.join(sorted(known))}; got {key!r}")
    changed = replace(chosen, **settings)
    if not changed.encodings:
        raise ValueError("encodings must be at least one; got none")
    for encoding in changed.encodings:
        checks.choice("encodings", encoding, list(ENCODINGS))
    checks.integer("n_members", changed.n_members, least=1)
    checks.integer("n_folds", changed.n_folds, least=2)
    return changed
