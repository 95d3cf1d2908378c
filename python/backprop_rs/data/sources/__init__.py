"""Sources: samples that need not fit in memory, one file per kind.

`block` has the blocks of samples and the passes over them, `base` the interface of a source, `rows`
the sources with random access, and `stream` those that are read in pieces. `numpy_files`, `table`,
`csv_table` and `iterable` read the samples.
"""

from .base import Source
from .block import Block
from .factory import source
from .statistics import ColumnStats, SourceStats

__all__ = ["Block", "ColumnStats", "Source", "SourceStats", "source"]


def __dir__() -> list[str]:
    return __all__
