"""Many networks side by side, one to a core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _backend, _check
from ..network import Network
from ..threads import get_num_threads
from .interrupts import SHARED, Interrupts

if TYPE_CHECKING:
    from .._types import AnyArray, Data
    from ..history import History

PATIENCE = 0.05  # seconds between two looks at Ctrl-C


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
        In the order of `configs`. What goes wrong with one is its `error`, and the others are
        kept. Ctrl-C ends all of them after the step they are in; those that have not begun have
        neither a network nor a history.

    Raises
    ------
    TypeError, ValueError
        Where a config has another argument, or `rows` or `threads` cannot be used.

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
    several = [split(i, config) for i, config in enumerate(configs)]
    if rows is not None and len(rows) != len(several):
        raise ValueError(f"rows must be one per config ({len(several)}); got {len(rows)}")
    threads = get_num_threads() if threads is None else threads
    threads = _check.integer("threads", threads, least=1)
    X, y = np.asarray(X), np.asarray(y)
    chosen = [slice(None)] * len(several) if rows is None else rows
    results = [Trained(config) for config in configs]
    with Interrupts() as interrupts, ThreadPoolExecutor(threads) as pool:
        work = partial(train_one, interrupts, (X, y))
        trainings = [
            pool.submit(work, *each) for each in zip(results, several, chosen, strict=True)
        ]
        while wait(trainings, timeout=PATIENCE).not_done:
            pass  # Python hears a signal only where this thread does something
    return results


OF_NETWORK = set(signature(Network).parameters)
OF_FIT = set(signature(Network.fit).parameters) - {"self", "X", "y"}


def split(i: int, config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of the network, and those of its training."""
    if not isinstance(config, Mapping):
        raise TypeError(f"configs must be mappings; got {type(config).__name__} in number {i}")
    for name in config:
        if name not in OF_NETWORK | OF_FIT:
            raise TypeError(
                f"configs must hold arguments of Network and fit; got {name!r} in number {i} "
                "(counted from 0)"
            )
    of_fit = {name: value for name, value in config.items() if name in OF_FIT}
    of_network = {name: value for name, value in config.items() if name in OF_NETWORK}
    return of_network, {"progress": False} | of_fit


def train_one(
    interrupts: Interrupts,
    samples: tuple[AnyArray, AnyArray],
    one: Trained,
    settings: tuple[dict[str, Any], dict[str, Any]],
    rows: Any,
) -> None:
    """Train one of many, in a thread of the pool."""
    if interrupts.asked():
        return
    token = SHARED.set(interrupts)
    of_network, of_fit = settings
    try:
        with _backend.alone():
            net = Network(**of_network)
            X, y = samples
            one.history = net.fit(X[rows], y[rows], **of_fit)
            one.net = net
    except Exception as error:
        one.error = error
    finally:
        SHARED.reset(token)
