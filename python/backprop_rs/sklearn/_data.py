"""Checked samples, dense or sparse, and how the core goes through them."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal.types import AnyArray, Array

if TYPE_CHECKING:
    from ..network import Network

ROOM = 2**25  # numbers that a sparse matrix may fill at once as a dense one


@dataclass
class Samples:
    """X (m, n_0), dense and ready for the core or a sparse CSR matrix, with targets and weights.

    `y` is ready for the core; `weights` is (m,) or None.
    """

    X: Any
    y: AnyArray
    weights: Array | None = None

    def __len__(self) -> int:
        return int(self.X.shape[0])

    @property
    def is_dense(self) -> bool:
        return isinstance(self.X, np.ndarray)

    def rows(self, chosen: AnyArray) -> Samples:
        """Some of them, dense, copied."""
        weights = None if self.weights is None else self.weights[chosen]
        return Samples(dense(self.X[chosen]), np.ascontiguousarray(self.y[chosen]), weights)

    def part(self, chosen: AnyArray) -> Samples:
        """Some of them, as they are."""
        weights = None if self.weights is None else self.weights[chosen]
        return Samples(self.X[chosen], np.ascontiguousarray(self.y[chosen]), weights)

    def fit_in_memory(self) -> Samples:
        """Dense, where that does not take much."""
        if self.is_dense or self.X.shape[0] * self.X.shape[1] > ROOM:
            return self
        return Samples(dense(self.X), self.y, self.weights)


def dense(X: Any) -> Array:
    """A C-contiguous array of a dense or sparse one."""
    array: Array = np.ascontiguousarray(X if isinstance(X, np.ndarray) else X.toarray())
    return array


def train(
    net: Network, samples: Samples, settings: dict[str, Any], first: int, orders: AnyArray | None
) -> tuple[list[float], bool]:
    """Whole epochs from number `first` on, one for each row of `orders` (or `epochs` of them).

    Returns their costs, and whether Ctrl-C has ended them early.
    """
    if not samples.is_dense:
        return train_sparse(net, samples, settings, first, orders)
    run = settings | {"budget": inf, "orders_from": first}
    if orders is not None:
        run["orders"] = orders
    costs, epoch, _, _, reason = net._core.train(
        samples.X, samples.y, run, (first, 0, 0.0), samples.weights
    )
    net.epochs_trained = epoch
    return costs, reason == "interrupted"


def train_sparse(
    net: Network, samples: Samples, settings: dict[str, Any], first: int, orders: AnyArray | None
) -> tuple[list[float], bool]:
    """The same to the bit, some batches at a time: no more of X is dense at once."""
    n, size = len(samples), settings["batch_size"]
    rows = max(ROOM // samples.X.shape[1] // size, 1) * size
    costs: list[float] = []
    for epoch in range(first, settings["stop_epoch"]):
        order = np.arange(n) if orders is None else orders[epoch - first]
        cost_sum = 0.0
        for start in range(0, n, rows):
            chosen = order[start : start + rows]
            part = samples.rows(chosen)
            # Schedule, noise and dropout go by the step of the epoch and the number of the row.
            run = settings | {
                "budget": inf,
                "stop_epoch": epoch + 1,
                "window": (n, start // size),
                "names": chosen.astype(np.uint64),
            }
            at = (epoch, start // size, cost_sum)
            ended, _, _, cost_sum, reason = net._core.train(part.X, part.y, run, at, part.weights)
            if reason == "interrupted":
                return costs, True
            costs += ended
        net.epochs_trained = epoch + 1
    return costs, False


def outputs(net: Network, X: Any) -> Array:
    """Output activations, (m, n_L), of a dense or sparse X."""
    if isinstance(X, np.ndarray):
        return net.predict(np.require(X, net.dtype, ["C", "A"]))
    rows = max(ROOM // X.shape[1], 1)
    parts = [dense(X[i : i + rows]).astype(net.dtype) for i in range(0, X.shape[0], rows)]
    return np.concatenate([net.predict(part) for part in parts])
