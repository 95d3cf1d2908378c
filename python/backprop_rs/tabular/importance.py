"""The importance of columns: how much worse the answers are with shuffled cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._internal.averages import tempered
from .._internal.random import SPLIT, raw
from ..data import Table
from ..model import Model
from .scoring import Scoring

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

SHUFFLES = 8  # a stream of the purpose SPLIT that others do not use


@dataclass(frozen=True)
class Importance:
    """The importance of each column by permutation.

    The importance is the increase of the loss if the cells of the column are shuffled among the
    rows. Source: Breiman 2001, Random Forests; Fisher, Rudin and Dominici 2019, All Models are
    Wrong, but Many are Useful.

    Attributes
    ----------
    names : tuple of str
        The columns, in their order.
    mean : (k,) array
        The mean over the repetitions; 0 for a column that is not used.
    std : (k,) array
        Their standard deviation.
    metric : str
        The metric whose loss it is.
    """

    names: tuple[str, ...]
    mean: Array
    std: Array
    metric: str

    def order(self) -> list[int]:
        """Return the positions of the columns, the most important first."""
        order: list[int] = np.argsort(-self.mean, kind="stable").tolist()
        return order

    def to_dict(self) -> dict[str, float]:
        """Return the mean of each column, the most important first."""
        return {self.names[k]: float(self.mean[k]) for k in self.order()}

    def plot(self, ax: Axes | None = None, *, most: int = 20) -> Axes:
        """Draw the most important columns as bars; needs Matplotlib.

        Parameters
        ----------
        ax : Axes, optional
            The default is that of a new figure.
        most : int, default 20
            The number of columns.

        Returns
        -------
        Axes
        """
        from ..plot.importance import importance

        chosen = self.order()[:most]
        return importance(
            [self.names[k] for k in chosen],
            self.mean[chosen],
            self.std[chosen],
            ax,
            label=f"increase of {self.metric}",
        )

    def __repr__(self) -> str:
        width = max(map(len, self.names), default=0)
        lines = [
            f"{self.names[k]:{width}}  {self.mean[k]:.4g} ± {self.std[k]:.2g}" for k in self.order()
        ]
        return "\n".join([f"increase of {self.metric} if a column is shuffled:", *lines])


@dataclass(frozen=True)
class Sample:
    """Some rows, with the members that have not learned from each.

    Attributes
    ----------
    table : Table
    y : array
        The encoded target.
    weights : (m,) array, optional
    held : list of (m,) array of bool
        For each network of the model, the rows that it may be judged by.
    """

    table: Table
    y: NDArray[Any]
    weights: NDArray[Any] | None
    held: list[NDArray[np.bool_]]


def importance_of(
    model: Model,
    sample: Sample,
    names: Sequence[str],
    scoring: Scoring,
    n_repeats: int,
    seed: int,
) -> Importance:
    """Return the importance of columns for a model, by the rows of a sample."""
    weights = model._member_weights
    features = [
        preprocessor.transform_counting(sample.table, model.dtype, {})
        for preprocessor in model.preprocessors
    ]
    blocks = [preprocessor.blocks() for preprocessor in model.preprocessors]
    rows = [np.flatnonzero(held) for held in sample.held]
    n_outputs = model.networks[0].sizes[-1]
    several = scoring.target.kind == "labels"

    def loss(order: NDArray[np.intp] | None, name: str) -> float:
        total, counts = np.zeros((len(sample.y), n_outputs)), np.zeros(len(sample.y))
        for k, network in enumerate(model.networks):
            X = features[k][rows[k]]
            if order is not None:
                block = blocks[k].get(name, slice(0, 0))
                X[:, block] = features[k][order[rows[k]], block]
            if len(X):
                total[rows[k]] += weights[k] * network.predict(X).astype(np.float64)
                counts[rows[k]] += weights[k]
        known = np.flatnonzero(counts > 0)
        outputs = tempered(total[known] / counts[known, None], model.temperature, several)
        own = None if sample.weights is None else sample.weights[known]
        return scoring.loss(sample.y[known], outputs, own)

    used = set(model.preprocessor.columns)
    base = loss(None, "")
    orders = [
        np.argsort(raw(seed, SPLIT, (SHUFFLES, k, 0), len(sample.y)), kind="stable")
        for k in range(n_repeats)
    ]
    found = np.zeros((len(names), n_repeats))
    for j, name in enumerate(names):
        if name in used:
            found[j] = [loss(order, name) - base for order in orders]
    return Importance(tuple(names), found.mean(axis=1), found.std(axis=1), scoring.name)
