"""Train many networks at once, each in one thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any

from ._internal import checks, frames
from ._internal.interrupts import SHARED, Interrupts
from ._internal.keywords import hint
from .data.sources import Source
from .network import Network
from .threads import alone, get_num_threads

if TYPE_CHECKING:
    from ._internal.types import AnyArray, Data
    from .history import History

PATIENCE = 0.05  # seconds between two checks for Ctrl-C


@dataclass
class Trained:
    """The result of one training: its settings, the network and the history, or the error."""

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
    """Train networks in parallel, one per thread, each with the same bits as on its own.

    This suits grid searches, ensembles and cross-validation of small networks. Train a large
    network on its own, with all threads.

    Parameters
    ----------
    configs : sequence of dict
        The arguments of `Network` and of `Network.fit` for each, by name.
    X, y : array-like
        As for `Network.fit`, except sources; the same for all.
    rows : sequence of index arrays, optional
        The rows of X and y that each network learns from, such as the folds of a cross-validation:
        integers, one bool per row, or a slice.
    threads : int, optional
        By default the number that the core may use.

    Returns
    -------
    list of Trained
        In the order of `configs`. If one fails, it has the `error`, and the others continue.
        Ctrl-C ends all of them after the current step, and the call returns: interrupted ones
        have a history with `stopped == "interrupted"`, and those that have not started have
        neither a network nor a history. An exception that should end the program, such as the
        SystemExit of `sys.exit()` in a callback, ends all of them too, and is raised here.

    Raises
    ------
    TypeError, ValueError
        If a config has another argument, X or y are not arrays of numbers, or `rows` or
        `threads` is wrong.

    Examples
    --------
    >>> import backprop_rs as bp
    >>> data = bp.load_iris()
    >>> configs = [
    ...     {"sizes": [4, n, 3], "output": "softmax", "cost": "cross_entropy", "seed": 0,
    ...      "epochs": 5, "learning_rate": 0.1}
    ...     for n in (4, 8)
    ... ]
    >>> [len(result.history) for result in bp.train_many(configs, data.X, data.y)]
    [5, 5]
    """
    several = [split(i, config) for i, config in enumerate(configs)]
    if rows is not None and len(rows) != len(several):
        raise ValueError(f"rows must be one per config ({len(several)}); got {len(rows)}")
    threads = get_num_threads() if threads is None else threads
    threads = checks.integer("threads", threads, least=1)
    names = frames.names_of(X)
    X, y = in_memory("X", X), in_memory("y", y)
    chosen = [None] * len(several) if rows is None else rows_of(rows, X, y)
    results = [Trained(config) for config in configs]
    with Interrupts() as interrupts, ThreadPoolExecutor(threads) as pool:
        work = partial(train_one, interrupts, (X, y), names)
        trainings = [
            pool.submit(work, *each) for each in zip(results, several, chosen, strict=True)
        ]
        try:
            while wait(trainings, timeout=PATIENCE).not_done:
                interrupts.deliver()
        except BaseException:  # from a signal handler: the pool waits for all to end
            interrupts.requested = True
            raise
    for training in trainings:
        training.result()
    return results


OF_NETWORK = set(signature(Network).parameters)
OF_FIT = set(signature(Network.fit).parameters) - {"self", "X", "y"}


def split(i: int, config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arguments of the network, and those of its training."""
    if not isinstance(config, Mapping):
        raise TypeError(f"configs must be mappings; got {type(config).__name__} in number {i}")
    for name in config:
        if name not in OF_NETWORK | OF_FIT:
            raise TypeError(
                f"configs must hold arguments of Network and fit; got {name!r} in number {i} "
                f"(counted from 0){hint(str(name), OF_NETWORK | OF_FIT, Network)}"
            )
    of_fit = {name: value for name, value in config.items() if name in OF_FIT}
    of_network = {name: value for name, value in config.items() if name in OF_NETWORK}
    return of_network, {"progress": False} | of_fit


def in_memory(name: str, data: Any) -> AnyArray:
    """Return an array of numbers, read as `Network.fit` reads it."""
    if isinstance(data, Source):
        raise TypeError(f"{name} must be an array in memory; got a source, which only fit accepts")
    return checks.numbers(name, data)


def rows_of(choices: Sequence[Any], X: AnyArray, y: AnyArray) -> list[Any]:
    """Return the index of the rows of each config."""
    if X.ndim != 2:
        raise ValueError(f"X must have shape (m, n_0) if there are rows; got {X.shape}")
    if y.ndim == 0 or len(y) != len(X):
        raise checks.wrong_targets(y, len(X), 1)
    return [
        rows if isinstance(rows, slice) else indices(f"rows of number {number}", rows, len(X))
        for number, rows in enumerate(choices)
    ]


def indices(name: str, rows: Any, m: int) -> AnyArray:
    """Return row numbers from -m to m - 1, or one bool for each of m rows."""
    array = checks.numbers(name, rows)
    sentence = f"{name} (counted from 0) must be integers from {-m} to {m - 1}, or {m} bools; got "
    if array.ndim != 1 or array.dtype.kind not in "biu" or array.size == 0:
        raise ValueError(f"{sentence}{array.dtype} of shape {array.shape}")
    if array.dtype.kind == "b":
        if len(array) != m:
            raise ValueError(f"{sentence}{len(array)} bools")
    elif not -m <= array.min() <= array.max() < m:
        wrong = array[(array < -m) | (array >= m)][0]
        raise ValueError(f"{sentence}{wrong}")
    return array


def train_one(
    interrupts: Interrupts,
    samples: tuple[AnyArray, AnyArray],
    names: Sequence[str] | None,
    result: Trained,
    settings: tuple[dict[str, Any], dict[str, Any]],
    rows: Any,
) -> None:
    """Train one network, in a thread of the pool."""
    if interrupts.asked():
        return
    token = SHARED.set(interrupts)
    of_network, of_fit = settings
    try:
        with alone():
            net = Network(**of_network)
            X, y = samples if rows is None else (array[rows] for array in samples)
            if names is not None and len(names) == net.sizes[0]:
                net.metadata["feature_names"] = list(names)
            result.history = net.fit(X, y, **of_fit)
            result.net = net
    except Exception as error:
        result.error = error
    except KeyboardInterrupt:
        if not interrupts.asked():
            raise
    except BaseException:  # such as SystemExit, which should end the program
        interrupts.requested = True
        raise
    finally:
        SHARED.reset(token)
