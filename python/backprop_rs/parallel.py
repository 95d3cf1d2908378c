"""Many networks side by side, one to a core."""

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
        As for `Network.fit`, but for sources; the same for all.
    rows : sequence of index arrays, optional
        The rows of X and y that each network learns from, such as the folds of a cross-validation:
        integers, one bool a row, or a slice.
    threads : int, optional
        By default as many as the core may use.

    Returns
    -------
    list of Trained
        In the order of `configs`. What goes wrong with one is its `error`, and the others are
        kept. Ctrl-C ends all of them after the step they are in, and the call returns: the
        history of those that it has ended has `stopped == "interrupted"`, and those that have not
        begun have neither a network nor a history. An exception that is to end the program, such
        as the SystemExit of `sys.exit()` in a callback, ends all of them too, and is raised here.

    Raises
    ------
    TypeError, ValueError
        Where a config has another argument, X or y are no arrays of numbers, or `rows` or
        `threads` cannot be used.

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
        except BaseException:  # of a handler of the user's own: the pool waits for all to end
            interrupts.requested = True
            raise
    for training in trainings:
        training.result()
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
                f"(counted from 0){hint(str(name), OF_NETWORK | OF_FIT, Network)}"
            )
    of_fit = {name: value for name, value in config.items() if name in OF_FIT}
    of_network = {name: value for name, value in config.items() if name in OF_NETWORK}
    return of_network, {"progress": False} | of_fit


def in_memory(name: str, given: Any) -> AnyArray:
    """An array of numbers, read as `Network.fit` reads it."""
    if isinstance(given, Source):
        raise TypeError(f"{name} must be an array in memory; got a source, which fit takes alone")
    return checks.numbers(name, given)


def rows_of(given: Sequence[Any], X: AnyArray, y: AnyArray) -> list[Any]:
    """What picks the rows of each config."""
    if X.ndim != 2:
        raise ValueError(f"X must have shape (m, n_0) beside rows; got {X.shape}")
    if y.ndim == 0 or len(y) != len(X):
        raise checks.wrong_targets(y, len(X), 1)
    return [
        one if isinstance(one, slice) else indices(f"rows of number {number}", one, len(X))
        for number, one in enumerate(given)
    ]


def indices(name: str, given: Any, m: int) -> AnyArray:
    """Integers that count from 0 to m - 1, or from the end, or a bool for each of m rows."""
    found = checks.numbers(name, given)
    sentence = f"{name} (counted from 0) must be integers from {-m} to {m - 1}, or {m} bools; got "
    if found.ndim != 1 or found.dtype.kind not in "biu" or found.size == 0:
        raise ValueError(f"{sentence}{found.dtype} of shape {found.shape}")
    if found.dtype.kind == "b":
        if len(found) != m:
            raise ValueError(f"{sentence}{len(found)} bools")
    elif not -m <= found.min() <= found.max() < m:
        wrong = found[(found < -m) | (found >= m)][0]
        raise ValueError(f"{sentence}{wrong}")
    return found


def train_one(
    interrupts: Interrupts,
    samples: tuple[AnyArray, AnyArray],
    names: Sequence[str] | None,
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
        with alone():
            net = Network(**of_network)
            X, y = samples if rows is None else (array[rows] for array in samples)
            if names is not None and len(names) == net.sizes[0]:
                net.metadata["feature_names"] = list(names)
            one.history = net.fit(X, y, **of_fit)
            one.net = net
    except Exception as error:
        one.error = error
    except KeyboardInterrupt:
        if not interrupts.asked():
            raise
    except BaseException:  # such as SystemExit, which is to end the program
        interrupts.requested = True
        raise
    finally:
        SHARED.reset(token)
