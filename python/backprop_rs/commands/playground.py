"""The command playground: write the page and open it."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from .._internal.printable import say
from ..data import Dataset, Preprocessor, standardize
from ..model import Model
from ..web import playground
from .saved_model import load_labeled
from .source import csv_options, kind_of, open_once, read_to_train
from .tables import holds_table, in_memory, read_table

if TYPE_CHECKING:
    from ..network import Network


def run(args: Namespace) -> None:
    """Write the page with DATA and MODEL, if they are given; open it, unless --out is given."""
    if args.data is None and args.model is not None:
        raise ValueError("--model needs DATA, the samples of the model")
    dataset, network = (None, None) if args.data is None else contents_of(args)
    page = playground(dataset, net=network)
    if args.out is None:
        say(f"playground opened from {page.open()}")
        return
    page.save(args.out)
    say(f"playground written to {args.out}")


def contents_of(args: Namespace) -> tuple[Dataset, Network | None]:
    """Return the samples of DATA as the network takes them, and the network of MODEL."""
    name = args.data
    if args.model is not None:
        labeled = load_labeled(args)
        network = labeled.network
        known = network.metadata
        classes = known.get("class_names", ())
        if isinstance(labeled.saved, Model):
            classes = list(map(str, labeled.saved.classes))
        columns = known.get("feature_names", ())
        dataset = Dataset(
            labeled.X, labeled.y, feature_names=columns, class_names=classes, name=name
        )
        return dataset, network
    args.data = open_once(args.data)
    if holds_table(args.data, kind_of(args.data)):
        return prepared(args, name), None
    args.classes, args.stream = "auto", False
    samples, _ = read_to_train(args)
    if not isinstance(samples, Dataset):
        raise ValueError(f"DATA must fit in memory; {name} is read as it is needed")
    return standardize(samples), None


def prepared(args: Namespace, name: str) -> Dataset:
    """Return the samples of a raw table, prepared as `Model` does it."""
    table = in_memory(read_table(args.data, csv_options(args)))
    target = table.names[-1] if args.target is None else args.target
    preprocessor = Preprocessor(target).fit(table)
    return Dataset(
        preprocessor.transform(table, "float64"),
        preprocessor.transform_target(table),
        feature_names=preprocessor.feature_names,
        class_names=list(map(str, preprocessor.classes)),
        name=name,
        target_name=target,
    )
