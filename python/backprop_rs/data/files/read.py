"""`read_table`: a `Table` of a file in any of the formats."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from inspect import signature
from os.path import isdir
from typing import Any

import numpy as np

from ..._internal.keywords import hint
from ..._internal.printable import printable
from ..columns import Column, Table
from ..csv import read_csv
from ..csv.read import column_names
from ..encoders import CategoryEncoder
from ..file_formats import FileFormat, format_of
from ..io import Path, check_path, once_read
from ..preprocessor import Preprocessor
from .svmlight import TARGET

CSV_OPTIONS = tuple(name for name in signature(read_csv).parameters if name != "path")
OPTIONS = {
    "csv": CSV_OPTIONS,
    "excel": ("sheet", "header", "index", "missing_values"),
    "ods": ("sheet", "header", "index", "missing_values"),
}
"""The options that go with a format; the others have none."""


def read_table(path: Path, *, sheet: str | int | None = None, **options: Any) -> Table:
    r"""Read a file as a `Table`, in the format that its content shows.

    A file is recognized by its first bytes, whatever its suffix is.

    =================================  ===========================  =============================
    format                             needs                        options
    =================================  ===========================  =============================
    CSV                                                             those of `read_csv`
    Excel (.xlsx, .xlsm, .xlsb, .xls)  python-calamine              sheet, header, index,
    and OpenDocument (.ods)                                         missing_values
    Parquet, Feather, Arrow, ORC       pyarrow and narwhals
    LIBSVM (SVMlight)                  scikit-learn
    ARFF, JSON and JSON lines,
    .npy, .npz, IDX
    =================================  ===========================  =============================

    Parameters
    ----------
    path : str or path-like
        The file. Those that are not compressed by their own format may be compressed with gzip.
    sheet : str or int, optional
        The sheet of a workbook, by its name or its position, counted from 0. By default the only
        one with cells.
    options
        Of `read_csv`. A header of a workbook is a first row of texts alone; whole numbers are
        integers.

    Returns
    -------
    Table
        The columns of a LIBSVM file are called x1, x2, ... by their positions in the file, then
        comes "target"; all other columns have the names of the file. JSON has no dates: such texts
        stay texts.

    Raises
    ------
    ValueError, TypeError
        If the file holds no table (the error says what it is), has several sheets, is damaged, or
        an option does not fit.
    ImportError
        If the library that reads the format is not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "trees.txt")
    >>> path.write_text('{"tree": "oak", "height": 8.5}\n{"tree": "elm"}\n')
    47
    >>> read_table(path).to_dict()
    {'tree': ['oak', 'elm'], 'height': [8.5, None]}
    """
    path, found = recognized(path)
    if sheet is not None:
        options["sheet"] = sheet
    check_options(options, found, path)
    return read_as(path, found, options)


def recognized(path: Path) -> tuple[Path, FileFormat]:
    """Return a file that can be read several times, and its format; raise for no table."""
    check_path(path)
    if isdir(path):
        raise ValueError(f"path must be a file; {printable(path)} is a folder: use bp.data.source")
    path = once_read(path)
    found = format_of(path)
    if not found.key:
        raise ValueError(f"{printable(path)} is {found.noun}, not a table; {found.advice}")
    return path, found


def check_options(options: Collection[str], found: FileFormat, path: Path) -> None:
    """Raise an error for the first option that does not exist, or does not go with a format."""
    known = (*CSV_OPTIONS, "sheet")
    for name in options:
        if name not in known:
            raise TypeError(
                f"read_table got an unexpected keyword argument {name!r}{hint(name, known, Table)}"
            )
        if name not in OPTIONS.get(found.key, ()):
            goes_with = "a workbook" if name == "sheet" else "a CSV file"
            raise ValueError(f"{name} goes with {goes_with}; {printable(path)} is {found.noun}")


def read_as(path: Path, found: FileFormat, options: dict[str, Any]) -> Table:
    """Read a file of a known format; its reader is imported only now."""
    if found.key == "csv":
        return read_csv(path, **options)
    if found.key in ("excel", "ods"):
        from .workbook import read_workbook

        return read_workbook(path, found.noun, **options)
    if found.key == "arff":
        from .arff import read_arff

        return read_arff(path)
    if found.key == "libsvm":
        from .svmlight import read_svmlight

        return read_svmlight(path, found.noun)
    if found.key == "json":
        from .json_file import read_json

        return read_json(path)
    if found.key in ("npy", "npz", "idx"):
        from .numpy_file import read_numpy

        return read_numpy(path, found)
    from .arrow_file import read_arrow

    return read_arrow(path, found)


def training_table(path: Path, kinds: Mapping[str, Any]) -> Table:
    """Read a file to train on; the kinds of some columns help to read a CSV file.

    Without them zip codes such as 01067 would be numbers.
    """
    path, found = recognized(path)
    return read_as(path, found, {"kinds": kinds} if kinds and found.key == "csv" else {})


def file_table(path: Path, preprocessor: Preprocessor, **options: Any) -> Table:
    """Read a file for a preprocessor that is fitted: texts stay texts, even if they look otherwise.

    A text column whose cells are all digits in this file is a category too, and a LIBSVM file,
    which leaves out zeros, gets the columns that have no other value.

    Parameters
    ----------
    path : str or path-like
    preprocessor : Preprocessor
    options
        Of `read_table`.

    Returns
    -------
    Table
    """
    path, found = recognized(path)
    check_options(options, found, path)
    if found.key == "csv":
        told = options.pop("kinds", None) or {}
        names = set(column_names(path, **options))
        texts = dict.fromkeys(names.intersection(text_columns(preprocessor)), "category")
        return read_csv(path, **options, kinds=texts | told)
    table = read_as(path, found, options)
    if found.key == "libsvm":
        absent = [name for name in preprocessor.columns if name not in table and name != TARGET]
        zeros = [Column(name, "number", np.zeros(len(table)), dtype="int64") for name in absent]
        return Table([*zeros, *table], table.name, table.place, table.notes)
    return table


def text_columns(preprocessor: Preprocessor) -> list[str]:
    """Return the columns that are categories of texts in the training rows, the target too."""
    names = [
        encoder.name
        for encoder in preprocessor.encoders
        if isinstance(encoder, CategoryEncoder)
        and encoder.kind == "category"
        and all(isinstance(level, str) for level in encoder.levels)
    ]
    classes = preprocessor.classes
    if classes and all(isinstance(level, str) for level in classes):
        names += preprocessor.target_names[:1]
    return names
