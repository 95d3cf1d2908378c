"""A saved model: its network and history, and labeled samples in the form that it takes."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from .. import data
from ..data import Dataset, Table
from ..data.preparation import Preparation
from ..data.table_options import NameOrPosition
from ..history import History
from ..model import Model, load
from ..network import Network
from ..training.checkpoint import are_numbers
from .source import csv_options, kind_of, open_once, read_to_predict, without_missing_cells
from .tables import check_has_target, check_target_option, in_memory, table_for


@dataclass(frozen=True)
class Labeled:
    """Labeled samples of DATA for a saved model.

    Attributes
    ----------
    saved : Model or Network
    X, y : array
        As the network takes them.
    table : Table or None
        The raw rows, for a `Model`.
    dataset : Dataset or None
        The raw samples, for a `Network`.
    member : int
        The network of the model that is shown.
    """

    saved: Model | Network
    X: NDArray[Any]
    y: NDArray[Any]
    table: Table | None = None
    dataset: Dataset | None = None
    member: int = 0

    @property
    def network(self) -> Network:
        """The network that is shown."""
        return network_of(self.saved, self.member)


def network_of(saved: Model | Network, member: int) -> Network:
    """Return one network of a saved model."""
    return saved.networks[member] if isinstance(saved, Model) else saved


def member_of(args: Namespace, saved: Model | Network) -> int:
    """Return --member, by default 0.

    Raises
    ------
    ValueError
        If the model has no such network.
    """
    n = len(saved.networks) if isinstance(saved, Model) else 1
    member = getattr(args, "member", None)
    if member in (None, "all"):
        return 0
    if not 0 <= member < n:
        has = "one network" if n == 1 else f"{n} networks"
        raise ValueError(
            f"--member must be from 0 to {n - 1} because MODEL has {has}; got {member}"
        )
    return int(member)


def note_of_member(saved: Model | Network, member: int) -> str:
    """Return which network of several is shown, or an empty text.

    >>> note_of_member(Network([1, 1]), 0)
    ''
    """
    n = len(saved.networks) if isinstance(saved, Model) else 1
    return f"network {member + 1} of {n}" if n > 1 else ""


def load_labeled(args: Namespace) -> Labeled:
    """Return MODEL with the samples of DATA."""
    return labeled(args, load(args.model, backend=args.backend or "auto"))


def labeled(args: Namespace, saved: Model | Network) -> Labeled:
    """Return the samples of DATA for a model."""
    member = member_of(args, saved)
    if not isinstance(saved, Model):
        preparation = Preparation.from_metadata(saved.metadata, saved.sizes)
        dataset = read_dataset(args, saved, preparation)
        X, y = preparation.inputs(dataset), preparation.targets(dataset)
        return Labeled(saved, X, y, dataset=dataset)
    check_target_option(args, saved)
    table, preprocessor = in_memory(table_for(saved, args)), saved.preprocessors[member]
    check_has_target(saved.preprocessor.target_names, table)
    X = preprocessor.transform(table, saved.dtype)
    return Labeled(saved, X, saved.preprocessor.transform_target(table), table, member=member)


def read_samples(args: Namespace, network: Network) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return X (m, n_0) and y of DATA, scaled as in the training of a network."""
    samples = labeled(args, network)
    return samples.X, samples.y


def read_dataset(args: Namespace, network: Network, preparation: Preparation) -> Dataset:
    """Return DATA with its target, unscaled.

    If DATA has a test set, only that is read. The target of a CSV file is --target; by default it
    is the column that the model was trained on, or the last one if the model has no target name.
    """
    dataset = read_labeled(args, preparation)
    if dataset.y is None:
        raise ValueError(f"DATA must have a target; {args.data} has none")
    check_size(args.data, dataset.n_features, network)
    return dataset


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


def history_of(saved: Model | Network, member: int = 0) -> History | None:
    """Return the history that `train` has saved, of one of several networks, or None."""
    if isinstance(saved, Model):
        each = saved.info.get("history")
        columns = each[member] if isinstance(each, list) and len(each) > member else None
    else:
        columns = saved.metadata.get("history")
    if columns is None:
        return None
    if not isinstance(columns, dict) or not columns.get("epoch") or not columns.get("cost"):
        raise ValueError("MODEL must keep the history of its training, as train does; it has none")
    if not all(map(are_numbers, columns.values())):
        raise ValueError("MODEL must keep a history of numbers, as train does")
    names = ("epoch", "cost", "val_cost", "val_accuracy", "learning_rate")
    fields: dict[str, Any] = {name: list(columns[name]) for name in names if name in columns}
    metrics = {name: list(column) for name, column in columns.items() if name not in names}
    return History(**fields, metrics=metrics)
