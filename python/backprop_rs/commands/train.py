"""`backprop-rs train`: train a network on a file, with defaults that suit the data."""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import dataclass
from math import ceil, isfinite
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from .._internal.printable import printable, say
from .._internal.writing import status
from ..data import ColumnStats, Dataset, Source, source, train_test_split
from ..data.preparation import Preparation, describe_scaling, prepare
from ..network import Network
from ..training.metrics import metrics_for
from . import tables
from .ranks import all_ranks, of_all
from .source import read_to_train
from .source_set import SourceSet

if TYPE_CHECKING:
    from numpy.typing import NDArray

HIDDEN = (128,)
TEST_FRACTION = 0.2
LEARNING_RATE = 0.1
ADAM_LEARNING_RATE = 0.001

VALUES_LEARNING_RATE = 0.01
"""For unbounded outputs, whose gradient is unbounded too."""

COLUMNS = ("epoch", "cost", "learning_rate")
"""Columns of the history that are saved with the model; they depend on the seed, not on time."""

UNBOUNDED = ("identity", "relu")

MAX_FEATURES = 200
"""With more features, unbounded outputs get a learning rate that is smaller in proportion."""

MIN_STEPS = 4000
"""A small data set is trained for more epochs, to reach this number of steps."""

EPOCHS = (10, 200)
"""The smallest and the largest number of epochs without --epochs."""

DIVERGED = "the training diverged: its cost is no longer finite; give a smaller --learning-rate"


@dataclass(frozen=True)
class Phase:
    """A number of epochs with one learning rate."""

    epochs: int
    learning_rate: float


def run(args: Namespace) -> None:
    """Train, on all ranks if mpiexec has started several."""
    if args.table:
        check_writable(args.out)
        tables.train(args)
        return
    with all_ranks(args.mpi) as comm:
        train_and_report(args, comm)


def train_and_report(args: Namespace, comm: Any) -> None:
    """Train a network and print its scores; `comm` is the communicator of all ranks, or None."""
    check_writable(args.out)
    train, test = split(args)
    network = build(args, train)
    preparation = prepare(train, scale_target=network.output == "identity")
    phases = plan(args, len(train), network)
    check(args, network, phases, train.is_classification)
    announce(args, network, preparation, train, test, phases)
    with np.errstate(over="ignore", invalid="ignore"):  # `report` raises ValueError instead
        seconds, history = fit(args, network, preparation, train, phases, comm)
        if comm is not None and comm.Get_rank() > 0:
            return
        report(network, preparation, {"train": train, "test": test}, args.metrics, seconds)
    save(args.out, network, preparation, train.name, history)


def check_writable(out: str | None) -> None:
    """Raise an error before the training, not after it, if the model cannot be saved."""
    if out is None:
        return
    folder = Path(out).absolute().parent
    if Path(out).is_dir() or not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise ValueError(f"--out must name a file in a folder that can be written to; got {out}")
    try:
        status(out)
    except OSError as error:
        raise OSError(error.errno, error.strerror, out) from None


Set = Dataset | SourceSet


def split(args: Namespace) -> tuple[Set, Set | None]:
    """Return the training set and the test set, or None for no test."""
    dataset, test = read_to_train(args)
    if dataset.y is None:
        raise ValueError(f"DATA must have a target to train; {args.data} has none")
    fraction = args.test_fraction
    if fraction is None and test is not None:
        return dataset, test
    if fraction == 0:
        return dataset, None
    fraction = TEST_FRACTION if fraction is None else fraction
    if not isinstance(dataset, Dataset):
        return dataset.split(fraction, args.seed)
    return train_test_split(
        dataset, test_fraction=fraction, seed=args.seed, stratify=dataset.is_classification
    )


def build(args: Namespace, train: Set) -> Network:
    """Return an untrained network that fits the data."""
    classes = train.is_classification
    return Network(
        [train.n_features, *(HIDDEN if args.hidden is None else args.hidden), train.n_outputs],
        args.activation,
        args.output or ("softmax" if classes else "identity"),
        args.cost or ("cross_entropy" if classes else "squared_error"),
        dtype=args.dtype,
        seed=args.seed,
        backend=args.backend,
    )


def plan(args: Namespace, n_samples: int, network: Network) -> list[Phase]:
    """Return the phases of the training.

    Without --learning-rate, the last fifth of the epochs has a tenth of the learning rate. This
    reduces the noise of small batches, which otherwise makes the last epoch a matter of luck.
    """
    steps = ceil(n_samples / max(args.batch_size, 1))
    epochs = args.epochs
    if epochs is None:
        epochs = min(max(ceil(MIN_STEPS / steps), EPOCHS[0]), EPOCHS[1])
    if args.learning_rate is not None:
        return [Phase(epochs, args.learning_rate)]
    rate = learning_rate(args.optimizer, network)
    if epochs < 5:
        return [Phase(epochs, rate)]
    return [Phase(epochs - epochs // 5, rate), Phase(epochs // 5, rate / 10)]


def check(args: Namespace, network: Network, phases: list[Phase], classes: bool) -> None:
    """Let `fit` check its options before anything is printed; no epoch is trained."""
    n_in, *_, n_out = network.sizes
    labels = np.zeros(1, int) if classes else None
    metrics_for(network, args.metrics).check(labels, n_out)
    for phase in phases:
        network.fit(
            np.zeros((1, n_in)),
            np.zeros((1, n_out)),
            min(phase.epochs, 0),
            args.batch_size,
            phase.learning_rate,
            optimizer=args.optimizer,
            progress=False,
        )


def learning_rate(optimizer: str, network: Network) -> float:
    """Return the first learning rate without --learning-rate."""
    if optimizer == "adam":
        return ADAM_LEARNING_RATE
    if network.output in UNBOUNDED:
        return VALUES_LEARNING_RATE * min(1, MAX_FEATURES / network.sizes[0])
    return LEARNING_RATE


def announce(
    args: Namespace,
    network: Network,
    preparation: Preparation,
    train: Set,
    test: Set | None,
    phases: list[Phase],
) -> None:
    """Print the data, the options and the network."""
    counts = f"{len(train):,} samples to train" + (f", {len(test):,} to test" if test else "")
    epochs, rate = sum(phase.epochs for phase in phases), f"{phases[0].learning_rate:g}"
    if len(phases) > 1:
        rate += f" ({phases[1].learning_rate:g} in the last {phases[1].epochs})"
    say(f"data:      {printable(train.name)}, {counts}, {describe_scaling(preparation)}")
    print(f"training:  {epochs} epochs, batches of {args.batch_size}, learning rate {rate}")
    print(f"           {args.optimizer}, seed {network.seed}, backend {network.backend}\n")
    say(network.summary() + "\n", flush=True)


def fit(
    args: Namespace,
    network: Network,
    preparation: Preparation,
    train: Set,
    phases: list[Phase],
    comm: Any,
) -> tuple[float, dict[str, list[Any]]]:
    """Train, and return the time in seconds and the columns of the history."""
    X, y = preparation.inputs(train), preparation.targets(train)
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    if comm is not None and y is not None:
        X, y = (
            source(X, y, name=train.name),
            None,
        )  # all ranks read all rows; each trains on its share
    start = perf_counter()
    for phase in phases:
        history = network.fit(
            X,
            y,
            phase.epochs,
            args.batch_size,
            phase.learning_rate,
            optimizer=args.optimizer,
            on_nan="stop",
            progress=None if args.progress else False,
            comm=comm,
        )
        if history.stopped == "nan":
            raise of_all(ValueError(DIVERGED), comm)
        if history.stopped == "interrupted":
            raise of_all(KeyboardInterrupt(), comm)
        for name, column in columns.items():
            column += getattr(history, name)
    return perf_counter() - start, columns


def report(
    network: Network,
    preparation: Preparation,
    sets: dict[str, Set | None],
    metrics: list[str],
    seconds: float,
) -> None:
    """Print the scores of each set as a table, and the time of the training."""
    scores = {
        name: score(network, preparation, dataset, metrics)
        for name, dataset in sets.items()
        if dataset
    }
    if not all(isfinite(row["cost"]) for row in scores.values()):
        raise ValueError(DIVERGED)
    widths = {column: max(10, len(column) + 2) for column in next(iter(scores.values()))}
    print(" " * 6 + "".join(f"{column:>{width}}" for column, width in widths.items()))
    for name, row in scores.items():
        cells = (f"{row[column]:{width}.4f}" for column, width in widths.items())
        print(f"{name:<6}" + "".join(cells))
    print(f"\ntrained in {seconds:.2f} s")


def score(
    network: Network, preparation: Preparation, dataset: Set, metrics: list[str]
) -> dict[str, float]:
    """Return the cost, the accuracy of classes or R² of values, and the metrics."""
    X, y = preparation.inputs(dataset), preparation.targets(dataset)
    if dataset.is_classification:
        return network.evaluate(X, y, metrics=metrics)
    scores = {"cost": network.evaluate(X, y)["cost"]}
    if isinstance(dataset, Dataset):
        scores["R²"] = r_squared(network.predict(X), y)
    else:
        scores["R²"] = r_squared_of(network, X)
    return scores | scores_of_values(network, preparation, X, y, metrics)


def scores_of_values(
    network: Network, preparation: Preparation, X: Any, y: Any, metrics: list[str]
) -> dict[str, float]:
    """Return metrics in the units of the target, although the network is trained on scaled ones."""
    if not metrics:
        return {}
    if y is None:
        blocks = list(X.blocks())
        y = np.concatenate([block.y.reshape(len(block), -1) for block in blocks])
        a = np.concatenate([network.predict(block.X) for block in blocks])
    else:
        a = network.predict(X)
    y, a = preparation.values(y), preparation.values(a)
    return metrics_for(network, metrics).scores(y, None, a)


def r_squared(predicted: NDArray[Any], y: NDArray[Any]) -> float:
    """Return 1 - Σ(y - a)² / Σ(y - mean)², averaged over the outputs; NaN for a constant y."""
    unexplained = np.square(y - predicted, dtype=np.float64).sum(axis=0)
    total = np.square(y - y.mean(axis=0, dtype=np.float64)).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.where(total > 0, 1 - unexplained / total, np.nan).mean())


def r_squared_of(network: Network, source: Source) -> float:
    """Return `r_squared` of a source, in one pass."""
    unexplained, stats = 0.0, ColumnStats()
    for block in source.blocks():
        assert block.y is not None
        y = block.y.reshape(len(block), -1)
        unexplained += np.square(y - network.predict(block.X), dtype=np.float64).sum(axis=0)
        stats.add(y)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = 1 - unexplained / stats.squares
        return float(np.where(stats.squares > 0, scores, np.nan).mean())


def save(
    out: str | None,
    network: Network,
    preparation: Preparation,
    data: str,
    history: dict[str, list[Any]],
) -> None:
    """Save the network with the name of its data, its preparation and its history."""
    if out is None:
        print("not saved: give --out FILE.safetensors to keep the network")
        return
    network.metadata = {"data": data, **preparation.to_metadata(), "history": history}
    network.save(out)
    say(f"saved to {out}, with its scaling and names")
