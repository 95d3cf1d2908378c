"""A saved network: its history, and labeled samples in the form that it takes."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from .. import data
from ..data import Dataset
from ..data.preparation import Preparation
from ..data.table_options import NameOrPosition
from ..history import History
from ..model import Model, load
from ..network import Network
from ..training.checkpoint import are_numbers
from .source import csv_options, kind_of, open_once, read_to_predict, without_missing_cells
from .tables import check_target, table_for

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_samples(args: Namespace, network: Network) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return X (m, n_0) and y of DATA, scaled as in the training.

    If DATA has a test set, only that is read. The target of a CSV file is --target; by default it
    is the column that the model was trained on, or the last one if the model has no target name.
    """
    preparation = Preparation.from_metadata(network.metadata, network.sizes)
    dataset = read_labeled(args, preparation)
    if dataset.y is None:
        raise ValueError(f"DATA must have a target; {args.data} has none")
    check_size(args.data, dataset.n_features, network)
    return preparation.inputs(dataset), preparation.targets(dataset)


def network_and_samples(args: Namespace) -> tuple[Network, NDArray[Any], NDArray[Any]]:
    """Return the network of MODEL, the first of several, with X and y of DATA as it takes them."""
    saved = load(args.model, backend=args.backend)
    if not isinstance(saved, Model):
        return saved, *read_samples(args, saved)
    check_target(args, saved)
    table = table_for(saved, args.data, csv_options(args))
    preprocessor = saved.preprocessors[0]
    X = preprocessor.transform(table, saved.dtype)
    return saved.networks[0], X, preprocessor.transform_target(table)


def read_labeled(args: Namespace, preparation: Preparation) -> Dataset:
    """Read DATA with its target, unscaled."""
    args.data = open_once(args.data)
    if kind_of(args.data) != "csv":
        if args.target is not None:
            raise ValueError(f"--target goes with a CSV file; got {args.data}")
        dataset = read_to_predict(args.data, preparation, how=csv_options(args))
        if not isinstance(dataset, Dataset):
            raise ValueError(f"DATA must fit in memory; {args.data} is read as it is needed")
        return dataset
    target: str | int = preparation.target or -1
    with without_missing_cells():
        return data.load_csv(
            args.data,
            target=target if args.target is None else NameOrPosition(args.target),
            features=preparation.feature_names or None,
            missing=preparation.fill_values or "error",
            classes=bool(preparation.class_names),
            class_names=preparation.class_names or None,
            **csv_options(args),
        )


def check_size(name: str, n_features: int, network: Network) -> None:
    """Raise ValueError if DATA does not have the features of the network.

    The network would say so too, but only after the scaling, whose sentence is about means.
    """
    if n_features != network.sizes[0]:
        raise ValueError(f"DATA must have {network.sizes[0]} features; {name} has {n_features}")


def choose_rows(first: int, count: int, n: int) -> slice:
    """Return the slice of at most `count` rows from `first` on.

    Raises
    ------
    ValueError
        If the data, which have n rows, have no such row.
    """
    if not 0 <= first < n:
        raise ValueError(
            f"--row must be from 0 to {n - 1} because DATA has {n:,} rows; got {first}"
        )
    if count < 1:
        raise ValueError(f"--rows must be at least 1; got {count}")
    return slice(first, first + count)


def history_of(network: Network) -> History:
    """Return the history that `train` has saved with the network."""
    columns = network.metadata.get("history")
    if not isinstance(columns, dict) or not columns.get("epoch") or not columns.get("cost"):
        raise ValueError("MODEL must keep the history of its training, as train does; it has none")
    if not all(map(are_numbers, columns.values())):
        raise ValueError("MODEL must keep a history of numbers, as train does")
    names = ("epoch", "cost", "val_cost", "val_accuracy", "learning_rate")
    fields: dict[str, Any] = {name: list(columns[name]) for name in names if name in columns}
    metrics = {name: list(column) for name, column in columns.items() if name not in names}
    return History(**fields, metrics=metrics)
