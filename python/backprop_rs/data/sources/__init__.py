"""Sources: samples that need not fit in memory, one file a kind.

`base` has the interface, `rows` the sources of which any row can be had at once, `stream` those
that are read in pieces; `numpy_files`, `table` and `iterable` say where the samples come from.
"""

from .base import Block, Source
from .factory import source
from .statistics import Moments, Survey

__all__ = ["Block", "Moments", "Source", "Survey", "source"]
