"""Checked samples, dense or sparse, and epochs and predictions of the core on them."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal.types import AnyArray, Array

if TYPE_CHECKING:
    from .._internal.interrupts import Interrupts
    from ..network import Network

Place = tuple[int, int, float, float]  # epoch, step, and sum w_i C_i and sum w_i of its samples
MAX_DENSE = 2**25  # numbers of a sparse matrix that are dense at the same time


@dataclass
class Samples:
    """X (m, n_0), a dense array in the form of the core or a sparse CSR matrix, with targets.

    `y` has the form of the core; `weights` is (m,) or None.
    """

    X: Any
    y: AnyArray
    weights: Array | None = None

    def __len__(self) -> int:
        """Return the number of samples."""
        return int(self.X.shape[0])

    @property
    def is_dense(self) -> bool:
        """True if X is a dense array."""
        return isinstance(self.X, np.ndarray)

    def rows(self, index: AnyArray) -> Samples:
        """Return a dense copy of some samples."""
        weights = None if self.weights is None else self.weights[index]
        return Samples(dense(self.X[index]), np.ascontiguousarray(self.y[index]), weights)

    def part(self, index: AnyArray) -> Samples:
        """Return a copy of some samples; a sparse X stays sparse."""
        weights = None if self.weights is None else self.weights[index]
        return Samples(self.X[index], np.ascontiguousarray(self.y[index]), weights)

    def fit_in_memory(self) -> Samples:
        """Return dense samples, unless X is sparse and too large for that."""
        if self.is_dense or self.X.shape[0] * self.X.shape[1] > MAX_DENSE:
            return self
        return Samples(dense(self.X), self.y, self.weights)


def dense(X: Any) -> Array:
    """Return a dense or sparse array as a dense C-contiguous one."""
    array: Array = np.ascontiguousarray(X if isinstance(X, np.ndarray) else X.toarray())
    return array


def train(
    net: Network,
    samples: Samples,
    settings: dict[str, Any],
    first: int,
    orders: AnyArray | None,
    interrupts: Interrupts,
) -> tuple[list[float], BaseException | None]:
    """Train whole epochs from number `first` on; row i of `orders` is the order of the i-th.

    Return their costs, and the exception that has ended them early, such as KeyboardInterrupt.
    """
    if not samples.is_dense:
        return train_sparse(net, samples, settings, first, orders, interrupts)
    run = settings | {"budget": inf, "orders_from": first}
    if orders is not None:
        run["orders"] = orders
    costs, at, error = train_part(net, samples, run, (first, 0, 0.0, 0.0), interrupts)
    net.epochs_trained = at[0]
    return costs, error


def train_part(
    net: Network, samples: Samples, run: dict[str, Any], at: Place, interrupts: Interrupts
) -> tuple[list[float], Place, BaseException | None]:
    """Continue an epoch, and handle signals between two steps."""
    costs: list[float] = []
    run = run | {"interrupted": interrupts.asked}
    while True:
        before = at
        more, epoch, step, cost_sum, weight_sum, reason = net._core.train(
            samples.X, samples.y, run, at, samples.weights
        )
        at = (epoch, step, cost_sum, weight_sum)
        costs += more
        if reason != "interrupted":
            return costs, at, reason if isinstance(reason, BaseException) else None
        interrupts.patient = at == before
        try:
            interrupts.obey()
        except BaseException as error:  # the steps before it have been made
            return costs, at, error


def train_sparse(
    net: Network,
    samples: Samples,
    settings: dict[str, Any],
    first: int,
    orders: AnyArray | None,
    interrupts: Interrupts,
) -> tuple[list[float], BaseException | None]:
    """Do the same to the bit with a few dense batches of X at a time."""
    n, size = len(samples), settings["batch_size"]
    rows = max(MAX_DENSE // samples.X.shape[1] // size, 1) * size
    costs: list[float] = []
    for epoch in range(first, settings["stop_epoch"]):
        order = np.arange(n) if orders is None else orders[epoch - first]
        sums = [0.0, 0.0]
        for start in range(0, n, rows):
            chosen = order[start : start + rows]
            part = samples.rows(chosen)
            # Schedule, noise and dropout depend on the step of the epoch and the number of the row.
            run = settings | {
                "budget": inf,
                "stop_epoch": epoch + 1,
                "window": (n, start // size),
                "names": chosen.astype(np.uint64),
            }
            at = (epoch, start // size, *sums)
            ended, (net.epochs_trained, _, *sums), error = train_part(
                net, part, run, at, interrupts
            )
            costs += ended
            if error:
                return costs, error
    return costs, None


def outputs(net: Network, X: Any) -> Array:
    """Return output activations (m, n_L) of a dense or sparse X."""
    if isinstance(X, np.ndarray):
        return net.predict(np.require(X, net.dtype, ["C", "A"]))
    rows = max(MAX_DENSE // X.shape[1], 1)
    parts = [dense(X[i : i + rows]).astype(net.dtype) for i in range(0, X.shape[0], rows)]
    return np.concatenate([net.predict(part) for part in parts])
