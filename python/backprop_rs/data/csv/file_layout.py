"""The layout of a CSV file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..io import Path
from .options import CsvOptions


@dataclass(frozen=True)
class Layout:
    """The layout of a CSV file.

    Attributes
    ----------
    path, options
    delimiter : str
    comment : str or None
    start, line : int
        The position in the bytes of the first row below the header, and its line, counted from 0.
    names : list of str
        The names of the columns.
    has_header : bool
    unnamed : bool
        True if the header has no name for the first column.
    n_empty : int
        Columns without a name at the end of the lines, which are empty in the first rows.
    sample : list of rows
        The cells of the first rows.
    notes : list of str
        The decisions that are not evident.
    """

    path: Path
    options: CsvOptions
    delimiter: str
    comment: str | None
    start: int
    line: int = 0
    names: list[str] = field(default_factory=list)
    has_header: bool = False
    unnamed: bool = False
    n_empty: int = 0
    sample: list[list[str]] = field(default_factory=list, repr=False)
    notes: tuple[str, ...] = ()

    def sample_of(self, k: int) -> list[str]:
        """Return the cells of a column in the first rows."""
        return [row[k] for row in self.sample if len(row) > k]

    def with_empty_columns(self) -> Layout:
        """Return the layout with the columns that were left out because they seemed empty."""
        n = len(self.names)
        more = [f"column_{k + 1}" for k in range(n, n + self.n_empty)]
        return replace(self, names=[*self.names, *more], n_empty=0, notes=())
