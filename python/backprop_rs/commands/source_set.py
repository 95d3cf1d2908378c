"""Data out of core on the command line: a `Source` with its statistics, or without its target."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any

from ..data import Source, SourceStats, source
from ..data.io import title
from ..data.labels import class_name
from ..data.preparation import LARGEST_PIXEL, MIN_PIXELS, Preparation
from ..data.sources.split import split
from ..data.table import check_classes, check_texts

CSV_ENDINGS = (".csv", ".csv.gz")
TABLE_ENDINGS = (".parquet", ".pq", *CSV_ENDINGS)
ENDINGS = (*TABLE_ENDINGS, ".npz", ".npy")


def is_out_of_core(path: Path) -> bool:
    """Return True if DATA is a Parquet file, or a folder of tables or of NumPy shards."""
    if path.is_dir():
        files = [file.name.lower() for file in path.iterdir()]
        visible = [name for name in files if not name.startswith((".", "_"))]
        return bool(visible) and all(name.endswith(ENDINGS) for name in visible)
    return path.name.lower().endswith((".parquet", ".pq"))


def is_table(path: str, endings: tuple[str, ...] = TABLE_ENDINGS) -> bool:
    """Return True if DATA has named columns: a file, or a folder of such files."""
    folder = Path(path)
    names = [file.name for file in folder.iterdir()] if folder.is_dir() else [folder.name]
    return any(name.lower().endswith(endings) for name in names)


class SourceSet:
    """A source and the statistics of one pass over it, in place of a `Dataset`."""

    def __init__(self, raw: Source, classes: bool | str = "auto") -> None:
        self.raw, self.name = raw, name_of(raw)
        self.stats: SourceStats = raw.statistics()
        self.feature_names = raw.feature_names
        self.n_features = len(self.stats.features.mean)
        if classes == "auto" and self.stats.has_texts:
            check_texts(target_of(raw), self.stats.values)
            check_classes(target_of(raw), len(self.stats.values), self.stats.length)
        self.classes = self.stats.classes_for(classes)
        self.class_names: tuple[str, ...] = tuple(map(class_name, self.classes or ()))
        self.is_classification = self.classes is not None
        self.n_outputs = len(self.class_names)
        if not self.is_classification and self.stats.targets:
            self.n_outputs = len(self.stats.targets.mean)
        self.y = raw if self.stats.has_target else None

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.raw)

    @property
    def source(self) -> Source:
        """The samples; targets that are classes become labels."""
        return self.raw if self.classes is None else self.raw.coded(self.classes)

    def split(self, test_fraction: float, seed: int) -> tuple[SourceSet, SourceSet]:
        """Return a training set and a test set, of the same samples as in memory."""
        labels = None if self.classes is None else self.stats.codes.labels(self.classes)
        train, test = copy(self), copy(self)
        train.raw, test.raw = split(self.raw, test_fraction, seed, labels)
        train.stats = train.raw.statistics()  # the scaling must not depend on the test set
        return train, test

    def prepared(self, preparation: Preparation) -> Source:
        """Return a source of the samples, scaled."""
        if preparation.scaling is None and preparation.target_scaling is None:
            return self.source
        return self.source.scaled(preparation.scaling, preparation.target_scaling)

    def preparation(self, scale_target: bool) -> Preparation:
        """Choose how to scale, by the rules of `prepare` for a data set in memory."""
        columns = self.stats.features
        pixels = len(columns.mean) >= MIN_PIXELS and columns.min.min() >= 0
        scaling = None
        if not (pixels and columns.max.max() <= 1):
            scaling = columns.scaling()
            if pixels and columns.max.max() <= LARGEST_PIXEL and columns.is_integer:
                scaling = columns.range_scaling()
        target_scaling = None
        if scale_target and not self.is_classification and self.stats.targets is not None:
            target_scaling = self.stats.targets.scaling()
        return Preparation(
            self.feature_names,
            self.class_names,
            scaling,
            target_scaling,
            target=target_of(self.raw),
        )


def target_of(samples: Source) -> str:
    """Return the name of the target if it is one column of a table, otherwise an empty text."""
    columns = getattr(samples, "columns", None)
    return columns.targets[0] if columns and len(columns.targets) == 1 else ""


def name_of(samples: Source) -> str:
    """Return the name of a data set; a CSV file loses its ending, as it does in memory."""
    name = Path(samples.name).name
    return title(name) if name.lower().endswith(CSV_ENDINGS) else name


def set_to_predict(
    path: str, preparation: Preparation, how: dict[str, Any] | None = None
) -> SourceSet:
    """Return the samples of DATA without their target."""
    options: dict[str, Any] = {}
    if is_table(path):
        options["target"] = False
        options["features"] = list(preparation.feature_names) or None
        options["missing"] = preparation.fill_values or None
    return SourceSet(source(path, **options, **as_csv(path, how)), classes=False)


def as_csv(path: str, how: dict[str, Any] | None) -> dict[str, Any]:
    """Return the argument of `source` for the options of CSV files, if any is given."""
    if how and not is_table(path, CSV_ENDINGS):
        raise ValueError(f"options of CSV files go with CSV files; got {path}")
    return {"csv": how} if how else {}
