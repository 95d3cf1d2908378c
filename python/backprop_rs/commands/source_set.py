"""Data out of core on the command line: what the commands need of a `Source`."""

from __future__ import annotations

from argparse import Namespace
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Source, Survey, source
from ..data.arrays import warn_of_spread
from ..data.io import title
from ..data.sources.base import Block, text_of
from ..data.sources.split import split
from ..data.table import check_classes, check_texts
from .preparation import FEWEST_PIXELS, LARGEST_PIXEL, Preparation

CSV_ENDINGS = (".csv", ".csv.gz")
TABLE_ENDINGS = (".parquet", ".pq", *CSV_ENDINGS)
ENDINGS = (*TABLE_ENDINGS, ".npz", ".npy")


def is_out_of_core(path: Path) -> bool:
    """Whether DATA is a Parquet file, or a folder of tables or of NumPy's shards."""
    if path.is_dir():
        names = [one.name.lower() for one in path.iterdir() if not one.name.startswith((".", "_"))]
        return bool(names) and all(name.endswith(ENDINGS) for name in names)
    return path.name.lower().endswith((".parquet", ".pq"))


def is_table(path: str, endings: tuple[str, ...] = TABLE_ENDINGS) -> bool:
    """Whether it has named columns: a file, or a folder of such."""
    folder = Path(path)
    names = [one.name for one in folder.iterdir()] if folder.is_dir() else [folder.name]
    return any(name.lower().endswith(endings) for name in names)


class SourceSet:
    """A source with what one pass has told of it; in the place of a `Dataset`."""

    def __init__(self, given: Source, classes: bool | str = "auto") -> None:
        self.given, self.name = given, name_of(given)
        self.survey: Survey = given.survey()
        self.feature_names = given.feature_names
        if is_table(given.name, CSV_ENDINGS):  # which become float32
            moments = self.survey.features
            reach = np.maximum(np.abs(moments.least), np.abs(moments.most))
            spread = np.sqrt(moments.squares / moments.n)
            for name, *one in zip(self.feature_names, reach, spread, strict=True):
                warn_of_spread(name, *map(float, one))
        self.n_features = len(self.survey.features.mean)
        if classes == "auto" and self.survey.has_texts:
            check_texts(target_of(given), self.survey.values)
            check_classes(target_of(given), len(self.survey.values), self.survey.length)
        self.found = self.survey.classes_for(classes)
        self.class_names: tuple[str, ...] = tuple(map(text_of, self.found or ()))
        self.is_classification = self.found is not None
        self.n_outputs = len(self.class_names)
        if not self.is_classification and self.survey.targets:
            self.n_outputs = len(self.survey.targets.mean)
        self.y = given if self.survey.has_target else None

    def __len__(self) -> int:
        return len(self.given)

    @property
    def source(self) -> Source:
        """The samples, their targets as labels where they are classes."""
        return self.given if self.found is None else self.given.coded(self.found)

    def split(self, test_fraction: float, seed: int) -> tuple[SourceSet, SourceSet]:
        """The samples to train and those to test: those that would be drawn in memory."""
        labels = None if self.found is None else self.survey.places.labels(self.found)
        train, test = (copy(self), copy(self))
        train.given, test.given = split(self.given, test_fraction, seed, labels)
        train.survey = train.given.survey()  # by which it is scaled
        return train, test

    def prepared(self, preparation: Preparation) -> Source:
        """The source as the network takes it."""
        if preparation.scaling is None and preparation.target_scaling is None:
            return self.source
        return self.source.scaled(preparation.scaling, preparation.target_scaling)

    def preparation(self, scale_target: bool) -> Preparation:
        """How to scale, as `prepare` does for a data set in memory."""
        moments = self.survey.features
        pixels = len(moments.mean) >= FEWEST_PIXELS and moments.least.min() >= 0
        scaling = None
        if not (pixels and moments.most.max() <= 1):
            scaling = moments.scaling()
            if pixels and moments.most.max() <= LARGEST_PIXEL and moments.whole:
                scaling = moments.range_scaling()
        targets = None
        if scale_target and not self.is_classification and self.survey.targets is not None:
            targets = self.survey.targets.scaling()
        return Preparation(
            self.feature_names, self.class_names, scaling, targets, target=target_of(self.given)
        )


def target_of(given: Source) -> str:
    """The name of the target, if it is one column of a table."""
    columns = getattr(given, "columns", None)
    return columns.targets[0] if columns and len(columns.targets) == 1 else ""


def name_of(given: Source) -> str:
    """The name of a data set: of a CSV file without its ending, as in memory."""
    name = Path(given.name).name
    return title(name) if name.lower().endswith(CSV_ENDINGS) else name


def set_to_train(args: Namespace, classes: bool | str) -> SourceSet:
    """The source of DATA, read through once."""
    if args.missing != "error":
        raise ValueError(
            f"--missing {args.missing} needs all rows in memory; {args.data} is read as it is "
            "needed, and must have no missing cell"
        )
    choices: dict[str, Any] = {}
    if is_table(args.data):
        from .source import column

        target = None if args.target is None else column(args.target)
        choices = {"target": target, "ignore": [column(one) for one in args.ignore]}
    elif args.target is not None or args.ignore:
        raise ValueError(f"--target and --ignore go with named columns; got {args.data}")
    return SourceSet(read(args.data, choices), classes)


def set_to_predict(path: str, preparation: Preparation) -> SourceSet:
    """The source of DATA without its target."""
    choices: dict[str, Any] = {}
    if is_table(path):
        names = list(preparation.feature_names) or None
        fill = preparation.fill_values or None
        choices = {"target": False, "features": names, "missing": fill}
    return SourceSet(read(path, choices), classes=False)


def read(path: str, choices: dict[str, Any]) -> Source:
    """A source of DATA; what is written in decimals becomes float32, as in memory."""
    given = source(path, **choices)
    return in_single(given) if is_table(path, CSV_ENDINGS) else given


def in_single(given: Source) -> Source:
    """The same samples with features in float32."""
    other = copy(given)

    def change(block: Block) -> Block:
        with np.errstate(over="ignore"):  # what overflows is infinite, and named as such
            return replace(block, X=np.asarray(block.X, np.float32))

    other.change = change
    return other
