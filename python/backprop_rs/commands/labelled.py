"""Rows with their targets, as a saved network sees them."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from .. import data
from ..data import Dataset
from ..network import Network
from .predict import check_size
from .preparation import Preparation
from .source import column, kind_of, opened, read_to_predict, without_missing_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read(args: Namespace, network: Network) -> tuple[NDArray[Any], NDArray[Any]]:
    """X (m, n_0) and y of DATA, scaled as the model keeps it; those to test where they are apart.

    The target of a CSV file is --target, by default the column that the model was trained on, or
    the last one if the model keeps no name.
    """
    preparation = Preparation.from_metadata(network.metadata, network.sizes)
    dataset = dataset_of(args, preparation)
    if dataset.y is None:
        raise ValueError(f"DATA must have a target; {args.data} has none")
    check_size(args.data, dataset.n_features, network)
    return preparation.inputs(dataset), preparation.targets(dataset)


def dataset_of(args: Namespace, preparation: Preparation) -> Dataset:
    args.data = opened(args.data)
    if kind_of(args.data) != "csv":
        if args.target is not None:
            raise ValueError(f"--target goes with a CSV file; got {args.data}")
        dataset = read_to_predict(args.data, preparation)
        if not isinstance(dataset, Dataset):
            raise ValueError(f"DATA must fit in memory; {args.data} is read as it is needed")
        return dataset
    target: str | int = preparation.target or -1
    with without_missing_cells():
        return data.load_csv(
            args.data,
            target=target if args.target is None else column(args.target),
            features=preparation.feature_names or None,
            missing=preparation.fill_values or "error",
            classes=bool(preparation.class_names),
            class_names=preparation.class_names or None,
        )


def rows(first: int, count: int, n: int) -> slice:
    """Some rows from `first` on, or ValueError where there is no such row."""
    if not 0 <= first < n:
        raise ValueError(f"--row must be from 0 to {n - 1}, as DATA has {n:,} rows; got {first}")
    if count < 1:
        raise ValueError(f"--rows must be at least 1; got {count}")
    return slice(first, first + count)
