"""`load_csv`: a `Dataset` of a CSV file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import Dataset
from ..io import Path, once_read, title
from ..labels import Classes
from ..table import Column, Table
from ..table_options import ColumnRoles, TableOptions, one_of
from .columns import Columns, RawColumn, Request, columns_of
from .file_layout import Layout
from .layout import examine
from .options import MISSING_WORDS, CsvOptions


def load_csv(
    path: Path,
    *,
    target: str | int | bool | None = None,
    header: bool | str = "auto",
    delimiter: str = "auto",
    missing: str | Mapping[str, float] = "error",
    classes: Classes = "auto",
    ignore: Sequence[str | int] = (),
    features: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    encoding: str = "auto",
    decimal: str = "auto",
    thousands: str = "auto",
    missing_values: Sequence[str] = MISSING_WORDS,
    kinds: Mapping[str, str] | None = None,
    index: bool | str = "auto",
    comment: str | None = None,
    skip_rows: int = 0,
) -> Dataset:
    r"""Read a table of numbers and texts.

    The cells are read as by `read_csv`. A column is numbers if more than half of its cells are; any
    other cell of it is then an error, which names the line and column. Times of day are numbers of
    seconds, and dates are refused. Every other column is text. A text feature becomes one
    feature of 0 and 1 per text, named like "color=red". A column of more than 20 distinct texts
    that occur less than twice on average is refused, because these are names or remarks.
    Cells are stripped of white space, and blank lines are skipped. The file may be compressed with
    gzip.

    Parameters
    ----------
    path : str or path-like
        The file.
    target : str, int, None or False, default None
        The target column by name or position (0 is the first, -1 the last). None means the last
        column, or no target if `features` is given. False means no target, so that `y` is None.
    header : "auto", True or False, default "auto"
        True if the first line names the columns; "auto" decides that it does if none of its cells
        is a number. Columns without names are called column_1, column_2, ...
    delimiter : str, default "auto"
        One ASCII character; " " is any run of white space. "auto" takes the first of tab,
        semicolon, bar, comma and white space that splits all first lines into the same number of
        cells.
    missing : "error", "drop", "mean" or mapping from feature to number, default "error"
        How to treat missing cells. "error" raises ValueError that names the first one, and
        "drop" leaves out its row. "mean" fills it with the mean of the feature over the other
        rows, which the data set keeps as `fill_values`; `train_test_split` takes the mean of the
        train set. For new data give the `fill_values` of the data set that the network was trained
        on.
    classes : "auto", True or False, default "auto"
        True if the target is classes. "auto" decides that it is if it is text, or whole numbers
        with at most 20 distinct values that occur at least twice on average. Labels count from 0
        in sorted order.
    ignore : sequence of str or int, optional
        Columns to leave out.
    features : sequence of str, optional
        The features to build, in this order. Give the `feature_names` of another data set to code
        this file in the same way.
    class_names : sequence of str, optional
        The classes in the order of their labels, such as those of another data set.
    encoding, decimal, thousands, missing_values, comment, skip_rows : optional
        As in `read_csv`. A class or feature that `class_names` or `features` names, such as None,
        is not missing in its column.
    index : "auto", True or False, default "auto"
        As in `read_csv`.
    kinds : mapping from column to kind, optional
        "number" or "category" for some columns.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError, TypeError
        If the file or an argument does not fit; an error about a cell names its line (counted
        from 1) and column.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "fruit.csv")
    >>> text = "weight,color,kind\n150,red,apple\n8,red,cherry\n170,green,apple\n"
    >>> path.write_text(text) > 0
    True
    >>> fruit = load_csv(path)
    >>> fruit
    Dataset('fruit': 3 samples, 3 features, 2 classes: apple, cherry)
    >>> fruit.feature_names
    ('weight', 'color=green', 'color=red')
    >>> fruit.X.tolist()
    [[150.0, 0.0, 1.0], [8.0, 0.0, 1.0], [170.0, 1.0, 0.0]]
    >>> path.write_text(text.replace("8", "8..0")) > 0
    True
    >>> load_csv(path, ignore=["color"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: ...fruit.csv, line 3, column 1 ('weight'): '8..0' is not a number; ...
    """
    how = CsvOptions(
        header, delimiter, encoding, decimal, thousands, missing_values, "auto", dict(kinds or {}),
        index, comment, skip_rows,
    )  # fmt: skip
    options = TableOptions(target, missing, classes, ignore, features, class_names)
    return table_of(path, how, options).dataset(options)


def table_of(path: Path, how: CsvOptions, options: TableOptions) -> Table:
    """Read the columns of a file that the options use."""
    for name, kind in how.kinds.items():
        one_of(f"kinds[{name!r}]", kind, ("number", "category"))
    layout = examine(once_read(path), how, requested(how, options))
    how.check_kinds(layout.names)
    columns = columns_of(layout, lambda layout: request_of(layout, options))
    names = columns.layout.names
    used = {k: column_of(columns, k, raw) for k, raw in columns.raw.items()}
    roles = roles_of(columns.layout, options)
    return Table(names, used, roles, columns.place, title(layout.path), columns.word)


def requested(how: CsvOptions, options: TableOptions) -> list[object]:
    """Return the columns that are asked for by name."""
    coded = {feature for feature in options.features or () if "=" in feature}
    plain = [feature for feature in options.features or () if feature not in coded]
    return [options.target, *options.ignore, *plain, *how.kinds]


def roles_of(layout: Layout, options: TableOptions) -> ColumnRoles:
    """Return the roles of the columns."""
    index = layout.options.index
    if index is True:
        options = replace(options, ignore=[*options.ignore, 0])
    return options.roles(layout.names, layout.unnamed, may_hold_index=index == "auto")


def request_of(layout: Layout, options: TableOptions) -> Request:
    """Return the columns to read."""
    names, roles = layout.names, roles_of(layout, options)
    kinds = {k: layout.options.kinds[names[k]] for k in roles.used
             if names[k] in layout.options.kinds}  # fmt: skip
    kinds |= dict.fromkeys(roles.numbers, "number") | dict.fromkeys(roles.text, "category")
    kept = {
        k: [feature.removeprefix(f"{names[k]}=") for feature in options.coded(names[k])]
        for k in roles.text
    }
    if roles.target is not None and options.class_names:
        kept[roles.target] = list(options.class_names)
    strict = frozenset() if roles.mixed is None else frozenset([roles.mixed])
    return Request(roles.used, kinds, strict, kept, has_dates=False)


def column_of(columns: Columns, k: int, raw: RawColumn) -> Column:
    """Return a column whose numbers are finite."""
    if raw.notation.kind == "text":
        return Column(codes_as_floats(raw.values), raw.texts, are_checked=True)
    values: NDArray[Any] = raw.values
    wrong = np.isinf(values)
    if wrong.any():
        place, cell = columns.cell(int(wrong.argmax()), k)
        raise ValueError(f"{place}: {cell!r} is not a finite number")
    return Column(values)


def codes_as_floats(codes: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return codes with NaN in place of -1."""
    values = codes.astype(np.float64)
    values[codes < 0] = np.nan
    return values
