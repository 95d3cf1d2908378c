"""Many networks side by side, one to a core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

from ..network import Network
from ..threads import get_num_threads

if TYPE_CHECKING:
    from .._types import Data
    from ..history import History


@dataclass
class Trained:
    """One of many: its settings, the network and its history, or what has gone wrong."""

    config: Mapping[str, Any]
    net: Network | None = None
    history: History | None = None
    error: Exception | None = None


def train_many(
    configs: Sequence[Mapping[str, Any]],
    X: Data,
    y: Data,
    *,
    rows: Sequence[Any] | None = None,
    threads: int | None = None,
) -> list[Trained]:
    """Train networks side by side over the threads, each with the same bits as alone.

    For grid searches, ensembles and cross-validation of small networks: each is trained by one
    thread. A network that one thread would keep busy for long is better trained alone, by all.

    Parameters
    ----------
    configs : sequence of dict
        The arguments of `Network` and of `Network.fit` for each, by name.
    X, y : array-like
        As for `Network.fit`; the same for all.
    rows : sequence of index arrays, optional
        The rows of X and y that each network learns from, such as the folds of a cross-validation.
    threads : int, optional
        By default as many as the core may use.

    Returns
    -------
    list of Trained
        In the order of `configs`. What goes wrong with one is its `error`, and the others are kept.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> data = bp.load_iris()
    >>> configs = [
    ...     {"sizes": [4, n, 3], "output": "softmax", "cost": "cross_entropy", "seed": 0,
    ...      "epochs": 5, "learning_rate": 0.1}
    ...     for n in (4, 8)
    ... ]
    >>> [len(one.history) for one in bp.train_many(configs, data.X, data.y)]
    [5, 5]
    """
    of_network = set(signature(Network).parameters)
    of_fit = set(signature(Network.fit).parameters) - {"self", "X", "y"}
    for i, config in enumerate(configs):
        unknown = set(config) - of_network - of_fit
        if unknown:
            raise TypeError(
                f"configs must hold arguments of Network and fit; got {sorted(unknown)[0]!r} "
                f"in number {i} (counted from 0)"
            )
    if rows is not None and len(rows) != len(configs):
        raise ValueError(f"rows must be one per config ({len(configs)}); got {len(rows)}")
    from .. import _backend

    X, y = np.asarray(X), np.asarray(y)

    def train(i: int) -> Trained:
        config = configs[i]
        one = Trained(config)
        try:
            chosen = (X, y) if rows is None else (X[rows[i]], y[rows[i]])
            with _backend.alone():
                one.net = Network(**{k: v for k, v in config.items() if k in of_network})
                fit = {"progress": False} | {k: v for k, v in config.items() if k in of_fit}
                one.history = one.net.fit(*chosen, **fit)
        except Exception as error:
            one.error = error
        return one

    with ThreadPoolExecutor(threads or get_num_threads()) as pool:
        return list(pool.map(train, range(len(configs))))
