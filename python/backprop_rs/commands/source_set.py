"""Data out of core on the command line: what the commands need of a `Source`."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from ..data import Source, Survey, source
from .preparation import FEWEST_PIXELS, LARGEST_PIXEL, Preparation

TABLE_ENDINGS = (".parquet", ".pq", ".csv", ".csv.gz")
ENDINGS = (*TABLE_ENDINGS, ".npz", ".npy")


def is_out_of_core(path: Path) -> bool:
    """Whether DATA is a Parquet file, or a folder of tables or of NumPy's shards."""
    if path.is_dir():
        names = [one.name.lower() for one in path.iterdir() if not one.name.startswith((".", "_"))]
        return bool(names) and all(name.endswith(ENDINGS) for name in names)
    return path.name.lower().endswith((".parquet", ".pq"))


def is_table(path: str) -> bool:
    """Whether it has named columns."""
    folder = Path(path)
    names = [one.name for one in folder.iterdir()] if folder.is_dir() else [folder.name]
    return any(name.lower().endswith(TABLE_ENDINGS) for name in names)


class SourceSet:
    """A source with what one pass has told of it; in the place of a `Dataset`."""

    def __init__(self, given: Source, classes: bool | str = "auto") -> None:
        self.source, self.name = given, Path(given.name).name
        self.survey: Survey = given.survey()
        self.feature_names = given.feature_names
        found = self.survey.classes_for(classes)
        self.class_names: tuple[str, ...] = tuple(map(str, found or ()))
        self.is_classification = found is not None
        self.y = given if self.survey.has_target else None
        if found is not None:
            self.source = given.coded(found)

    def __len__(self) -> int:
        return self.survey.length

    @property
    def n_features(self) -> int:
        return len(self.survey.features.mean)

    @property
    def n_outputs(self) -> int:
        if self.is_classification:
            return len(self.class_names)
        return len(self.survey.targets.mean) if self.survey.targets else 0

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
        return Preparation(self.feature_names, self.class_names, scaling, targets)


def set_to_train(args: Namespace, classes: bool | str) -> SourceSet:
    """The source of DATA, read through once."""
    if args.missing != "error":
        raise ValueError(f"--missing goes with a CSV file alone; got {args.data}")
    choices: dict[str, Any] = {}
    if is_table(args.data):
        from .source import column

        target = None if args.target is None else column(args.target)
        choices = {"target": target, "ignore": [column(one) for one in args.ignore]}
    elif args.target is not None or args.ignore:
        raise ValueError(f"--target and --ignore go with named columns; got {args.data}")
    return SourceSet(source(args.data, **choices), classes)


def set_to_predict(path: str, preparation: Preparation) -> SourceSet:
    """The source of DATA without its target."""
    choices: dict[str, Any] = {}
    if is_table(path):
        names = list(preparation.feature_names) or None
        choices = {"target": False, "features": names}
    return SourceSet(source(path, **choices), classes=False)
