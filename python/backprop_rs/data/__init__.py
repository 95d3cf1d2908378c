"""Data for a network: readers, sources, splitting, scaling and two bundled data sets.

Every reader returns a `Dataset`: features `X` (m, n_0) and a target `y`, which is integer class
labels (m,) or values. Numbers keep their type; a network rounds them to its own.
"""

from .as_table import as_table
from .bundled import load_digits, load_iris
from .columns import Column, Table
from .csv import load_csv, read_csv
from .dataset import Dataset
from .files import read_table
from .frame import from_frame
from .idx_file import load_idx, load_mnist_folder, read_idx
from .labels import one_hot
from .npz_file import load_npz, load_npz_split
from .preprocessing import standardize, train_test_split
from .preprocessor import Preprocessor
from .scaling import Scaling
from .sources import ColumnStats, Source, SourceStats, source
from .table_stream import TableStream

__all__ = [
    "Column",
    "ColumnStats",
    "Dataset",
    "Preprocessor",
    "Scaling",
    "Source",
    "SourceStats",
    "Table",
    "TableStream",
    "as_table",
    "from_frame",
    "load_csv",
    "load_digits",
    "load_idx",
    "load_iris",
    "load_mnist_folder",
    "load_npz",
    "load_npz_split",
    "one_hot",
    "read_csv",
    "read_idx",
    "read_table",
    "source",
    "standardize",
    "train_test_split",
]


def __dir__() -> list[str]:
    return __all__
