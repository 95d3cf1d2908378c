"""The options that say how a CSV file is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..._internal import checks
from ..table_options import one_of

MISSING_WORDS = ("", "?", "na", "n/a", "#n/a", "<na>", "nan", "null", "none")
"""A cell that is one of these, in upper or lower case, is missing."""

KINDS = ("number", "boolean", "category", "datetime", "text")
TRUTH = {
    "true": 1, "false": 0, "yes": 1, "no": 0, "y": 1, "n": 0, "t": 1, "f": 0, "on": 1, "off": 0,
    "1": 1, "0": 0,
}  # fmt: skip
"""The texts of a column that is told to be booleans, in lower case."""

THOUSANDS = ("auto", "", ",", ".", " ", "'")
DATES = ("auto", "ymd", "dmy", "mdy")


@dataclass(frozen=True)
class CsvOptions:
    """The format of a CSV file; "auto" is decided from the file.

    The parameters are those of `read_csv`.
    """

    header: bool | str = "auto"
    delimiter: str = "auto"
    encoding: str = "auto"
    decimal: str = "auto"
    thousands: str = "auto"
    missing_values: Sequence[str] = MISSING_WORDS
    dates: str = "auto"
    kinds: Mapping[str, str] = field(default_factory=dict)
    index: bool | str = "auto"
    comment: str | None = None
    skip_rows: int = 0

    def __post_init__(self) -> None:
        one_of("header", self.header, ("auto", True, False))
        one_of("decimal", self.decimal, ("auto", ".", ","))
        one_of("dates", self.dates, DATES)
        one_of("index", self.index, ("auto", True, False))
        checks.integer("skip_rows", self.skip_rows, least=0)
        if self.thousands not in THOUSANDS:
            accepted = ", ".join(map(repr, THOUSANDS))
            raise ValueError(f"thousands must be one of {accepted}; got {self.thousands!r}")
        if self.thousands == self.decimal != "auto":
            raise ValueError(f"decimal and thousands must differ; got {self.decimal!r} for both")
        self._check_delimiter()
        if isinstance(self.missing_values, str):
            raise TypeError(
                f"missing_values must be a list; got the single text {self.missing_values!r}"
            )
        for name, kind in self.kinds.items():
            if kind not in KINDS:
                accepted = ", ".join(KINDS)
                raise ValueError(f"kinds[{name!r}] must be one of {accepted}; got {kind!r}")

    def _check_delimiter(self) -> None:
        delimiter = self.delimiter
        if not isinstance(delimiter, str) or (delimiter != "auto" and len(delimiter) != 1):
            raise ValueError(f"delimiter must be 'auto' or one character; got {delimiter!r}")
        if delimiter != "auto" and (not delimiter.isascii() or delimiter in '"\r\n'):
            raise ValueError(
                "delimiter must be an ASCII character other than a quotation mark or a line break; "
                f"got {delimiter!r}"
            )

    def check_kinds(self, names: Sequence[str]) -> None:
        """Raise ValueError if `kinds` names a column that the file does not have."""
        from ..table_options import listed

        for name in self.kinds:
            if name not in names:
                raise ValueError(f"kinds must name columns of {listed(names)}; got {name!r}")
