"""Train many networks at once, each in one thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from inspect import signature
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from ._internal import checks, frames
from ._internal.interrupts import SHARED, Interrupts
from ._internal.keywords import hint
from .data.sources import Source
from .network import Network
from .threads import Team, get_num_threads

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
    X: Data | None = None,
    y: Data | None = None,
    *,
    rows: Sequence[Any] | None = None,
    threads: int | None = None,
) -> list[Trained]:
    """Train networks in parallel, each with the same bits as on its own.

    This suits grid searches, ensembles and cross-validation of small networks. Each network has
    one thread; while there are fewer networks than threads, they share all threads.

    Parameters
    ----------
    configs : sequence of dict
        The arguments of `Network` and of `Network.fit` for each, by name. A config may have an X
        and a y of its own.
    X, y : array-like, optional
        As for `Network.fit`, except sources; for all configs without their own. All networks of
        one type share one copy of an object that several of them learn from.
    rows : sequence of index arrays, optional
        The rows of X and y that each network learns from, such as the folds of a cross-validation:
        integers, one bool per row, a slice, or None for all.
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
        If a config has another argument or no X or y, X or y are not arrays of numbers, or `rows`
        or `threads` is wrong.

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
    data = Shared()
    samples = [samples_of(i, config, X, y, data) for i, config in enumerate(configs)]
    if rows is not None:
        samples = [
            own if choice is None else own._replace(rows=index_of(number, choice, own))
            for number, (own, choice) in enumerate(zip(samples, rows, strict=True))
        ]
    results = [Trained(config) for config in configs]
    team = Team(threads, len(several))
    with Interrupts() as interrupts, ThreadPoolExecutor(threads) as pool:
        work = partial(train_one, interrupts, team, data)
        trainings = [
            pool.submit(work, *each) for each in zip(results, several, samples, strict=True)
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
OF_DATA = {"X", "y"}
OF_FIT = set(signature(Network.fit).parameters) - {"self"} - OF_DATA


def split(i: int, config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arguments of the network, and those of its training."""
    if not isinstance(config, Mapping):
        raise TypeError(f"configs must be mappings; got {type(config).__name__} in number {i}")
    for name in config:
        if name not in OF_NETWORK | OF_FIT | OF_DATA:
            raise TypeError(
                f"configs must hold arguments of Network and fit; got {name!r} in number {i} "
                f"(counted from 0){hint(str(name), OF_NETWORK | OF_FIT, Network)}"
            )
    of_fit = {name: value for name, value in config.items() if name in OF_FIT}
    of_network = {name: value for name, value in config.items() if name in OF_NETWORK}
    return of_network, {"progress": False} | of_fit


class Samples(NamedTuple):
    """The samples of one config."""

    X: AnyArray
    y: AnyArray
    names: Sequence[str] | None
    rows: Any = None


class Shared:
    """Arrays that several networks learn from: each is read once, and converted once per dtype."""

    def __init__(self) -> None:
        self.read: dict[int, tuple[Any, AnyArray]] = {}  # the object stays alive, so its id is its
        self.converted: dict[tuple[int, str], AnyArray] = {}
        self.lock = Lock()

    def array(self, name: str, data: Any) -> AnyArray:
        """Return the numbers of an object, read as `Network.fit` reads it."""
        if id(data) not in self.read:
            self.read[id(data)] = data, in_memory(name, data)
        return self.read[id(data)][1]

    def of_dtype(self, name: str, array: AnyArray, dtype: str) -> AnyArray:
        """Return an array as the networks of a dtype use it.

        Numbers that are not finite in it stay as they are, for the errors of each network.
        """
        with self.lock:
            known = (id(array), dtype)
            if known not in self.converted:
                try:
                    self.converted[known] = checks.finite(name, array, dtype)
                except ValueError:
                    self.converted[known] = array
            return self.converted[known]


def samples_of(i: int, config: Mapping[str, Any], X: Any, y: Any, data: Shared) -> Samples:
    """Return the samples of a config, its own or those of all."""
    own = {"X": config.get("X", X), "y": config.get("y", y)}
    for name, value in own.items():
        if value is None and name not in config:
            raise TypeError(f"{name} must be given for all, or in number {i} (counted from 0)")
    X, y = (data.array(name, value) for name, value in own.items())
    return Samples(X, y, frames.names_of(own["X"]))


def in_memory(name: str, data: Any) -> AnyArray:
    """Return an array of numbers, read as `Network.fit` reads it."""
    if isinstance(data, Source):
        raise TypeError(f"{name} must be an array in memory; got a source, which only fit accepts")
    return checks.numbers(name, data)


def index_of(number: int, rows: Any, samples: Samples) -> Any:
    """Return the index of the rows of one config."""
    X, y = samples.X, samples.y
    if X.ndim != 2:
        raise ValueError(f"X must have shape (m, n_0) if there are rows; got {X.shape}")
    if y.ndim == 0 or len(y) != len(X):
        raise checks.wrong_targets(y, len(X), 1)
    return rows if isinstance(rows, slice) else indices(f"rows of number {number}", rows, len(X))


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
    team: Team,
    data: Shared,
    result: Trained,
    settings: tuple[dict[str, Any], dict[str, Any]],
    samples: Samples,
) -> None:
    """Train one network, in a thread of the pool."""
    if interrupts.asked():
        return
    token = SHARED.set(interrupts)
    of_network, of_fit = settings
    try:
        with team.member():
            net = Network(**of_network)
            X, y, names, rows = samples
            if X.ndim == 2:
                X = data.of_dtype("X", X, net.dtype)
            if y.ndim == 2 and y.dtype.kind == "f":
                y = data.of_dtype("y", y, net.dtype)
            if rows is not None:
                X, y = X[rows], y[rows]
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
