"""Read DATA of the command line: a name, a file, or a folder of MNIST-format files or shards."""

from __future__ import annotations

import sys
import zipfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .. import data
from .._internal.memory import available, shown
from ..data import Dataset
from ..data.file_formats import format_of
from ..data.io import Contents, once_read, open_binary
from ..data.preparation import Preparation, known_names
from ..data.table_options import listed
from ..exceptions import MissingCell
from . import source_set
from .options import OF_READER, READER, given
from .source_set import SourceSet

BUILT_IN = {"iris": data.load_iris, "digits": data.load_digits}


def csv_options(args: Namespace) -> dict[str, Any]:
    """Return the options of `read_csv` that are given."""
    options = given(args, READER, OF_READER)
    if "kinds" in options:
        options["kinds"] = dict(
            kind_of_column(part) for text in options["kinds"] for part in parts_of_kinds(text)
        )
    return options


def parts_of_kinds(text: str) -> list[str]:
    """Return the parts of "zip=category,age=number"; names may have commas.

    >>> parts_of_kinds("zip=category,age=number"), parts_of_kinds("a,b=number")
    (['zip=category', 'age=number'], ['a,b=number'])
    """
    parts = text.split(",")
    return parts if all("=" in part for part in parts) else [text]


def kind_of_column(text: str) -> tuple[str, str]:
    """Return the name and the kind of "zip=category"."""
    name, sign, kind = text.rpartition("=")
    if not sign:
        raise ValueError(f"--kind must be COLUMN=KIND; got {text!r}")
    return name.strip(), kind.strip()


def check_csv_options(options: dict[str, Any], path: str) -> None:
    """Raise ValueError if options of CSV files are given for other data."""
    for name in options:
        option = "kind" if name == "kinds" else name.replace("_", "-")
        raise ValueError(f"--{option} goes with a CSV file; got {path}")


def read_to_train(args: Namespace) -> tuple[Dataset | SourceSet, Dataset | SourceSet | None]:
    """Return arrays to train on, and the test set if DATA has one."""
    kind = kind_of(args.data)
    classes = "auto" if args.classes is None else args.classes
    check_stream(args.data, kind, args.stream)
    if kind == "source":
        return SourceSet(data.source(args.data), classes), None
    if kind == "csv":
        raise ValueError(f"DATA must be arrays, as those of the training are; got {args.data}")
    if kind == "npz":
        if holds_split(args.data):
            return data.load_npz_split(args.data, classes=classes)
        return data.load_npz(args.data, classes=classes), None
    if kind == "folder":
        return data.load_mnist_folder(args.data)
    if kind == "idx":
        raise ValueError(f"DATA must be the folder of the file to train; got {args.data}")
    return BUILT_IN[args.data](), None


def read_to_predict(
    path: str,
    preparation: Preparation,
    stream: bool = False,
    how: dict[str, Any] | None = None,
) -> Dataset | SourceSet:
    """Return the samples to predict: the test set if DATA has one, otherwise all.

    `how` are the options of a CSV file.
    """
    how = how or {}
    path = open_once(path)
    kind = kind_of(path)
    check_stream(path, kind, stream)
    if kind == "source" or stream:
        return source_set.set_to_predict(path, preparation, how)
    if kind == "csv":
        check_memory(path)
        with without_missing_cells():
            return data.load_csv(
                path,
                target=False,
                features=preparation.feature_names or None,  # by name, in any order
                missing=preparation.fill_values or "error",
                **how,
            )
    check_csv_options(how, path)
    if kind == "npz":
        dataset = data.load_npz_split(path)[1] if holds_split(path) else data.load_npz(path)
    elif kind == "folder":
        dataset = data.load_mnist_folder(path)[1]
    else:
        dataset = data.load_idx(path) if kind == "idx" else BUILT_IN[path]()
    check_names(dataset, preparation)
    return dataset


def open_once(name: str) -> str:
    """Return DATA; read a pipe, or "-" for standard input, into memory: it comes only once."""
    if isinstance(name, Contents):
        return name
    if name == "-":
        contents: Any = Contents("standard input", sys.stdin.buffer.read())
    else:
        contents = once_read(name)
    return contents  # type: ignore[no-any-return]


def kind_of(name: str) -> str:
    """Return "built-in", "folder", "npz", "idx", "csv" or "source"; raise ValueError otherwise."""
    if isinstance(name, Contents):
        return kind_of_contents(name)
    path = Path(name)
    if name in BUILT_IN:
        return "built-in"
    if path.exists() and source_set.is_out_of_core(path):
        return "source"
    if path.is_dir():
        return "folder"
    if not path.exists():
        raise ValueError(unknown_data(name))
    if path.suffix.lower() == ".npz":
        return "npz"
    return "idx" if is_idx(path) else "csv"


def kind_of_contents(contents: Contents) -> str:
    """Return "csv" for a table, or "idx", for the contents of a pipe."""
    found = format_of(contents)
    if found.key in ("npz", "npy", "zip"):
        noun = "an .npz file" if found.key == "zip" else found.noun
        raise ValueError(f"{contents.name} must be a table; got {noun}, which must be a file")
    return "idx" if is_idx(contents) else "csv"


def is_idx(path: Path | Contents) -> bool:
    """Return True if a file begins as an IDX file does; no text has bytes of 0."""
    try:
        with open_binary(path) as file:
            return file.read(2) == b"\0\0"
    except ValueError:  # a damaged .gz file, which its reader reports
        return False


def unknown_data(name: str) -> str:
    """Return the error message for DATA that does not exist."""
    from .._internal.error import edit_distance

    names = ", ".join(BUILT_IN)
    sentence = (
        f"DATA must be {names}, a CSV, .npz or Parquet file, or a folder of these or of "
        f"MNIST-format files; there is no {name!r}"
    )
    nearest = min(BUILT_IN, key=lambda known: edit_distance(name, known))
    is_close = edit_distance(name, nearest) <= 2
    return f"{sentence} (did you mean {nearest!r}?)" if is_close else sentence


def check_stream(path: str, kind: str, stream: bool) -> None:
    """Raise ValueError if --stream is given for data that cannot be streamed."""
    if stream and isinstance(path, Contents):
        raise ValueError(
            f"--stream needs a file, which can be read more than once; got {path.name}"
        )
    if stream and kind not in ("csv", "source"):
        raise ValueError(f"--stream goes with tables and folders of shards; got {path}")


def check_memory(path: str) -> None:
    """Raise ValueError if a file is larger than the free memory, and suggest --stream."""
    if isinstance(path, Contents):
        return
    size, free = Path(path).stat().st_size, available()
    if free is not None and size > free:
        raise ValueError(
            f"{path} has {shown(size)}, and {shown(free)} of memory are free: "
            "give --stream to read it as it is needed"
        )


@contextmanager
def without_missing_cells() -> Iterator[None]:
    """Replace the message about a missing cell by what helps once a model is trained."""
    try:
        yield
    except MissingCell as error:
        if error.of_target:
            raise ValueError(f"{error.place}: the target is missing; leave the row out") from None
        raise ValueError(
            f"{error.place}: the cell is missing, and MODEL, a network, keeps no value to fill it "
            "with; train a model of the table, which does"
        ) from None


def holds_split(path: str) -> bool:
    """Return True if an .npz file holds x_train; False for a damaged file."""
    try:
        with zipfile.ZipFile(path) as file:
            return "x_train.npy" in map(str.lower, file.namelist())
    except zipfile.BadZipFile:
        return False


def check_names(dataset: Dataset, preparation: Preparation) -> None:
    """Raise ValueError if the data have other feature names than the training data had."""
    names, expected = known_names(dataset), preparation.feature_names
    if names and expected and names != expected:
        raise ValueError(f"DATA must have the features {listed(expected)}; got {listed(names)}")
