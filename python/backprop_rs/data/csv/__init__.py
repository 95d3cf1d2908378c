"""Read CSV files with the parser of the core.

`layout` finds delimiter and header, `notation` how cells are written, `columns` decides the kind of
each column and reads it, `parsing` runs the core over the file, and `read` makes tables.
"""

from .read import read_csv

__all__ = ["read_csv"]
