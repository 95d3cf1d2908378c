"""`backprop-rs predict`: write the predictions of a saved model as CSV or JSON."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from .._internal.printable import printable, say
from .._internal.writing import writing
from ..data.preparation import Preparation
from ..data.preprocessor import UnknownLevels, warn_of_unknown_levels
from ..data.table_stream import parts_of
from ..model import Model, load
from ..network import Network
from .saved_model import check_size
from .source import csv_options, open_once, read_to_predict
from .tables import Data, table_for


@dataclass(frozen=True)
class Predictions:
    """The predictions of some rows.

    Attributes
    ----------
    answers : array
        Classes (m,), labels (m, k), or values (m,) or (m, k).
    shares : array or None
        The probabilities (m, n) of the classes or labels.
    """

    answers: NDArray[Any]
    shares: NDArray[Any] | None = None

    def rows(self) -> Iterator[list[str]]:
        """Yield the cells of each row."""
        answers = self.answers.reshape(len(self.answers), -1).astype(str).tolist()
        if self.shares is None:
            yield from answers
            return
        shares = self.shares.astype(str).tolist()
        for row, more in zip(answers, shares, strict=True):
            yield [*row, *more]


def run(args: Namespace) -> None:
    """Predict DATA and write the predictions to --out or standard output."""
    saved = load(args.model, backend=args.backend or "auto")
    if isinstance(saved, Model):
        data = table_for(saved, args, args.stream)
        names, parts = header_of(saved), predictions(saved, data)
        classes: Sequence[Any] = saved.classes
    else:
        preparation = Preparation.from_metadata(saved.metadata, saved.sizes)
        data_set = read_to_predict(open_once(args.data), preparation, args.stream,
                                   csv_options(args))  # fmt: skip
        check_size(args.data, data_set.n_features, saved)
        activations = saved.predict(preparation.inputs(data_set))
        names, classes, one = of_network(saved, preparation, activations)
        parts = iter([one])
    if args.json:
        write_json(args.out, names, classes, parts)
    else:
        write_csv(args.out, names, parts)


def header_of(model: Model) -> list[str]:
    """Return the names of the columns of predictions."""
    names = model.preprocessor.target_names
    if model.classes:
        return ["prediction", *map(str, model.classes)]
    target = model.preprocessor.target
    if target is not None and target.kind == "labels":
        return [*names, *(f"probability of {name}" for name in names)]
    return ["prediction"] if len(names) == 1 else list(names)


def predictions(model: Model, data: Data) -> Iterator[Predictions]:
    """Yield the predictions of each part of the data."""
    unknown: UnknownLevels = {}
    target = model.preprocessor.target
    for part in parts_of(data):
        outputs = model._outputs_of_part(part, unknown)
        answers = model.preprocessor.inverse_transform(outputs)
        are_values = target is not None and target.kind == "values"
        yield Predictions(answers, None if are_values else outputs)
    warn_of_unknown_levels(unknown)


def of_network(
    network: Network, preparation: Preparation, activations: NDArray[Any]
) -> tuple[list[str], Sequence[Any], Predictions]:
    """Return the header, the classes and the predictions: values are in the target's units."""
    n_outputs = activations.shape[1]
    names = preparation.class_names
    if not names and network.output != "softmax":
        columns = [f"prediction_{j + 1}" for j in range(n_outputs)]
        values = preparation.values(activations)
        return columns if n_outputs > 1 else ["prediction"], (), Predictions(values)
    names = names or tuple(map(str, range(n_outputs)))
    best = activations.argmax(axis=1)
    if len(names) > n_outputs:  # the only output stands for the second class
        best = (activations[:, 0] >= network._threshold()).astype(int)
        activations = np.hstack([1 - activations, activations])
    return ["prediction", *names], names, Predictions(np.array(names)[best], activations)


def write_csv(out: str | None, header: list[str], parts: Iterable[Predictions]) -> None:
    """Write predictions as CSV to a file or to standard output."""
    if out is None:
        file = standard_output()
        is_terminal = file.isatty()  # control characters in names could move the cursor
        for row in rows_of(header, parts):
            write_row(file, list(map(printable, row)) if is_terminal else row)
        return
    count = -1
    with writing(out, devices=True) as raw:
        file = TextIOWrapper(raw, encoding="utf-8", newline="")
        for row in rows_of(header, parts):
            write_row(file, row)
            count += 1
        file.flush()
        file.detach()  # `writing` closes the raw file
    say(f"{count:,} predictions saved to {out}")


def rows_of(header: list[str], parts: Iterable[Predictions]) -> Iterator[list[str]]:
    """Yield the header and all rows."""
    first = None
    for part in parts:
        if first is None:  # an error in the data is reported before anything is written
            first = part
            yield header
        yield from part.rows()
    if first is None:
        yield header


def write_row(file: TextIO, row: list[str]) -> None:
    """Write a row as CSV."""
    import csv

    csv.writer(file, lineterminator="\n").writerow(row)


def standard_output() -> TextIO:
    """Return standard output; a file or a pipe gets UTF-8, so that no name is changed."""
    if isinstance(sys.stdout, TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding="utf-8", errors="strict")
    return sys.stdout


def write_json(
    out: str | None, names: list[str], classes: Sequence[Any], parts: Iterable[Predictions]
) -> None:
    """Write predictions as one JSON document."""
    every = list(parts)
    document: dict[str, Any] = {
        "columns": names,
        "classes": list(classes),
        "predictions": [answer for part in every for answer in part.answers.tolist()],
    }
    if every and every[0].shares is not None:
        document["probabilities"] = [
            row for part in every if part.shares is not None for row in part.shares.tolist()
        ]
    text = json.dumps(document, allow_nan=False)
    if out is None:
        print(text)
        return
    with writing(out, devices=True) as raw:
        raw.write(text.encode())
    say(f"{len(document['predictions']):,} predictions saved to {out}")
