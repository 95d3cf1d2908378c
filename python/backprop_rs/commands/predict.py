"""`backprop-rs predict`: write the predictions of a saved network as CSV."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from .._internal.printable import printable, say
from .._internal.writing import writing
from ..data.preparation import Preparation
from ..model import Model, load
from ..network import Network
from .saved_model import check_size
from .source import csv_options, read_to_predict
from .tables import predictions

if TYPE_CHECKING:
    from numpy.typing import NDArray


def run(args: Namespace) -> None:
    """Predict DATA and write the predictions to --out or standard output."""
    saved = load(args.model, backend=args.backend)
    if isinstance(saved, Model):
        if args.stream:
            raise ValueError("--stream does not go with a model of tables; leave it out")
        header, rows, n_rows = predictions(saved, args.data, csv_options(args))
    else:
        preparation = Preparation.from_metadata(saved.metadata, saved.sizes)
        dataset = read_to_predict(args.data, preparation, args.stream, csv_options(args))
        check_size(args.data, dataset.n_features, saved)
        activations = saved.predict(preparation.inputs(dataset))
        header, rows = table(saved, preparation, activations)
        n_rows = len(dataset)
    if args.out is None:
        if sys.stdout.isatty():  # control characters in names could move the cursor
            header, rows = printable_cells(header), map(printable_cells, rows)
        write(sys.stdout, header, rows)
        return
    with writing(args.out, devices=True) as raw:
        file = TextIOWrapper(raw, encoding="utf-8", newline="")
        write(file, header, rows)
        file.flush()
        file.detach()  # `writing` closes the raw file
    say(f"{n_rows:,} predictions saved to {args.out}")


def table(
    network: Network, preparation: Preparation, activations: NDArray[Any]
) -> tuple[list[str], Iterable[list[str]]]:
    """Return the header and the rows: class and activations, or values in the target's units."""
    n_outputs = activations.shape[1]
    names = preparation.class_names
    if not names and network.output != "softmax":
        columns = [f"prediction_{j + 1}" for j in range(n_outputs)]
        rows = preparation.values(activations).astype(str).tolist()
        return columns if n_outputs > 1 else ["prediction"], rows
    names = names or tuple(map(str, range(n_outputs)))
    best = activations.argmax(axis=1)
    if len(names) > n_outputs:  # the only output stands for the second class
        best = (activations[:, 0] >= network._threshold()).astype(int)
        activations = np.hstack([1 - activations, activations])
    texts = activations.astype(str).tolist()
    return ["prediction", *names], ([names[j], *row] for j, row in zip(best, texts, strict=True))


def printable_cells(cells: list[str]) -> list[str]:
    """Escape control characters in the cells of a row."""
    return list(map(printable, cells))


def write(file: TextIO, header: list[str], rows: Iterable[list[str]]) -> None:
    """Write a header and rows as CSV."""
    import csv

    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
