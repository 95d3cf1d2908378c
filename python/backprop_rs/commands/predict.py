"""`backprop-rs predict`: a saved network's answers as CSV."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from .._internal.printable import printable, say
from .._internal.writing import writing
from ..network import Network
from .preparation import Preparation
from .source import read_to_predict

if TYPE_CHECKING:
    from numpy.typing import NDArray


def run(args: Namespace) -> None:
    network = Network.load(args.model, backend=args.backend)
    preparation = Preparation.from_metadata(network.metadata, network.sizes)
    dataset = read_to_predict(args.data, preparation, args.stream)
    check_size(args.data, dataset.n_features, network)
    activations = network.predict(preparation.inputs(dataset))
    header, rows = table(network, preparation, activations)
    if args.out is None:
        if sys.stdout.isatty():  # names as they are could write anywhere on the screen
            header, rows = shown(header), map(shown, rows)
        write(sys.stdout, header, rows)
        return
    with writing(args.out, devices=True) as raw:
        file = TextIOWrapper(raw, encoding="utf-8", newline="")
        write(file, header, rows)
        file.flush()
        file.detach()
    say(f"{len(dataset):,} predictions saved to {args.out}")


def check_size(data: str, n_features: int, network: Network) -> None:
    """Say it in terms of the data: with a scaling, the network would not be the first to notice."""
    if n_features != network.sizes[0]:
        raise ValueError(f"DATA must have {network.sizes[0]} features; {data} has {n_features}")


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
    if len(names) > n_outputs:  # one probability, that of the second class
        best = (activations[:, 0] >= 0.5).astype(int)
        activations = np.hstack([1 - activations, activations])
    texts = activations.astype(str).tolist()
    return ["prediction", *names], ([names[j], *row] for j, row in zip(best, texts, strict=True))


def shown(cells: list[str]) -> list[str]:
    return list(map(printable, cells))


def write(file: TextIO, header: list[str], rows: Iterable[list[str]]) -> None:
    import csv

    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
