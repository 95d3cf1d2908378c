"""Read CSV files with the parser of the core.

`layout` finds delimiter and header, `notation` how cells are written, `columns` decides the kind of
each column and reads it, `parsing` runs the core over the file, `read` makes tables, and `load`
makes data sets.
"""

from .load import load_csv
from .read import read_csv

__all__ = ["load_csv", "read_csv"]


def __dir__() -> list[str]:
    return __all__
